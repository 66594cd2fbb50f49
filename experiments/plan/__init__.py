"""`curious plan`: goals that a trained world model reaches by planning."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
