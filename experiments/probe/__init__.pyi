# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .config import ProbeConfig as ProbeConfig
from .played import played_footage as played_footage
from .probing import Probed as Probed
from .probing import probe_model as probe_model
from .recorded import recorded_footage as recorded_footage
