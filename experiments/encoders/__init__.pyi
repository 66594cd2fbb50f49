# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from experiments.encoders.pretrained import PretrainedConfig as PretrainedConfig
from experiments.encoders.saved import load_encoder as load_encoder
from experiments.encoders.saved import save_encoder as save_encoder
