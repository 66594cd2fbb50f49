"""Stable-Baselines3: our curiosity, our worlds and our players for its users.

The only room below `experiments` that knows it; nobody in `agents` knows this room.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
