# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import PlanConfig as PlanConfig
from .planning import Planned as Planned
from .planning import plan as plan
