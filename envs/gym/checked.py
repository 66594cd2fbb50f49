"""One Gymnasium env that is held to Gymnasium's contract, in words for people."""

import traceback
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, final

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Tuple

from envs.vector_env import WorldError

# Gymnasium's own words for what has to be installed first; people are shown them.
_PASSED = (gymnasium.error.DependencyNotInstalled, WorldError)


@final
class CheckedEnv(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Says in a sentence where an env breaks the contract, or fails.

    Kinds and shapes are looked at in every step, values are not.

    Raises:
        WorldError: it has no spaces, or is of the API before 0.26.
    """

    def __init__(self, env: "gymnasium.Env[Any, Any]") -> None:
        super().__init__(env)
        self._label = env.spec.id if env.spec else type(env.unwrapped).__name__
        for name in ("observation_space", "action_space"):
            space = getattr(env.unwrapped, name, None)
            if not isinstance(space, gymnasium.Space):
                self._blame(f"its {name} is {space!r}, no gymnasium.Space")
        takes = signature(env.unwrapped.reset).parameters
        open_ = any(x.kind is Parameter.VAR_KEYWORD for x in takes.values())
        if not (open_ or {"seed", "options"} <= set(takes)):
            self._blame(
                "it is of the old Gym API: reset(self, *, seed=None, options=None) "
                "has to begin with super().reset(seed=seed), and return observation "
                "and info"
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin; see `gymnasium.Env.reset`.

        Raises:
            WorldError: it fails, or gives something else.
        """
        given = self._try("reset", lambda: self.env.reset(seed=seed, options=options))
        if not (isinstance(given, tuple) and len(given) == 2):
            self._blame(
                f"reset() gave {_kind(given)}; since Gym 0.26 it returns observation "
                "and info"
            )
        self._check(self.env.observation_space, given[0], "")
        return given[0], given[1]

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Act; see `gymnasium.Env.step`.

        Raises:
            WorldError: it fails, or gives something else.
        """
        given: Any = self._try("step", lambda: self.env.step(action))
        if not (isinstance(given, tuple) and len(given) == 5):
            self._blame(
                f"step() gave {_kind(given)}; since Gym 0.26 it returns observation, "
                "reward, terminated, truncated and info"
            )
        seen, reward, terminated, truncated, info = given
        self._check(self.env.observation_space, seen, "")
        if np.ndim(reward) or np.asarray(reward).dtype.kind not in "biuf":
            self._blame(f"its reward is {_kind(reward)}, where one number is meant")
        for name, flag in (("terminated", terminated), ("truncated", truncated)):
            if np.ndim(flag) or np.asarray(flag).dtype.kind not in "biu":
                self._blame(f"{name} is {_kind(flag)}, where one bool is meant")
        return seen, reward, bool(terminated), bool(truncated), info

    def render(self) -> Any:
        """What the env draws.

        Raises:
            WorldError: it fails.
        """
        return self._try("render", self.env.render)

    def _try(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except _PASSED:
            raise
        except Exception as error:
            raise WorldError(
                f"{self._label} fails in {what}(): {told(error)}"
            ) from error

    def _check(self, space: Any, seen: Any, where: str) -> None:
        """Parts of dictionaries and tuples one by one; kind and shape of arrays."""
        if isinstance(space, Dict):
            if not isinstance(seen, dict) or set(seen) != set(space.spaces):
                has = sorted(seen) if isinstance(seen, dict) else _kind(seen)
                self._blame(
                    f"its observation{where} is {has}, but its observation_space has "
                    f"{sorted(space.spaces)}"
                )
            for name, part in space.spaces.items():
                self._check(part, seen[name], f"{where}['{name}']")
        elif isinstance(space, Tuple):
            if not isinstance(seen, tuple) or len(seen) != len(space.spaces):
                self._blame(
                    f"its observation{where} is {_kind(seen)}, but its "
                    f"observation_space is a tuple of {len(space.spaces)}"
                )
            for i, part in enumerate(space.spaces):
                self._check(part, seen[i], f"{where}[{i}]")
        elif isinstance(space, Box):
            given = np.asarray(seen)
            bytes_ = space.dtype == np.uint8 and given.dtype != np.uint8
            casts = np.can_cast(given.dtype, space.dtype, "same_kind") and not bytes_
            if given.shape != space.shape or not casts:
                self._blame(
                    f"its observation{where} is {_kind(seen)}, but its "
                    f"observation_space says {space.dtype} {space.shape}"
                )

    def _blame(self, what: str) -> None:
        raise WorldError(f"{self._label} does not keep Gymnasium's contract: {what}.")


def told(error: BaseException) -> str:
    """What was raised, and where."""
    at = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({Path(x.filename).name}, line {x.lineno})" for x in at)
    return f"{type(error).__name__}: {error}{where}"


def _kind(given: Any) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, tuple):
        return f"a tuple of {len(given)}"
    if isinstance(given, np.ndarray):
        return f"{given.dtype} {given.shape}"
    return f"a {type(given).__name__}"
