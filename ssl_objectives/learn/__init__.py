"""Training an encoder by a method: the trainer, and its optimiser."""
