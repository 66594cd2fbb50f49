# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .sweep import SweepOptions as SweepOptions
from .sweep import sweep as sweep
