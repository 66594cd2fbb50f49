# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .folder import RunFolder as RunFolder
from .logger import read_metrics as read_metrics
from .session import RunResult as RunResult
