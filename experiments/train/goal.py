"""What a run may stop at: a mean return of its last episodes."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any


class Goal:
    """The last M returns, and whether their mean is as high as was asked.

    Args:
        least: mean return that is asked for; None: it is never reached.
        episodes: M; fewer episodes than these reach nothing.
    """

    def __init__(self, least: float | None, episodes: int) -> None:
        self.least, self.episodes = least, episodes
        self._returns: deque[float] = deque(maxlen=episodes)

    def follow(self, returns: Sequence[float]) -> None:
        """Returns of episodes that have ended, in their order."""
        self._returns.extend(returns)

    @property
    def reached(self) -> bool:
        """Whether the last M episodes were as good as asked."""
        known = len(self._returns) == self.episodes
        return self.least is not None and known and self.mean >= self.least

    @property
    def mean(self) -> float:
        """Of those returns that there are; 0 without any."""
        return sum(self._returns) / max(1, len(self._returns))

    @property
    def metrics(self) -> Mapping[str, float]:
        """For rows of metrics; empty where nothing is asked for."""
        if self.least is None:
            return {}
        return {"goal/return": self.mean, "goal/reached": float(self.reached)}

    def state_dict(self) -> dict[str, Any]:
        """The returns."""
        return {"returns": list(self._returns)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on; what is asked for may have changed."""
        self._returns.clear()
        self._returns.extend(state["returns"])
