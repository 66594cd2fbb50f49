"""Methods that tell a positive from other rows of the batch."""
