"""Rewards learned from demonstrations, which need no world and no reward of its."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
