"""Atari backend on `ALEInterface`: the same frames, with facts beside the pixels."""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Shaped
from numpy.typing import NDArray
from torch import Tensor

from envs.atari.machine import AtariMachine
from envs.atari.protocol import (
    AtariProtocol,
    checked_actions,
    find_game,
)
from envs.atari.ram import (
    RAM_BYTES,
    AtariFact,
    fact_specs,
    label_bytes,
    locate,
    place_bytes,
    read_labels,
)
from envs.seeds import env_seeds, fresh_seed
from envs.to_device import to_device
from envs.vector_env import DiscreteActions, EnvSpec, EnvState, Step, VectorEnv


@final
class EmulatedAtari(VectorEnv):
    """B games in `ALEInterface`: slower than `NativeAtari`, equal to it byte for byte.

    Equal seeds and actions give the same frames, rewards and flags, sticky actions and
    autoresets included. (No-ops after a reset too, where ale-py was built with GNU's
    C++ library, as on Linux.) On top come facts, and a state that can be saved.

    It is for evaluation, recording and probing. ALEInterface keeps Python's global
    lock, so the games run one after another, on one core whatever the machine: 0.8 of
    the steps per second that `NativeAtari` makes with one thread.

    Args:
        game: a name that `find_game` knows.
        protocol: every switch.
        num_envs: B.
        facts: what `Step.facts` shall carry.
        device: where the returned tensors lie.

    Raises:
        ValueError: no such game, or a fact is not known for it.
    """

    def __init__(
        self,
        game: str,
        protocol: AtariProtocol,
        num_envs: int,
        facts: Sequence[AtariFact] = (),
        device: torch.device | str = "cpu",
    ) -> None:
        self.game, self.protocol = find_game(game), protocol
        exploring = AtariFact.EXPLORATION in facts
        self._place = place_bytes(game) if exploring else None
        self._labels = label_bytes(game) if AtariFact.LABELS in facts else {}
        self._hears = AtariFact.SOUND in facts
        self._games = [
            AtariMachine(game, protocol, self._hears) for _ in range(num_envs)
        ]
        self._latest: dict[str, NDArray[np.uint8]] = {}
        self._ended = np.zeros(num_envs, dtype=np.bool_)
        self._games[0].load_rom(0)  # the others when they begin: it takes 0.15 s each
        actions, channels = self._games[0].actions, 1 if protocol.grayscale else 3
        self.spec = EnvSpec(
            num_envs=num_envs,
            obs_shape=(channels, protocol.height, protocol.width),
            actions=DiscreteActions(len(actions), tuple(a.name for a in actions)),
            device=torch.device(device),
            facts=fact_specs(game, facts, self._games[0].screen, protocol.frame_skip),
            frames_per_step=protocol.frame_skip,
        )

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes; see `VectorEnv.reset`. A seed applies to the masked."""
        num, begun = self.spec.num_envs, bool(self._latest)
        chosen = np.ones(num, np.bool_)
        if mask is not None and begun:
            chosen = mask.cpu().numpy()
        if seed is None and not begun:
            seed = fresh_seed()
        seeds = None if seed is None else env_seeds(seed, num)
        # Copied, since the arrays of the row before belong to whoever holds that row.
        self._latest = {k: v.copy() for k, v in self._latest.items()} or self._blank()
        for i in np.flatnonzero(chosen).tolist():
            self._games[i].reset(None if seeds is None else int(seeds[i]))
            self._read(i)
        self._ended = self._ended & ~chosen
        never = np.zeros(num, np.bool_)
        return self._row(np.zeros(num, np.float32), never, never, first=chosen)

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs; see `VectorEnv.step`.

        Raises:
            ValueError: an action does not exist.
        """
        num, first = self.spec.num_envs, self._ended
        asked = np.where(first, 0, action.cpu().numpy())
        asked = checked_actions(asked, len(self._games[0].actions))
        reward = np.zeros(num, np.float32)
        terminated, truncated = np.zeros(num, np.bool_), np.zeros(num, np.bool_)
        self._latest = self._blank()
        for i, game in enumerate(self._games):
            if first[i]:
                game.reset(None)
            else:
                reward[i] = game.step(int(asked[i]))
                terminated[i], truncated[i] = game.terminated, game.truncated
            self._read(i)
        self._ended = terminated | truncated
        return self._row(reward, terminated, truncated, first)

    def state_dict(self) -> EnvState | None:
        """Every emulator with its random streams; None with the fact SOUND.

        ALE does not save its sound generators: pictures would go on bit for bit, the
        samples would not. (ALE 0.12.1 also leaves out a flag that its authors found to
        matter in Q*bert and Tetris, rarely: 71 games resumed without a difference.)
        """
        if self._hears or not self._latest:
            return None
        return {
            "game": self.game,
            "games": {str(i): game.state_dict() for i, game in enumerate(self._games)},
            "latest": {k: torch.from_numpy(v) for k, v in self._latest.items()},
            "ended": torch.from_numpy(self._ended),
        }

    def load_state_dict(self, state: EnvState) -> Step:
        """Continue from `state_dict`; returns the observation row (flags unset).

        Facts may be others than they were. In this row, those that were not saved are
        what the restored console shows, whose screen may be that of its next step.

        Raises:
            ValueError: the state is of another game, number of envs, or size of frames.
        """
        saved = {k: v.cpu().numpy() for k, v in state["latest"].items()}
        latest = self._blank()
        known = latest.keys() & saved.keys()
        fits = "obs" in known and all(saved[k].shape == latest[k].shape for k in known)
        if state["game"] != self.game or not fits:
            raise ValueError(
                f"A state of '{state['game']}' with {len(state['games'])} envs does "
                f"not fit '{self.game}' with {len(self._games)}, or frames are of "
                "another size"
            )
        self._latest, self._ended = latest, state["ended"].cpu().numpy().copy()
        for i, game in enumerate(self._games):
            game.load_state_dict(state["games"][str(i)])
            self._read(i)
        for k in known:
            latest[k][:] = saved[k]
        never = np.zeros_like(self._ended)
        return self._row(np.zeros(len(never), np.float32), never, never, never)

    def _blank(self) -> dict[str, NDArray[np.uint8]]:
        """Fresh arrays for one row: memory always, other bytes where asked for."""
        shapes = {"obs": self.spec.obs_shape, "ram": (RAM_BYTES,)} | {
            k: f.shape for k, f in self.spec.facts.items() if f.dtype == torch.uint8
        }
        num = self.spec.num_envs
        return {k: np.empty((num, *shape), np.uint8) for k, shape in shapes.items()}

    def _read(self, i: int) -> None:
        game, row = self._games[i], self._latest
        row["obs"][i] = game.image()
        game.ale.getRAM(row["ram"][i])
        if "colour" in row:
            row["colour"][i] = np.moveaxis(game.ale.getScreenRGB(), -1, 0)
        if "sound" in row:
            row["sound"][i] = game.sound

    def _row(
        self,
        reward: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        first: NDArray[np.bool_],
    ) -> Step:
        device = self.spec.device
        seen = {k: to_device(v, device) for k, v in self._latest.items()}
        if self._place is not None:
            seen |= locate(seen["ram"], self._place)._asdict()
        if self._labels:
            seen |= read_labels(seen["ram"], self._labels)
        return Step(
            obs=seen["obs"],
            reward=to_device(reward, device),
            terminated=to_device(terminated.copy(), device),
            truncated=to_device(truncated.copy(), device),
            first=to_device(first.copy(), device),
            facts={name: seen[name] for name in self.spec.facts},
        )
