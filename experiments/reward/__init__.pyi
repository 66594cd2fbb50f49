# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .demonstrations import read_demonstrations as read_demonstrations
from .eyes import WorldModelEncoderConfig as WorldModelEncoderConfig
from .fit_config import FitConfig as FitConfig
from .fitting import fit as fit
from .show_config import ShowConfig as ShowConfig
from .showing import Shown as Shown
from .showing import show as show
