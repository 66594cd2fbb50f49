# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.data.config import ImportConfig as ImportConfig
from experiments.data.image_folder import FolderConfig as FolderConfig
from experiments.data.importing import import_data as import_data
from experiments.data.mixed_images import MixedConfig as MixedConfig
