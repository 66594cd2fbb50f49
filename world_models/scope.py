"""Which rows are negatives for a prediction: of other envs, other steps, or all."""

from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Shaped
from torch import Tensor


class Scope(Enum):
    """Where negatives and batch statistics of a world model's objective come from.

    It decides what is learned. Whatever stays constant within an episode tells its
    rows apart from those of other envs perfectly, and predicts itself: across envs,
    an objective prefers it to what moves. Along time it is worth nothing
    (arXiv 2211.10831).
    """

    BATCH = "batch"
    """the same step in the other envs"""
    TIME = "time"
    """the other steps of the same env"""
    ALL = "all"
    """all steps of all envs"""

    def group(self, num_steps: int, num_envs: int, most: int) -> tuple[int, int]:
        """Steps and envs of a group of at most `most` rows."""
        envs = 1 if self is Scope.TIME else min(num_envs, most)
        steps = 1 if self is Scope.BATCH else max(1, min(num_steps, most // envs))
        return steps, envs


@dataclass(frozen=True)
class Groups:
    """Cuts rows `[K, T, B]` into groups `[*G, N]` of one size, whatever T and B are.

    A group is `steps` times `envs` neighbouring rows; K always stays apart. Where a
    size does not divide an axis, the last group begins earlier and overlaps with the
    one before, so that every row is compared with as many others as any other row, and
    with as many in a longer window as in a shorter one. What the overlap gives twice is
    taken from the earlier group.

    Attributes:
        num_steps, num_envs: T and B.
        steps, envs: of a group; see `Scope.group`.
    """

    num_steps: int
    num_envs: int
    steps: int
    envs: int

    def split(self, x: Shaped[Tensor, "K T B *D"]) -> Shaped[Tensor, "K S E ..."]:
        """Rows of each group along N; a view where the sizes divide T and B."""
        cut = _cut(_cut(x, 2, self.envs), 1, self.steps)
        rows: Tensor = cut.transpose(2, 3).flatten(3, 4)
        return rows

    def join(self, x: Shaped[Tensor, "K S E N"]) -> Shaped[Tensor, "K T B"]:
        """The rows where they were before `split`."""
        apart: Tensor = x.unflatten(3, (self.steps, self.envs)).transpose(2, 3)
        return _mend(_mend(apart, 3, self.num_envs), 1, self.num_steps)


def _cut(x: Tensor, axis: int, size: int) -> Tensor:
    """An axis as pieces of a size: two axes, the pieces and their entries."""
    length = x.shape[axis]
    if length % size:
        whole = torch.arange(length // size * size, device=x.device)
        last = torch.arange(length - size, length, device=x.device)
        x = x.index_select(axis, torch.cat([whole, last]))
    pieces: Tensor = x.unflatten(axis, (-1, size))
    return pieces


def _mend(x: Tensor, axis: int, length: int) -> Tensor:
    """Pieces as one axis again: of the last one only what no other had."""
    whole = x.flatten(axis, axis + 1)
    rest = length % x.shape[axis + 1]
    if not rest:
        return whole
    before = whole.narrow(axis, 0, length - rest)
    after = whole.narrow(axis, whole.shape[axis] - rest, rest)
    return torch.cat([before, after], axis)
