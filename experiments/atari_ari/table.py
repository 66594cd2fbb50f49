"""The arms of our AtariARI table, with their settings."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from experiments.atari_ari.arms import Arm, Pairs, Sequences, Supervised, Untrained
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.method import Method
from ssl_objectives.methods.dense.local_global import StDimConfig
from ssl_objectives.zoo import ZOO
from world_models.cores.recurrent import RecurrentConfig
from world_models.presets import byol_explore, contrastive, jepa_vicreg

_OPTIMIZER = AdamWConfig(learning_rate=1e-3, weight_decay=1e-6)
_HORIZON = 4

MAJORITY = "majority"
"""the arm that looks at nothing"""

ARMS: Mapping[str, Arm] = MappingProxyType(
    {
        "random": Untrained(),
        "st-dim": Pairs(
            Method(StDimConfig(), projector=Mlp(size=128, layers=1)),
            optimizer=_OPTIMIZER,
        ),
        "byol": Pairs(replace(ZOO["byol"], decay=0.99), optimizer=_OPTIMIZER),
        "vicreg": Pairs(ZOO["vicreg"], optimizer=_OPTIMIZER),
        "cpc": Sequences(
            contrastive(_HORIZON), RecurrentConfig(), optimizer=_OPTIMIZER
        ),
        "byol_explore": Sequences(
            byol_explore(_HORIZON), RecurrentConfig(), optimizer=_OPTIMIZER
        ),
        "jepa_vicreg": Sequences(jepa_vicreg(_HORIZON), optimizer=_OPTIMIZER),
        "supervised": Supervised(optimizer=_OPTIMIZER),
    }
)
"""All others, by the name in the table."""
