# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .recorded import DatasetConfig as DatasetConfig
from .source import Source as Source
from .source import SourceConfig as SourceConfig
from .worlds import WorldsConfig as WorldsConfig
