# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import ImportConfig as ImportConfig
from .image_folder import FolderConfig as FolderConfig
from .importing import import_data as import_data
from .mixed_images import MixedConfig as MixedConfig
