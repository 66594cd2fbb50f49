"""Nearest neighbours among many states, and signals that pay their distance."""
