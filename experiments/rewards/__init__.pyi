# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .paid import PerceptualConfig as PerceptualConfig
from .paid import PerceptualShapingConfig as PerceptualShapingConfig
from .saved import load_reward as load_reward
from .saved import save_reward as save_reward
