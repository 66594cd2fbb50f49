# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.train.config import TrainConfig as TrainConfig
from experiments.train.presets import train_config as train_config
from experiments.train.task import TrainResult as TrainResult
from experiments.train.task import train as train
