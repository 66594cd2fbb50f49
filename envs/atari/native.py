"""Atari worlds: the config, and the fast training backend on ALE's vector env."""

import os
from dataclasses import dataclass, fields, replace
from typing import Any, final

import numpy as np
import torch
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray
from torch import Tensor

from envs.atari.emulator import EmulatedAtari
from envs.atari.protocol import (
    AtariProtocol,
    NamedProtocol,
    checked_actions,
    find_game,
)
from envs.atari.ram import AtariFact, explorable_games
from envs.seeds import env_seeds, fresh_seed
from envs.to_device import to_device
from envs.vector_env import DiscreteActions, EnvSpec, Step, VectorEnv


@dataclass(frozen=True)
class AtariConfig:
    """Any Atari game, under a named protocol whose switches may be overridden.

    Attributes:
        game: `MontezumaRevenge`, `montezuma_revenge`, …; see `list_games`.
        protocol: where all switches come from that are None below.
        facts: ground truth beside the pixels. None of it (the default) runs the fast
            backend, any of it the emulator backend: the same frames, slower.
        num_threads: threads of the fast backend; 0 for as many as the variable
            CURIOUS_EMULATOR_THREADS says, else one per core.
        sticky: see `AtariProtocol`, as for all that follow.
    """

    game: str = "MontezumaRevenge"
    protocol: NamedProtocol = NamedProtocol.MACHADO
    facts: tuple[AtariFact, ...] = ()
    num_threads: int = 0
    sticky: float | None = None
    full_action_space: bool | None = None
    frame_skip: int | None = None
    max_pool: bool | None = None
    noop_max: int | None = None
    fire_on_reset: bool | None = None
    life_ends_episode: bool | None = None
    max_frames: int | None = None
    height: int | None = None
    width: int | None = None
    grayscale: bool | None = None

    @property
    def switches(self) -> AtariProtocol:
        """The named protocol with the overrides put in.

        Raises:
            ValueError: a switch is out of range.
        """
        named = {f.name: getattr(self, f.name) for f in fields(AtariProtocol)}
        return replace(
            self.protocol.switches,
            **{name: value for name, value in named.items() if value is not None},
        )

    def with_facts(self) -> "AtariConfig":
        """The same frames, also in colour, and with the player's place if known."""
        known = find_game(self.game) in explorable_games()
        place = (AtariFact.EXPLORATION,) if known else ()
        facts = (*self.facts, AtariFact.COLOUR, *place)
        return replace(self, facts=tuple(dict.fromkeys(facts)))

    def build(self, num_envs: int, device: torch.device | str) -> VectorEnv:
        """Build B games.

        Raises:
            ValueError: no such game, a switch is out of range, or a fact is not known
                for this game.
        """
        if self.facts:
            return EmulatedAtari(self.game, self.switches, num_envs, self.facts, device)
        return NativeAtari(self.game, self.switches, num_envs, device, self.num_threads)


@final
class NativeAtari(VectorEnv):
    """B games in ALE's own threads, one frame per step: the backend for training.

    ALE's vector env would by default clip rewards and lose the score, use no sticky
    actions, press FIRE and up to 30 no-ops at resets, and stack four frames: here the
    protocol decides, and nothing else.

    It has no facts and cannot save its state; `EmulatedAtari` has the same frames, and
    both.

    Args:
        game: a name that `find_game` knows.
        protocol: every switch.
        num_envs: B.
        device: where the returned tensors lie.
        num_threads: emulator threads; 0 for one per core.

    Raises:
        ValueError: no such game.
    """

    def __init__(
        self,
        game: str,
        protocol: AtariProtocol,
        num_envs: int,
        device: torch.device | str = "cpu",
        num_threads: int = 0,
    ) -> None:
        self.game, self.protocol = find_game(game), protocol
        self._envs = AtariVectorEnv(
            self.game,
            num_envs,
            num_threads=num_threads
            or int(os.environ.get("CURIOUS_EMULATOR_THREADS", "0")),
            max_num_frames_per_episode=protocol.max_frames,
            repeat_action_probability=protocol.sticky,
            full_action_space=protocol.full_action_space,
            autoreset_mode=AutoresetMode.NEXT_STEP,
            img_height=protocol.height,
            img_width=protocol.width,
            grayscale=protocol.grayscale,
            stack_num=1,
            frameskip=protocol.frame_skip,
            maxpool=protocol.max_pool,
            noop_max=protocol.noop_max,
            episodic_life=protocol.life_ends_episode,
            reward_clipping=False,
            use_fire_reset=protocol.fire_on_reset,
        )
        actions = self._envs.ale.get_action_set()
        channels = 1 if protocol.grayscale else 3
        self.spec = EnvSpec(
            num_envs=num_envs,
            obs_shape=(channels, protocol.height, protocol.width),
            actions=DiscreteActions(len(actions), tuple(a.name for a in actions)),
            device=torch.device(device),
            frames_per_step=protocol.frame_skip,
        )
        self._begun = False
        self._ended = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes; see `VectorEnv.reset`. A seed applies to the masked."""
        num = self.spec.num_envs
        chosen = np.ones(num, np.bool_)
        if mask is not None and self._begun:
            chosen = mask.cpu().numpy()
        if seed is None and not self._begun:
            seed = fresh_seed()
        seeds = None if seed is None else env_seeds(seed, num)[chosen]
        obs, _ = self._envs.reset(seed=seeds, options={"reset_mask": chosen})
        self._begun = True
        self._ended = self._ended & ~chosen
        never = np.zeros(num, np.bool_)
        return self._row(obs, np.zeros(num, np.float32), never, never, chosen)

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs; see `VectorEnv.step`.

        Raises:
            ValueError: an action does not exist.
        """
        first = self._ended
        asked = np.where(first, 0, action.cpu().numpy())
        asked = checked_actions(asked, len(self._envs.ale.get_action_set()))
        obs, reward, terminated, truncated, _ = self._envs.step(asked)
        self._ended = terminated | truncated
        return self._row(obs, reward, terminated, truncated, first)

    def close(self) -> None:
        """End the emulator's threads."""
        if not self._envs.closed:
            self._envs.close()
            del self._envs.ale  # its destructor joins the threads

    def _row(
        self,
        obs: NDArray[np.uint8],
        reward: NDArray[Any],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        first: NDArray[np.bool_],
    ) -> Step:
        """ALE hands over fresh arrays at every step: sharing their memory is safe."""
        device = self.spec.device
        if obs.ndim == 5:  # colour comes as [B, 1, H, W, 3]
            obs = np.ascontiguousarray(np.moveaxis(obs[:, 0], -1, 1))
        return Step(
            obs=to_device(obs, device),
            reward=to_device(reward.astype(np.float32), device),
            terminated=to_device(terminated.copy(), device),
            truncated=to_device(truncated.copy(), device),
            first=to_device(first.copy(), device),
        )
