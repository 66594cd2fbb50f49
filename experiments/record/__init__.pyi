# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .recording import RecordConfig as RecordConfig
from .recording import Recording as Recording
from .recording import record as record
