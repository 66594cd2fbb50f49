"""Policies, PPO and curiosity: everything that turns a model's loss into behaviour."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
