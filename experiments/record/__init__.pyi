# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.record.recording import RecordConfig as RecordConfig
from experiments.record.recording import Recording as Recording
from experiments.record.recording import record as record
