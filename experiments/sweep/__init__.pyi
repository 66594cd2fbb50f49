# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import SweepOptions as SweepOptions
from .sweep import sweep as sweep
