# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import PictureConfig as PictureConfig
from .picturing import Pictured as Pictured
from .picturing import picture as picture
