"""Minari data sets in, and data sets of ours out to Minari."""
