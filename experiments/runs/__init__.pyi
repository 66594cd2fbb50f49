# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.runs.folder import RunFolder as RunFolder
from experiments.runs.logger import read_metrics as read_metrics
