"""Curiosity (intrinsic reward) signals, and the normalisation of their rewards."""
