# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.sweep.task import SweepOptions as SweepOptions
from experiments.sweep.task import sweep as sweep
