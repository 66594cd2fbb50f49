# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import WatchConfig as WatchConfig
from .watching import watch as watch
