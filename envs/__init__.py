"""Batched worlds behind one contract; the only package that imports simulators."""

import lazy_loader

from envs.registration import register_when_loaded

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register_when_loaded()
