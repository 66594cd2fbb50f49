"""What the episodes of B games follow from: seeds, and what was done so far."""

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from envs.vector_env import EnvState


@final
class Episodes:
    """The seed of each env's episode and its actions: enough to play it once more.

    Args:
        num_envs: B.
        most: steps of the longest episode.

    Attributes:
        elapsed: `[B]`, steps of each episode so far.
        ended: `[B]`, whether it is over.
    """

    def __init__(self, num_envs: int, most: int) -> None:
        self._seeds = np.zeros(num_envs, np.int64)
        self._numbers = np.zeros(num_envs, np.int64)
        self._done = np.zeros((num_envs, most), np.uint8)
        self.elapsed = np.zeros(num_envs, np.int64)
        self.ended = np.zeros(num_envs, np.bool_)

    def seed(self, env: int, seed: int) -> None:
        """Begin an env's stream of episodes; `begin` has its first then."""
        self._seeds[env], self._numbers[env] = seed, -1

    def begin(self, env: int) -> int:
        """The seed of the next episode of an env, which begins."""
        self._numbers[env] += 1
        self.elapsed[env], self.ended[env] = 0, False
        return self.begun_with(env)

    def begun_with(self, env: int) -> int:
        """The seed of an env's episode, below 2³¹, drawn of its stream and number."""
        entropy = (int(self._seeds[env]), int(self._numbers[env]))
        return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)

    def note(self, env: int, action: int) -> None:
        """One step more."""
        self._done[env, self.elapsed[env]] = action
        self.elapsed[env] += 1

    def actions(self, env: int) -> list[int]:
        """What was done in an env's episode, in order."""
        done: list[int] = self._done[env, : self.elapsed[env]].tolist()
        return done

    def state_dict(self) -> EnvState:
        """All of it."""
        held: dict[str, NDArray[np.generic]] = {
            "seeds": self._seeds,
            "numbers": self._numbers,
            "done": self._done,
            "elapsed": self.elapsed,
            "ended": self.ended,
        }
        return {name: torch.from_numpy(x.copy()) for name, x in held.items()}

    def load_state_dict(self, state: EnvState) -> None:
        """Go on from `state_dict`.

        Raises:
            ValueError: it is of another number of envs, or of longer or shorter ones.
        """
        if tuple(state["done"].shape) != self._done.shape:
            num, most = self._done.shape
            raise ValueError(
                f"A state of {len(state['done'])} games of {state['done'].shape[1]} "
                f"steps does not fit {num} games of {most}"
            )
        held = {name: x.cpu().numpy().copy() for name, x in state.items()}
        self._seeds, self._numbers = held["seeds"], held["numbers"]
        self._done, self.elapsed = held["done"], held["elapsed"]
        self.ended = held["ended"]
