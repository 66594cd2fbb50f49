# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import WatchConfig as WatchConfig
from .watching import Watched as Watched
from .watching import watch as watch
from .watching import watch_world as watch_world
from .world_config import WatchWorldConfig as WatchWorldConfig
