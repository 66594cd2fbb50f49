"""Atari evaluation protocols (sticky actions, frame skip, ...), games and seeds."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, final

import ale_py
import numpy as np
import torch
from ale_py import roms
from numpy.typing import NDArray

# Otherwise every emulator prints a banner of two lines.
ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)


@dataclass(frozen=True)
class AtariProtocol:
    """Every switch between the emulator and the agent, none of them implied.

    Rewards are always the raw score. Reward clipping belongs to the learner
    (`RewardStream.clip`): a clipped score cannot be reported afterwards.

    Attributes:
        sticky: probability, at each emulated frame, that the emulator repeats the
            action of the frame before instead of the one that was asked for.
        full_action_space: all 18 joystick actions, else those that the game uses.
        frame_skip: emulated frames per env step.
        max_pool: show the brighter of the step's last two frames, pixel by pixel
            (Atari games draw some objects on every second frame only).
        noop_max: up to `noop_max - 1` random no-ops after a reset; 0 for none.
        fire_on_reset: press FIRE after a reset, where the game has that action.
        life_ends_episode: a lost life terminates, and **the game starts over** (ALE's
            vector env offers no other kind; elsewhere play usually goes on).
        max_frames: emulated frames after which an episode is truncated.
        height: rows of the image, in pixels.
        width: columns of the image, in pixels.
        grayscale: one channel, else three (red, green, blue).
    """

    sticky: float = 0.25
    full_action_space: bool = True
    frame_skip: int = 4
    max_pool: bool = True
    noop_max: int = 0
    fire_on_reset: bool = False
    life_ends_episode: bool = False
    max_frames: int = 108_000
    height: int = 84
    width: int = 84
    grayscale: bool = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.sticky < 1.0:
            raise ValueError(f"sticky must be in [0, 1), not {self.sticky}")
        for name in ("frame_skip", "max_frames", "height", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.noop_max < 0:
            raise ValueError(f"noop_max must not be negative, it is {self.noop_max}")


MACHADO = AtariProtocol()
"""The advice of Machado et al. 2018 (arXiv 1709.06009): sticky actions, all 18 actions,
whole games, nothing random or helpful at resets.

The limit of half an hour is that of ALE's registered v5 envs, not checked in the paper.
"""

RND_PAPER = AtariProtocol(full_action_space=False, max_frames=18_000)
"""Burda et al. 2018 (arXiv 1810.12894), checked against the authors' code: sticky 0.25
per frame, 4,500 agent steps of 4 frames, whole games, no no-ops, 84×84 grey.

Known deviations: grey is ALE's own palette, theirs was OpenCV's conversion from RGB."""

HINDSIGHT = AtariProtocol(sticky=0.1)
"""Jarrett et al. 2022 (arXiv 2211.10515): sticky 0.1, as in their Montezuma runs.

Only that number is known to us; the other switches are those of `MACHADO`."""


ATARI_ARI = AtariProtocol(
    sticky=0.0, full_action_space=False, noop_max=31, fire_on_reset=True
)
"""Anand et al. 2019 (arXiv 1906.08226), checked against the authors' code: nothing
sticky, skip 4, up to 30 no-ops and FIRE at resets, grey.

Deviations: an episode is a whole game, where a lost life ended one; 84×84, where theirs
is 210×160 (`--world.height 210 --world.width 160`)."""


class NamedProtocol(Enum):
    """Protocols to choose by name, on the command line and in saved configurations."""

    MACHADO = "machado"
    RND_PAPER = "rnd-paper"
    HINDSIGHT = "hindsight"
    ATARI_ARI = "atari-ari"

    @property
    def switches(self) -> AtariProtocol:
        """The protocol of that name."""
        return _PROTOCOLS[self]


_PROTOCOLS = {
    NamedProtocol.MACHADO: MACHADO,
    NamedProtocol.RND_PAPER: RND_PAPER,
    NamedProtocol.HINDSIGHT: HINDSIGHT,
    NamedProtocol.ATARI_ARI: ATARI_ARI,
}


@cache
def list_games() -> tuple[str, ...]:
    """Names of all games that can be played, in snake_case, sorted.

    Four of the ROMs inside ale-py are for two players only. They are left out, because
    ALE ends the whole process when it is asked to load one.
    """
    supported = ale_py.ALEInterface.isSupportedROM
    return tuple(sorted(g for g in roms.get_all_rom_ids() if supported(_rom(g))))


def find_game(name: str) -> str:
    """The snake_case name of a game given in that way or as `MontezumaRevenge`.

    Raises:
        ValueError: no such game; the message names the nearest ones.
    """
    known = {_plain(game): game for game in list_games()}
    if _plain(name) in known:
        return known[_plain(name)]
    near = difflib.get_close_matches(_plain(name), known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(known[n] for n in near)}?" if near else ""
    raise ValueError(
        f"There is no Atari game '{name}'.{hint} All {len(known)} names: "
        "envs.atari.protocol.list_games()"
    )


def rom_path(game: str) -> Path:
    """Where the ROM of a game lies.

    Raises:
        ValueError: no such game.
    """
    return _rom(find_game(game))


@final
class AleDraws:
    """ALE's random numbers, C++'s `std::mt19937(seed)`, to know what it drew."""

    def __init__(self, seed: int) -> None:
        self.bits = np.random.MT19937()
        self.bits._legacy_seeding(seed)

    def sticks(self, sticky: float) -> bool:
        """Whether the next frame repeats the action before; ALE holds a float32."""
        # The second of the two words is for the absent other player.
        word = int(self.bits.random_raw(2)[0])
        return word / 2**32 < float(np.float32(sticky))

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is."""
        state: Any = self.bits.state["state"]
        key = torch.from_numpy(state["key"].astype(np.int64))
        return {"key": key, "pos": int(state["pos"])}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        key = state["key"].cpu().numpy().astype(np.uint32)
        self.bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": key, "pos": state["pos"]},
        }


def checked_actions(action: NDArray[Any], num_actions: int) -> NDArray[np.int64]:
    """Actions `[B]` as int64.

    Raises:
        ValueError: an action is not in `0 … num_actions-1`. ALE's worker threads would
            die of it, and the next step would wait for them forever.
    """
    if action.min() < 0 or action.max() >= num_actions:
        raise ValueError(
            f"Actions must be 0 … {num_actions - 1}, not "
            f"{int(action.min())} … {int(action.max())}"
        )
    return action.astype(np.int64)


def _rom(game: str) -> Path:
    path = roms.get_rom_path(game)
    if path is None:
        raise ValueError(f"ale-py does not ship the ROM of '{game}'")
    return path


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
