# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import ImportConfig as ImportConfig
from .importing import import_data as import_data
