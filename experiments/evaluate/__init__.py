"""`curious evaluate`: how well an agent plays, beside random play."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
