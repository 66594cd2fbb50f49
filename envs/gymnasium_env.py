"""Adapter for Gymnasium's vector envs, rendered to pixels where needed."""

import difflib
from dataclasses import dataclass, field
from typing import Any, final

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray
from torch import Tensor

from envs.gymnasium_senses import Rendering, find_senses, is_drawn
from envs.to_device import to_device
from envs.vector_env import (
    ActionSpace,
    ContinuousActions,
    DiscreteActions,
    EnvSpec,
    Step,
    VectorEnv,
)


@dataclass(frozen=True)
class GymnasiumConfig:
    """Any registered Gymnasium env, by its id.

    Attributes:
        id: the registered name; `some.module:Name-v0` imports the module first.
        rendering: used where the observation is not an image.
        vector: where the observation is a vector, show it to the agent beside the
            picture. (A dictionary of one image and vectors is always shown whole.)
        processes: one process per env instead of one loop over all.
    """

    id: str = "CartPole-v1"
    rendering: Rendering = field(default_factory=Rendering)
    vector: bool = False
    processes: bool = False

    def build(self, num_envs: int, device: torch.device | str) -> "GymnasiumVectorEnv":
        """Build B envs.

        Raises:
            ValueError: no such env, or one that `GymnasiumVectorEnv` cannot take.
        """
        try:
            probe: gymnasium.Env[Any, Any] = gymnasium.make(self.id)
        except gymnasium.error.DependencyNotInstalled:
            raise  # says what to install
        except gymnasium.error.Error as error:
            raise ValueError(_unknown(self.id)) from error
        drawn = is_drawn(probe.observation_space)
        probe.close()
        options: dict[str, Any] = {"render_mode": "rgb_array"} if drawn else {}
        envs = gymnasium.make_vec(
            self.id,
            num_envs,
            # Never an env's own vector version: those reset in ways of their own.
            vectorization_mode="async" if self.processes else "sync",
            vector_kwargs={"autoreset_mode": AutoresetMode.NEXT_STEP},
            **options,
        )
        return GymnasiumVectorEnv(envs, device, self.rendering, self.vector)


