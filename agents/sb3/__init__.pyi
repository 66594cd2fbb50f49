# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .curious import CuriousVecEnv as CuriousVecEnv
from .features import EncoderFeatures as EncoderFeatures
from .log import CuriosityLog as CuriosityLog
from .policy import PlayerPolicy as PlayerPolicy
from .worlds import WorldVecEnv as WorldVecEnv
