"""Pretraining an encoder by a method: the training step, and the optimiser."""
