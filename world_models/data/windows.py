"""Minibatches of a data set, in random order and resumable: windows, or frames."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, Shaped, UInt8
from numpy.typing import NDArray
from torch import Tensor

from ssl_objectives.images.random_order import EpochOrder
from world_models.data.format import FACTS
from world_models.data.index import Starts
from world_models.data.reader import RowReader
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Windows:
    """Iterates over `Trajectory` batches: the rest of an epoch; again: the next.

    Rows of a window follow one another in their stream; `first` marks where episodes
    begin inside it, and `Trajectory.valid` where transitions count. Columns that the
    data set does not have are zero, but `vector`, which is None.
    """

    reader: RowReader
    starts: Starts
    order: EpochOrder
    num_steps: int
    facts: tuple[str, ...] = ()
    device: torch.device | str = "cpu"

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.order.batches_per_epoch

    def __iter__(self) -> Iterator[Trajectory]:
        """The batches that this epoch still has."""
        for chosen in self.order:
            yield self.at(self.starts[chosen])

    def at(self, row: NDArray[np.int64]) -> Trajectory:
        """The windows that begin at these rows, in this order."""
        spec = self.reader.spec
        own = [x for x in spec.columns if not x.startswith(FACTS)]
        names = [*own, *(FACTS + x for x in self.facts)]
        read = self.reader.read(row, self.num_steps + 1, names)
        rows = {k: torch.from_numpy(v).to(self.device) for k, v in read.items()}
        nothing = rows["first"].new_zeros(self.num_steps, len(row))

        def led_to(name: str, dtype: torch.dtype) -> Tensor:
            return rows[name][1:] if name in rows else nothing.to(dtype)

        return Trajectory(
            action=led_to("action", torch.int64),
            reward=led_to("reward", torch.float32),
            terminated=led_to("terminated", torch.bool),
            truncated=led_to("truncated", torch.bool),
            obs=rows["obs"],
            first=rows["first"],
            facts={x: rows[FACTS + x] for x in self.facts},
            vector=rows.get("vector"),
        )

    def state_dict(self) -> dict[str, Any]:
        """The place in the epoch; batches that were given out are behind it."""
        return self.order.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the batch after the last one before `state_dict`.

        Raises:
            DatasetError: the state is of other windows.
        """
        self.order.load_state_dict(state)


@dataclass(frozen=True)
class ImageBatch:
    """Frames, and the ids of their rows, for objectives that keep something per row."""

    obs: UInt8[Tensor, "N C H W"]
    row: Int64[Tensor, "N"]
    facts: dict[str, Shaped[Tensor, "N ..."]] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageBatches:
    """Iterates over `ImageBatch`es: the rest of an epoch; again: the next."""

    reader: RowReader
    order: EpochOrder
    facts: tuple[str, ...] = ()
    device: torch.device | str = "cpu"

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.order.batches_per_epoch

    def __iter__(self) -> Iterator[ImageBatch]:
        """The batches that this epoch still has."""
        for row in self.order:
            names = ["obs", *(FACTS + x for x in self.facts)]
            read = self.reader.read(row, 1, names)
            rows = {k: torch.from_numpy(v[0]).to(self.device) for k, v in read.items()}
            yield ImageBatch(
                rows["obs"],
                torch.from_numpy(row).to(self.device),
                {x: rows[FACTS + x] for x in self.facts},
            )

    def state_dict(self) -> dict[str, Any]:
        """The place in the epoch; batches that were given out are behind it."""
        return self.order.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the batch after the last one before `state_dict`.

        Raises:
            DatasetError: the state is of another data set or batch size.
        """
        self.order.load_state_dict(state)