@final
class GymnasiumVectorEnv(VectorEnv):
    """A `gymnasium.vector.VectorEnv` behind our contract.

    Image observations (uint8, `[H, W]`, `[H, W, C]` or `[C, H, W]`, C being 1, 3 or 4)
    are used as they are, also from a dictionary of one image and vectors of floats,
    which become `Step.vector`. Everything else is seen by rendering each env.

    Args:
        envs: resets in mode NEXT_STEP; actions are Discrete, or a bounded Box of floats
            (which is flattened).
        device: where the returned tensors lie.
        rendering: size and colour, where the observation is not an image.
        vector: keep the observation as `Step.vector`, where it is one of floats.

    Raises:
        ValueError: another autoreset mode, another kind of action, neither image
            observations nor `render_mode="rgb_array"`, or `vector` where there is none.
    """

    def __init__(
        self,
        envs: "gymnasium.vector.VectorEnv[Any, Any, Any]",
        device: torch.device | str = "cpu",
        rendering: Rendering | None = None,
        vector: bool = False,
    ) -> None:
        _check_autoreset(envs)
        self._envs, num = envs, envs.num_envs
        self._frames, self._vectors = find_senses(
            envs, rendering or Rendering(), vector
        )
        self.spec = EnvSpec(
            num_envs=num,
            obs_shape=self._frames.obs_shape,
            actions=_actions(envs.single_action_space),
            device=torch.device(device),
            vector_size=0 if self._vectors is None else self._vectors.size,
        )
        # Gymnasium's own two vector envs reset by mask and take a list of seeds.
        self._standard = isinstance(envs.unwrapped, SyncVectorEnv | AsyncVectorEnv)
        self._begun = False
        self._obs = np.zeros((num, *self.spec.obs_shape), np.uint8)
        self._vector = np.zeros((num, self.spec.vector_size), np.float32)
        self._ended = np.zeros(num, dtype=np.bool_)

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes; see `VectorEnv.reset`. A seed applies to the masked.

        Raises:
            RuntimeError: a mask was given that the envs do not heed.
        """
        num, obs, vector = self.spec.num_envs, self._obs, self._vector
        chosen = np.ones(num, np.bool_)
        if mask is not None and self._begun:
            chosen = mask.cpu().numpy()
        if chosen.any():
            options = None if chosen.all() else {"reset_mask": chosen.copy()}
            seen, _ = self._envs.reset(seed=self._seeds(seed), options=options)
            self._look(seen)
        if not chosen.all():
            changed = (self._obs != obs).any((1, 2, 3)) | (self._vector != vector).any(
                1
            )
            if changed[~chosen].any() and not self._standard:
                raise RuntimeError(
                    f"{type(self._envs.unwrapped).__name__} does not heed "
                    "options['reset_mask']: it cannot reset some envs and not others"
                )
            self._obs = np.where(chosen[:, None, None, None], self._obs, obs)
            self._vector = np.where(chosen[:, None], self._vector, vector)
        self._begun, self._ended = True, self._ended & ~chosen
        never = np.zeros(num, np.bool_)
        return self._row(np.zeros(num, np.float32), never, never, first=chosen)

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs; see `VectorEnv.step`.

        Raises:
            ValueError: a discrete action does not exist.
        """
        first = self._ended
        asked = self._asked(action)
        seen, reward, terminated, truncated, _ = self._envs.step(asked)
        self._look(seen)
        terminated = np.asarray(terminated, np.bool_) & ~first
        truncated = np.asarray(truncated, np.bool_) & ~first & ~terminated
        self._ended = terminated | truncated
        reward = np.where(first, 0.0, reward).astype(np.float32)
        return self._row(reward, terminated, truncated, first)

    def close(self) -> None:
        """Close the envs, with their windows and processes."""
        self._envs.close()

    def _asked(self, action: Tensor) -> NDArray[Any]:
        space, batch = self._envs.single_action_space, self._envs.action_space
        if isinstance(space, Discrete):
            # What stands in the row of a reset is ignored, so it need not be an action.
            asked = np.where(self._ended, 0, action.cpu().numpy())
            if asked.min() < 0 or asked.max() >= space.n:
                own = f" (the env's own begin at {space.start})" if space.start else ""
                raise ValueError(
                    f"Actions must be 0 … {space.n - 1}{own}, not {asked.tolist()}"
                )
            return np.asarray(asked + space.start, batch.dtype)
        assert isinstance(space, Box)
        assert isinstance(self.spec.actions, ContinuousActions)
        done = self.spec.actions.to_bounds(action).cpu().numpy()
        shaped = done.reshape(-1, *space.shape).astype(space.dtype)
        # Bounds of float64 may lie a rounding inside of their float32.
        return np.asarray(np.clip(shaped, space.low, space.high))

    def _look(self, seen: Any) -> None:
        self._obs = self._frames.read(seen)
        if self._vectors is not None:
            self._vector = self._vectors.read(seen)

    def _seeds(self, seed: int | None) -> Any:
        """Drawn seeds where the envs take a list; others count up from one number."""
        if seed is None or not self._standard:
            return seed
        drawn = np.random.SeedSequence(seed).generate_state(self.spec.num_envs)
        return [int(s) for s in drawn]

    def _row(
        self,
        reward: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        first: NDArray[np.bool_],
    ) -> Step:
        device = self.spec.device
        return Step(
            obs=to_device(self._obs, device),
            reward=to_device(reward, device),
            terminated=to_device(terminated.copy(), device),
            truncated=to_device(truncated.copy(), device),
            first=to_device(first.copy(), device),
            vector=to_device(self._vector, device) if self._vectors else None,
        )


def _actions(space: "gymnasium.Space[Any]") -> ActionSpace:
    if isinstance(space, Discrete):
        return DiscreteActions(int(space.n))
    if (
        isinstance(space, Box)
        and np.issubdtype(space.dtype, np.floating)
        and space.is_bounded()
    ):
        low, high = space.low.ravel().tolist(), space.high.ravel().tolist()
        return ContinuousActions(tuple(low), tuple(high))
    raise ValueError(
        f"Actions must be Discrete or a bounded Box of floats, not {space}"
    )


def _check_autoreset(envs: "gymnasium.vector.VectorEnv[Any, Any, Any]") -> None:
    mode = envs.metadata.get("autoreset_mode")
    if mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.NEXT_STEP.value):
        raise ValueError(
            f"{type(envs.unwrapped).__name__} resets in mode {mode}; rows only line up "
            "in NEXT_STEP: make it with autoreset_mode=AutoresetMode.NEXT_STEP"
        )


def _unknown(name: str) -> str:
    known = list(gymnasium.registry)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return (
        f"Gymnasium knows no env '{name}'.{hint} All names: "
        "gymnasium.pprint_registry(); a module that registers its own can be put in "
        "front, as in 'module:Name-v0'"
    )
