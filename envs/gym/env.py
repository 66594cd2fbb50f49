"""Adapter for Gymnasium's vector envs, rendered to pixels where needed."""

import difflib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, final

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray
from torch import Tensor

from envs.gym.actions import find_actions
from envs.gym.checked import CheckedEnv, told
from envs.gym.senses import (
    DrawnFrames,
    Frames,
    OwnFrames,
    Rendering,
    Vectors,
    holds_image,
    plan_look,
    short,
)
from envs.to_device import to_device
from envs.vector_env import EnvSpec, Step, VectorEnv, WorldError


@dataclass(frozen=True)
class GymnasiumConfig:
    """Any registered Gymnasium env, by its id.

    Attributes:
        id: the registered name; `some.module:Name-v0` imports the module first.
        rendering: used where the observation is not an image.
        draw: show pictures of that size though the observation is an image, or is
            something like an image that agents cannot see.
        image: of several things observed, show this image and all vectors; one in a
            nested dictionary is `camera/front`.
        vector: where the observation is a vector, show it to the agent beside the
            picture. (A dictionary of one image and vectors is always shown whole.)
        reach: how far agents act where an action has no bounds.
        processes: one process per env instead of one loop over all.
    """

    id: str = "CartPole-v1"
    rendering: Rendering = field(default_factory=Rendering)
    draw: bool = False
    image: str = ""
    vector: bool = False
    reach: float = 1.0
    processes: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.reach < float("inf"):
            raise ValueError(f"reach must be positive and finite, not {self.reach}")

    def build(self, num_envs: int, device: torch.device | str) -> "GymnasiumVectorEnv":
        """Build B envs.

        Raises:
            ValueError: no such env, or one that `GymnasiumVectorEnv` cannot take.
        """
        probe = _make(self.id)
        space, modes = probe.observation_space, probe.metadata.get("render_modes", ())
        look = plan_look(
            space,
            self.rendering,
            draw=self.draw,
            image=self.image,
            vector=self.vector,
        )
        probe.close()
        options: dict[str, Any] = {}
        if look.image is None:
            if "rgb_array" not in modes:
                if holds_image(space):
                    raise WorldError(
                        f"{self.id} shows {short(space)}, and cannot be drawn: its "
                        f"render modes are {', '.join(modes) or 'none'}, without "
                        "'rgb_array'. Leave `draw` (--world.draw) out: its own images "
                        "are shown then"
                    )
                raise WorldError(
                    f"{self.id} shows {short(space)}, which is no image, and cannot be "
                    f"drawn: its render modes are {', '.join(modes) or 'none'}. Give "
                    "it the mode 'rgb_array', in metadata['render_modes'] and as "
                    "render_mode of its __init__, or images of uint8 to show"
                )
            options["render_mode"] = "rgb_array"
        makers = [partial(_make, self.id, **options)] * num_envs
        return GymnasiumVectorEnv(
            _vectorized(makers, self.processes),
            device,
            self.rendering,
            self.vector,
            draw=self.draw,
            image=self.image,
            reach=self.reach,
        )


