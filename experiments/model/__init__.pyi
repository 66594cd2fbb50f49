# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import TrainModelConfig as TrainModelConfig
from .presets import train_model_config as train_model_config
from .saved import load_world_model as load_world_model
from .sources.recorded import DatasetConfig as DatasetConfig
from .sources.source import Source as Source
from .sources.source import SourceConfig as SourceConfig
from .sources.worlds import WorldsConfig as WorldsConfig
from .task import train_model as train_model
