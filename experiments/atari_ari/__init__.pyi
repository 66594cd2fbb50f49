# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .arms import Arm as Arm
from .arms import Pairs as Pairs
from .arms import Sequences as Sequences
from .cell import Budget as Budget
from .cell import run_cell as run_cell
from .frames import Frames as Frames
from .frames import collect as collect
from .protocol import Scores as Scores
from .protocol import Sides as Sides
from .protocol import encoding as encoding
from .protocol import read_labels as read_labels
from .protocol import sides as sides
