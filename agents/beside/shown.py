"""What worlds show, and one step in all of them, as SAME_STEP worlds tell it."""

from dataclasses import dataclass

from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Shown:
    """What B envs show."""

    obs: UInt8[Tensor, "B C H W"]
    vector: Float32[Tensor, "B V"] | None = None


@dataclass(frozen=True)
class Moved:
    """One step of B envs that reset within the step in which an episode ends.

    Attributes:
        action: that was taken.
        reward: of the world.
        terminated, truncated: where an episode ended.
        arrived: what the action led to, the last of an episode where one ended.
        now: what the envs show behind it: the first of the next episode there.
    """

    action: Shaped[Tensor, "B ..."]
    reward: Float32[Tensor, "B"]
    terminated: Bool[Tensor, "B"]
    truncated: Bool[Tensor, "B"]
    arrived: Shown
    now: Shown

    @property
    def ended(self) -> Bool[Tensor, "B"]:
        """Where an episode ended, of whatever reason."""
        return self.terminated | self.truncated
