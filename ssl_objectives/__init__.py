"""Self-supervised objectives, encoders and targets; knows no env, action or reward."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
