"""Trained encoders on disk, and the table of encoders by name."""
