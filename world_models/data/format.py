"""The data set format on disk: a folder of shards, and metadata of their columns.

    FOLDER/dataset.json              format, columns, and where the data come from
    FOLDER/shard-00000/obs.npy       one file per column, [rows, ...], for any NumPy
    FOLDER/shard-00000/facts/….npy   one file per fact
    FOLDER/shard-00000/segments.npy  whose rows these are, see `dataset_shard`
    FOLDER/shard-00000/shard.json    lengths and checksums of the files beside it

Rows are what a vector env shows, and what led there. Row n of a **stream** (one env
from the first row to the last, or one video) has

- `obs` uint8 [C, H, W]; `vector` float32 [V], what an agent sees beside the pixels;
  `first`, true on the first row of each episode; facts;
- `action`, `reward`, `terminated`, `truncated` of the transition **into** the row.

The action of row 0 of a stream is zero, since nothing led there. The action of every
other `first` row was ignored by the world and is kept as it was; a `first` row has
reward 0 and no end flag. Continuous actions are what was done, within their bounds, and
not what a policy asked for. So T transitions from row n on are the T+1 frames n … n+T
and the actions, rewards and flags of rows n+1 … n+T. Still images are one stream in
which every row is `first`. Columns that a source does not have are absent, and read as
zeros (`vector` as None).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

FORMAT_VERSION = 1
FACTS = "facts/"  # prefix of facts among the names of columns

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_FACT_KINDS = "biuf"  # bool, integers, floats: NumPy's letters


@dataclass(frozen=True)
class Column:
    """Shape (of one row) and dtype (NumPy's name) of a column.

    `names[i]` says what the value i means, where it is known (classes of images), and
    `unit` what numbers are in (`px`, `px/step`), where they are in something.
    """

    shape: tuple[int, ...]
    dtype: str
    names: tuple[str, ...] = ()
    unit: str = ""

    @property
    def num_bytes(self) -> int:
        """Bytes of one row."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class DiscreteColumn:
    """Actions `0 … n-1` as int64; `names[i]` says what action i does, where known."""

    n: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContinuousColumn:
    """Actions as float32 vectors, with a lower and an upper bound per component."""

    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class DatasetSpec:
    """What each row of a data set holds.

    Attributes:
        obs_shape: (C, H, W) of a frame, with any number of channels.
        actions: what led to each row; None where nobody acted (videos, images).
        rewards: whether rewards are known.
        ends: whether it is known which episodes were terminated or truncated.
        facts: ground truth beside the pixels, by name.
        frames_per_step: emulated frames per row, see `EnvSpec`.
        vector_size: V, numbers of `vector`; 0 where there is none.

    Raises:
        ValueError: a shape, a dtype or a name that the format cannot hold.
    """

    obs_shape: tuple[int, int, int]
    actions: DiscreteColumn | ContinuousColumn | None = None
    rewards: bool = False
    ends: bool = False
    facts: Mapping[str, Column] = field(default_factory=dict)
    frames_per_step: int = 1
    vector_size: int = 0

    def __post_init__(self) -> None:
        shape = self.obs_shape
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(
                f"frames must be (C, H, W) with at least one of each, not {shape}"
            )
        if self.vector_size < 0:
            raise ValueError(f"a vector cannot have {self.vector_size} numbers")
        for name, fact in self.facts.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"a fact cannot be named {name!r}")
            if np.dtype(fact.dtype).kind not in _FACT_KINDS:
                raise ValueError(f"the fact {name!r} has dtype {fact.dtype}")
            if min(fact.shape, default=1) < 1:
                raise ValueError(f"the fact {name!r} has shape {fact.shape}")

    @property
    def columns(self) -> dict[str, Column]:
        """All columns by name; facts are named `facts/NAME`."""
        columns = {"obs": Column(self.obs_shape, "uint8"), "first": Column((), "bool")}
        if self.vector_size:
            columns["vector"] = Column((self.vector_size,), "float32")
        if isinstance(self.actions, DiscreteColumn):
            columns["action"] = Column((), "int64", self.actions.names)
        elif isinstance(self.actions, ContinuousColumn):
            columns["action"] = Column((len(self.actions.low),), "float32")
        if self.rewards:
            columns["reward"] = Column((), "float32")
        if self.ends:
            columns["terminated"] = columns["truncated"] = Column((), "bool")
        return columns | {FACTS + name: fact for name, fact in self.facts.items()}

    @property
    def row_bytes(self) -> int:
        """Bytes of one row on disk."""
        return sum(x.num_bytes for x in self.columns.values())
