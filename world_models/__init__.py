"""Latent dynamics over `[T, B]`: beliefs, open-loop prediction, targets, replay."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
