# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .pretrained import PretrainedConfig as PretrainedConfig
from .saved import load_encoder as load_encoder
from .saved import save_encoder as save_encoder
