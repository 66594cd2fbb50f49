# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import TrainModelConfig as TrainModelConfig
from .presets import train_model_config as train_model_config
from .saved import load_world_model as load_world_model
from .task import train_model as train_model