@final
class GymnasiumVectorEnv(VectorEnv):
    """A `gymnasium.vector.VectorEnv` behind our contract.

    Image observations (uint8, `[H, W]`, `[H, W, C]` or `[C, H, W]`) are used as they
    are, also from nested dictionaries of one image and vectors of floats, which become
    `Step.vector`. What holds nothing like an image is seen by rendering each env. All
    else is refused, unless `draw` or `image` says what to show; see `plan_look`.

    Several choices at once become as many actions as they have combinations; numbers
    without bounds get some. See `find_actions`.

    Args:
        envs: resets in mode NEXT_STEP.
        device: where the returned tensors lie.
        rendering: size and colour, where the envs are rendered.
        vector: keep the observation as `Step.vector`, where it is one of floats.
        draw: render, whatever they show.
        image: the image to show, by name, of several things observed.
        reach: how far agents act where an action has no bounds.

    Raises:
        ValueError: another autoreset mode, another kind of action or observation,
            neither images nor `render_mode="rgb_array"`, or `vector` where there is
            none.
    """

    def __init__(
        self,
        envs: "gymnasium.vector.VectorEnv[Any, Any, Any]",
        device: torch.device | str = "cpu",
        rendering: Rendering | None = None,
        vector: bool = False,
        *,
        draw: bool = False,
        image: str = "",
        reach: float = 1.0,
    ) -> None:
        _check_autoreset(envs)
        self._envs, num = envs, envs.num_envs
        rendering, space = rendering or Rendering(), envs.single_observation_space
        look = plan_look(space, rendering, draw=draw, image=image, vector=vector)
        self._frames: Frames = (
            DrawnFrames(envs, rendering)
            if look.image is None
            else OwnFrames(space, look.image)
        )
        self._vectors = Vectors(space, look.vectors) if look.vectors else None
        self._told = find_actions(envs.single_action_space, reach)
        self.spec = EnvSpec(
            num_envs=num,
            obs_shape=self._frames.obs_shape,
            actions=self._told.actions,
            device=torch.device(device),
            vector_size=0 if self._vectors is None else self._vectors.size,
            about="; ".join(filter(None, (look.about, self._told.about))),
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
            with _ended_if_it_fails(self._envs):
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
        asked = self._told.read(action, first)
        with _ended_if_it_fails(self._envs):
            seen, reward, terminated, truncated, _ = self._envs.step(asked)
            self._look(seen)
        terminated = np.asarray(terminated, np.bool_) & ~first
        truncated = np.asarray(truncated, np.bool_) & ~first & ~terminated
        self._ended = terminated | truncated
        with np.errstate(over="ignore"):  # infinite then, which who reads it tells of
            reward = np.where(first, 0.0, reward).astype(np.float32)
        return self._row(reward, terminated, truncated, first)

    def close(self) -> None:
        """Close the envs, with their windows and processes."""
        self._envs.close()

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


def _make(name: str, **options: Any) -> CheckedEnv:
    """One env, which says what is wrong with it.

    Raises:
        WorldError: there is none of that name, or it cannot be made.
        DependencyNotInstalled: says what to install.
    """
    if options.get("render_mode") == "rgb_array":
        _draw_without_a_screen()
    try:
        made = gymnasium.make(name, disable_env_checker=True, **options)
    except gymnasium.error.DependencyNotInstalled:
        raise
    except gymnasium.error.Error as error:
        raise WorldError(_unknown(name)) from error
    except ModuleNotFoundError as error:
        raise WorldError(
            f"Cannot import the module of '{name}': {error.msg.partition('. ')[0]}. "
            "Run from the folder that holds it, or install it"
        ) from error
    except Exception as error:  # of the env's own making
        wanted = "render_mode" in options and "render_mode" in str(error)
        hint = " (it must take render_mode='rgb_array')" if wanted else ""
        raise WorldError(f"{name} cannot be made{hint}: {told(error)}") from error
    return CheckedEnv(made)


def _draw_without_a_screen() -> None:
    """Where there is no screen, SDL (pygame's) complains of it: tell it beforehand."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    if sys.platform == "linux" and not any(os.environ.get(x) for x in screens):
        os.environ["SDL_VIDEODRIVER"] = "dummy"


def _vectorized(
    makers: Sequence[Callable[[], CheckedEnv]], processes: bool
) -> "gymnasium.vector.VectorEnv[Any, Any, Any]":
    """Never an env's own vector version: those reset in ways of their own."""
    mode = AutoresetMode.NEXT_STEP
    if processes:
        return AsyncVectorEnv(makers, autoreset_mode=mode)
    return SyncVectorEnv(makers, autoreset_mode=mode)


@contextmanager
def _ended_if_it_fails(
    envs: "gymnasium.vector.VectorEnv[Any, Any, Any]",
) -> Iterator[None]:
    """Closing processes of which one has failed would fail, too, and hide why.

    Gymnasium prints what a process raised, and then raises it: we say it once.
    """
    inner, level = envs.unwrapped, gymnasium.logger.min_level
    if isinstance(inner, AsyncVectorEnv):
        gymnasium.logger.min_level = gymnasium.logger.ERROR + 1
    try:
        yield
    except Exception:
        if isinstance(inner, AsyncVectorEnv):
            for process in inner.processes:
                process.terminate()
            for process in inner.processes:
                process.join()
            inner.closed = True
        raise
    finally:
        gymnasium.logger.min_level = level


def _check_autoreset(envs: "gymnasium.vector.VectorEnv[Any, Any, Any]") -> None:
    mode = envs.metadata.get("autoreset_mode")
    if mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.NEXT_STEP.value):
        raise ValueError(
            f"{type(envs.unwrapped).__name__} resets in mode {mode}; rows only line up "
            "in NEXT_STEP: make it with autoreset_mode=AutoresetMode.NEXT_STEP"
        )


def _unknown(name: str) -> str:
    """What is said of an id that nobody registered, with those that are near it."""
    module, colon, wanted = name.rpartition(":")
    known = _of_module(module) if module else list(gymnasium.registry)
    near = [f"{module}{colon}{x}" for x in _near(wanted, known)]
    if near:
        hint = f" Did you mean {' or '.join(near)}?"
    elif module and known:
        hint = f" {module} registers {', '.join(known[:5])}."
    else:
        hint = ""
    return (
        f"Gymnasium knows no env '{name}'.{hint} All names: "
        "gymnasium.pprint_registry(); a module that registers its own can be put in "
        "front, as in 'module:Name-v0'"
    )


def _of_module(module: str) -> list[str]:
    """Ids of envs that lie in the same package as a module."""
    package = module.partition(".")[0]
    found = []
    for name, spec in gymnasium.registry.items():
        entry = spec.entry_point
        where = entry if isinstance(entry, str) else getattr(entry, "__module__", "")
        if where.partition(":")[0].partition(".")[0] == package:
            found.append(name)
    return found


def _near(wanted: str, known: Sequence[str]) -> list[str]:
    """Up to three ids that differ little, case, namespace and version left aside.

    Of several versions of one env, the one that is nearest to what was said.
    """
    ids: dict[str, list[str]] = {}
    for name in known:
        ids.setdefault(_bare(name), []).append(name)
    near = difflib.get_close_matches(_bare(wanted), list(ids), n=3, cutoff=0.6)
    return [difflib.get_close_matches(wanted, ids[x], n=1, cutoff=0.0)[0] for x in near]


def _bare(name: str) -> str:
    """`pong` of `ALE/Pong-v5`."""
    return re.sub(r"-v\d+$", "", name.rpartition("/")[2]).lower()
