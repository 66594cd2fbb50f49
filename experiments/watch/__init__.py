"""`curious watch`: a video of a run's agent, with what it is paid for what it sees."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
