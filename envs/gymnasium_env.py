"""Adapter for Gymnasium's vector envs, rendered to pixels where needed."""

import difflib
from dataclasses import dataclass, field
from typing import Any, final

import cv2
import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray
from torch import Tensor

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
class Rendering:
    """How worlds are drawn whose observations are no images: size and colour."""

    height: int = 84
    width: int = 84
    grayscale: bool = False


@dataclass(frozen=True)
class GymnasiumConfig:
    """Any registered Gymnasium env, by its id.

    Attributes:
        id: the registered name; `some.module:Name-v0` imports the module first.
        rendering: used where the observation is not an image.
        processes: one process per env instead of one loop over all.
    """

    id: str = "CartPole-v1"
    rendering: Rendering = field(default_factory=Rendering)
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
        drawn = not _is_image(probe.observation_space)
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
        return GymnasiumVectorEnv(envs, device, self.rendering)


@final
class GymnasiumVectorEnv(VectorEnv):
    """A `gymnasium.vector.VectorEnv` behind our contract.

    Image observations (uint8, `[H, W]`, `[H, W, C]` or `[C, H, W]`, C being 1 or 3) are
    used as they are. Everything else is seen by rendering each env.

    Args:
        envs: resets in mode NEXT_STEP; actions are Discrete, or a bounded Box (which
            is flattened).
        device: where the returned tensors lie.
        rendering: size and colour, where the observation is not an image.

    Raises:
        ValueError: another autoreset mode, another kind of action, or neither image
            observations nor `render_mode="rgb_array"`.
    """

    def __init__(
        self,
        envs: "gymnasium.vector.VectorEnv[Any, Any, Any]",
        device: torch.device | str = "cpu",
        rendering: Rendering | None = None,
    ) -> None:
        _check_autoreset(envs)
        space = envs.single_observation_space
        self._envs, self._rendering = envs, None
        if not _is_image(space):
            if envs.render_mode != "rgb_array":
                raise ValueError(
                    f"{space} is not an image, so the envs must be rendered: make them "
                    'with render_mode="rgb_array"'
                )
            self._rendering = rendering or Rendering()
        self.spec = EnvSpec(
            num_envs=envs.num_envs,
            obs_shape=_obs_shape(space.shape, self._rendering),
            actions=_actions(envs.single_action_space),
            device=torch.device(device),
        )
        # Gymnasium's own two vector envs reset by mask and take a list of seeds.
        self._standard = isinstance(envs.unwrapped, SyncVectorEnv | AsyncVectorEnv)
        self._begun = False
        self._latest = np.zeros((envs.num_envs, *self.spec.obs_shape), np.uint8)
        self._ended = np.zeros(envs.num_envs, dtype=np.bool_)

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes; see `VectorEnv.reset`. A seed applies to the masked.

        Raises:
            RuntimeError: a mask was given that the envs do not heed.
        """
        num, before = self.spec.num_envs, self._latest
        chosen = np.ones(num, np.bool_)
        if mask is not None and self._begun:
            chosen = mask.cpu().numpy()
        if chosen.any():
            options = None if chosen.all() else {"reset_mask": chosen.copy()}
            seen, _ = self._envs.reset(seed=self._seeds(seed), options=options)
            self._latest = self._frames(seen)
        if not chosen.all():
            changed = (self._latest != before)[~chosen].any()
            if changed and not self._standard:
                raise RuntimeError(
                    f"{type(self._envs.unwrapped).__name__} does not heed "
                    "options['reset_mask']: it cannot reset some envs and not others"
                )
            self._latest = np.where(chosen[:, None, None, None], self._latest, before)
        self._begun, self._ended = True, self._ended & ~chosen
        never = np.zeros(num, np.bool_)
        return self._row(np.zeros(num, np.float32), never, never, first=chosen)

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs; see `VectorEnv.step`.

        Raises:
            ValueError: a discrete action does not exist.
        """
        first = self._ended
        seen, reward, terminated, truncated, _ = self._envs.step(
            self._asked(action.cpu().numpy())
        )
        self._latest = self._frames(seen)
        terminated = np.asarray(terminated, np.bool_) & ~first
        truncated = np.asarray(truncated, np.bool_) & ~first & ~terminated
        self._ended = terminated | truncated
        reward = np.where(first, 0.0, reward).astype(np.float32)
        return self._row(reward, terminated, truncated, first)

    def close(self) -> None:
        """Close the envs, with their windows and processes."""
        self._envs.close()

    def _asked(self, action: NDArray[Any]) -> NDArray[Any]:
        space, batch = self._envs.single_action_space, self._envs.action_space
        if not isinstance(space, Discrete):
            return np.asarray(action.reshape(batch.shape), space.dtype)
        # What stands in the row of a reset is ignored, so it need not be an action.
        asked = np.where(self._ended, 0, action)
        if asked.min() < 0 or asked.max() >= space.n:
            raise ValueError(f"Actions must be 0 … {space.n - 1}, not {asked.tolist()}")
        return np.asarray(asked + space.start, batch.dtype)

    def _frames(self, seen: Any) -> NDArray[np.uint8]:
        """What all envs show, `[B, C, H, W]`, in fresh memory."""
        if self._rendering is None:
            return np.array(_channels_first(np.asarray(seen)), order="C")
        height, width = self._rendering.height, self._rendering.width
        frames = np.empty((self.spec.num_envs, *self.spec.obs_shape), np.uint8)
        for i, drawn in enumerate(self._envs.render() or ()):
            image = np.asarray(drawn, np.uint8)
            if self._rendering.grayscale:
                image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
            small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            frames[i] = _channels_first(np.asarray(small)[None])[0]
        return frames

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
            obs=to_device(self._latest, device),
            reward=to_device(reward, device),
            terminated=to_device(terminated.copy(), device),
            truncated=to_device(truncated.copy(), device),
            first=to_device(first.copy(), device),
        )


def _is_image(space: "gymnasium.Space[Any]") -> bool:
    if not isinstance(space, Box) or space.dtype != np.uint8:
        return False
    shape = space.shape
    colours = len(shape) == 3 and bool({shape[0], shape[-1]} & {1, 3})
    return len(shape) == 2 or colours


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    """`[B, H, W]`, `[B, H, W, C]` or `[B, C, H, W]` as `[B, C, H, W]`."""
    if images.ndim == 3:
        return images[:, None]
    return np.moveaxis(images, -1, 1) if images.shape[-1] in (1, 3) else images


def _obs_shape(
    shape: tuple[int, ...] | None, rendering: Rendering | None
) -> tuple[int, int, int]:
    if rendering is not None:
        return (1 if rendering.grayscale else 3, rendering.height, rendering.width)
    _, channels, height, width = _channels_first(np.empty((1, *(shape or ())))).shape
    return (channels, height, width)


def _actions(space: "gymnasium.Space[Any]") -> ActionSpace:
    if isinstance(space, Discrete):
        return DiscreteActions(int(space.n))
    if isinstance(space, Box) and space.is_bounded():
        low, high = space.low.ravel().tolist(), space.high.ravel().tolist()
        return ContinuousActions(tuple(low), tuple(high))
    raise ValueError(f"Actions must be Discrete or a bounded Box, not {space}")


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
