# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.pretrain.config import PretrainConfig as PretrainConfig
from experiments.pretrain.distinct_order import DistinctConfig as DistinctConfig
from experiments.pretrain.presets import pretrain_config as pretrain_config
from experiments.pretrain.task import PretrainResult as PretrainResult
from experiments.pretrain.task import pretrain as pretrain
