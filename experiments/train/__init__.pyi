# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import TrainConfig as TrainConfig
from .presets import train_config as train_config
from .task import train as train
