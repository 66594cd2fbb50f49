"""`curious sweep`: a grid of runs, gone on with after anything."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
