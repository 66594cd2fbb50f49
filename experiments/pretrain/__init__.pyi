# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import PretrainConfig as PretrainConfig
from .distinct_order import DistinctConfig as DistinctConfig
from .presets import pretrain_config as pretrain_config
from .task import pretrain as pretrain
