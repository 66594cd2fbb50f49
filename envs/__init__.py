"""Batched worlds behind one contract; the only package that imports simulators."""
