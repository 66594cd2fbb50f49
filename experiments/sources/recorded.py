"""Windows of a data set that was recorded or imported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from envs.vector_env import ContinuousActions, DiscreteActions
from experiments.sources.source import Offered, Source
from ssl_objectives.distributed import num_processes, rank
from ssl_objectives.images.random_order import EpochOrder
from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import DiscreteColumn
from world_models.data.index import Starts
from world_models.data.windows import Windows
from world_models.trajectory import Trajectory

HELD_OUT = 0.1  # share of the windows that is only measured on


@final
class Recorded(Source):
    """Windows of a data set; its last tenth is only measured on.

    Args:
        dataset: with actions.
        fresh: windows begin where episodes do.
        num_steps, batch_size, seed, device: see `SourceConfig.open`.

    Raises:
        DatasetError: nobody acted in it, or it is too small.
    """

    def __init__(
        self,
        dataset: Dataset,
        fresh: bool,
        num_steps: int,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        spec = dataset.spec
        self.space = _actions(dataset)
        facts = tuple(spec.facts)
        self.offered = Offered(spec.obs_shape, self.space, spec.vector_size, facts)
        # windows of T+1 rows that share none with each other
        starts = dataset.starts(num_steps + 1, num_steps + 1, fresh)
        self.learned = int((1 - HELD_OUT) * len(starts))
        self.kept_back = _kept_back(starts, self.learned, num_steps + 1)
        if self.learned < batch_size or len(self.kept_back) < 2:
            raise DatasetError(
                f"{dataset.path} has {len(starts):,} windows of {num_steps} steps, of "
                f"which a tenth is kept to measure on: too few for batches of "
                f"{batch_size}. Record more, or lower --num-steps or --batch-size "
                "(of demonstrations --imitation.num-steps, --imitation.batch)."
            )
        order = EpochOrder(self.learned, batch_size, seed)
        self.source = dataset.source
        self.windows = Windows(dataset.reader, starts, order, num_steps, facts, device)

    def next(self) -> Trajectory:
        """The next batch of the epoch, or the first of the next one.

        The batch is the same however many processes there are; each takes its part.
        """
        try:
            chosen = next(self.windows.order)
        except StopIteration:  # an epoch is over
            chosen = next(self.windows.order)
        return self._at(np.split(chosen, num_processes())[rank()])

    def held_out(self, batch_size: int, part: int) -> Iterator[Trajectory]:
        """The windows kept back: of two neighbours, one in each part; then no more."""
        numbers = self.kept_back[part::2]
        for i in range(0, len(numbers), batch_size):
            yield self._at(numbers[i : i + batch_size])

    def _at(self, numbers: Any) -> Trajectory:
        """Windows by their numbers; what was done becomes what would be told."""
        traj = self.windows.at(self.windows.starts[numbers])
        if isinstance(self.space, ContinuousActions):
            traj = replace(traj, action=self.space.from_bounds(traj.action))
        return traj

    def state_dict(self) -> dict[str, Any]:
        """The place in the epoch."""
        return self.windows.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on there."""
        self.windows.load_state_dict(dict(state))


@dataclass(frozen=True)
class DatasetConfig:
    """A data set of `curious record` or `curious import`."""

    path: Path | None = None
    """its folder"""
    fresh: bool = False
    """trajectories begin where episodes do"""

    @property
    def about(self) -> str:
        """The folder's name."""
        return "data" if self.path is None else self.path.absolute().name

    def open(
        self, num_steps: int, batch_size: int, seed: int, device: torch.device
    ) -> Recorded:
        """Open it; see `SourceConfig.open`."""
        if self.path is None:
            raise ConfigError(
                "Which data set? Give its folder: --data.path FOLDER (curious record "
                "and curious import make one)."
            )
        dataset = open_dataset(self.path)
        return Recorded(dataset, self.fresh, num_steps, batch_size, seed, device)


def _kept_back(starts: Starts, learned: int, num_rows: int) -> NDArray[np.int64]:
    """Numbers of the windows behind the learned ones that share no row with any other.

    Where windows begin with episodes, a short episode's reaches into the next one.
    """
    last = starts[np.arange(learned)[-1:]].tolist()
    end = last[0] + num_rows if last else 0
    chosen, behind = [], np.arange(learned, len(starts))
    for number, row in zip(behind.tolist(), starts[behind].tolist(), strict=True):
        if row >= end:
            chosen.append(number)
            end = row + num_rows
    return np.array(chosen, np.int64)


def _actions(dataset: Dataset) -> DiscreteActions | ContinuousActions:
    """The action space of whoever acted in a data set."""
    column = dataset.spec.actions
    if column is None:
        raise DatasetError(
            f"In {dataset.path} nobody acts, and a world model predicts what actions "
            "bring about. Record a world (curious record), or import data with actions."
        )
    if isinstance(column, DiscreteColumn):
        return DiscreteActions(column.n)
    return ContinuousActions(column.low, column.high)
