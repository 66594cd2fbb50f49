"""Which rows are negatives for a prediction: of other envs, other steps, or all."""

from enum import Enum

from jaxtyping import Shaped
from torch import Tensor

# Rows of a group: scores of all against all grow with its square.
MAX_ROWS = 512


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
    """all steps of all envs; of at most 512 rows, divided where there are more"""

    def rows(self, x: Shaped[Tensor, "K T B *D"]) -> Shaped[Tensor, "..."]:
        """`[K, T, B, …]` as `[*G, N, …]`, N being the rows compared; K stays apart."""
        if self is Scope.TIME:
            return x.transpose(1, 2)
        steps, envs = self._block(x.shape[1], x.shape[2])
        blocks: Tensor = x.unflatten(2, (-1, envs)).unflatten(1, (-1, steps))
        return blocks.transpose(2, 3).flatten(3, 4)

    def restore(
        self, x: Shaped[Tensor, "..."], num_steps: int, num_envs: int
    ) -> Shaped[Tensor, "K T B"]:
        """`[*G, N]` as `[K, T, B]` again."""
        if self is Scope.TIME:
            return x.transpose(1, 2)
        blocks: Tensor = x.unflatten(3, self._block(num_steps, num_envs))
        return blocks.transpose(2, 3).flatten(3, 4).flatten(1, 2)

    def _block(self, num_steps: int, num_envs: int) -> tuple[int, int]:
        """Steps and envs of a group: equal groups of at most `MAX_ROWS` rows."""
        envs = _divisor(num_envs, MAX_ROWS)
        if self is Scope.BATCH or envs < num_envs:
            return 1, envs
        return _divisor(num_steps, MAX_ROWS // envs), envs


def _divisor(number: int, most: int) -> int:
    """The largest divisor of a number that is at most `most`."""
    return next(x for x in range(min(number, most), 0, -1) if number % x == 0)
