"""The methods, as data: every row is one composition of parts.

Docs, tests, the benchmark and `curious pretrain` go through this table; a new
combination of parts is a new row.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ssl_objectives.heads import Mlp
from ssl_objectives.method import Method
from ssl_objectives.methods.bootstrap import ByolConfig
from ssl_objectives.methods.contrast import InfoNceConfig
from ssl_objectives.methods.moments import VicRegConfig

ZOO: Mapping[str, Method] = MappingProxyType(
    {
        "byol": Method(ByolConfig(), predictor=Mlp()),
        "info-nce": Method(InfoNceConfig()),
        "vicreg": Method(VicRegConfig()),
    }
)
"""Command-line names and methods."""
