"""Batched worlds behind one contract; the only package that imports simulators."""

from envs.face import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
