"""Atari facts (ground truth beside the pixels): rooms, positions, labels from RAM.

The byte addresses (`ram.json`) are those published with *Unsupervised State
Representation Learning in Atari* (Anand et al. 2019, arXiv 1906.08226) in
mila-iqia/atari-representation-learning, MIT licence. Those that `locate` reads are
checked for Montezuma's Revenge: changing the byte changes what is on the screen. Those
of Pong, Breakout and Boxing are compared with pixels by
`tests/envs/atari/test_labels.py`.
"""

import json
from collections.abc import Collection, Mapping
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from envs.atari.protocol import find_game
from envs.vector_env import FactSpec

RAM_BYTES = 128
"""Memory of the console."""

SOUND_SAMPLES = 512
"""Samples per emulated frame, unsigned 8 bit, 60 × 512 a second."""

SILENCE = 128
"""The sample value of silence."""

_ROOM = ("room_number", "current_room")  # the published tables use both


class AtariFact(Enum):
    """Ground truth that the emulator can give beside the pixels."""

    RAM = "ram"
    """`ram`: u8 `[128]`, the console's whole memory."""
    COLOUR = "colour"
    """`colour`: u8 `[3, 210, 160]` (some games are taller), the last emulated frame."""
    SOUND = "sound"
    """`sound`: u8 `[frame_skip · 512]`, every sample of every frame of the step, in
    order. What follows an early end, and every first row, is silence."""
    EXPLORATION = "exploration"
    """`room`, `x`, `y`: int64 `[]`, where the player is; see `locate`."""
    LABELS = "labels"
    """AtariARI's labels, one fact for each: int64 `[]`, 0 … 255; see `label_bytes`."""


class PlayerPlace(NamedTuple):
    """Where the player is, in the game's own units; int64, of any batch shape."""

    room: Int64[Tensor, "*batch"]
    x: Int64[Tensor, "*batch"]
    y: Int64[Tensor, "*batch"]


class PlaceBytes(NamedTuple):
    """Indices into the memory of the three bytes that `locate` reads."""

    room: int
    x: int
    y: int


def fact_specs(
    game: str,
    facts: Collection[AtariFact],
    screen: tuple[int, int],
    frame_skip: int,
) -> dict[str, FactSpec]:
    """Shapes and dtypes of the facts asked for, given the screen's (height, width).

    Raises:
        ValueError: labels of a game that has none.
    """
    byte, number = torch.uint8, FactSpec((), torch.int64)
    labels = label_bytes(game) if AtariFact.LABELS in facts else {}
    entries = {
        AtariFact.RAM: {"ram": FactSpec((RAM_BYTES,), byte)},
        AtariFact.COLOUR: {"colour": FactSpec((3, *screen), byte)},
        AtariFact.SOUND: {"sound": FactSpec((frame_skip * SOUND_SAMPLES,), byte)},
        AtariFact.EXPLORATION: dict.fromkeys(PlayerPlace._fields, number),
        AtariFact.LABELS: dict.fromkeys(labels, number),
    }
    return {
        k: v for fact in AtariFact if fact in facts for k, v in entries[fact].items()
    }


@cache
def ram_maps() -> Mapping[str, Mapping[str, int]]:
    """Known bytes of each game: game (snake_case) → name → index in `0 … 127`."""
    text = files("envs.atari").joinpath("ram.json").read_text(encoding="utf-8")
    maps: Mapping[str, Mapping[str, int]] = json.loads(text)
    return maps


@cache
def explorable_games() -> tuple[str, ...]:
    """Games whose room and player position are known, sorted."""
    return tuple(sorted(g for g, m in ram_maps().items() if _place(m) is not None))


def place_bytes(game: str) -> PlaceBytes:
    """Which bytes say where the player is.

    Raises:
        ValueError: no such game, or its bytes are not known; lists those that are.
    """
    name = find_game(game)
    found = _place(ram_maps().get(name, {}))
    if found is None:
        raise ValueError(
            f"Room and position are not known in the memory of '{name}', only of "
            f"{', '.join(explorable_games())}"
        )
    return found


def label_bytes(game: str) -> Mapping[str, int]:
    """The labels of a game: name → the byte of the memory that holds it.

    Raises:
        ValueError: no such game, or it has no labels; lists those that have some.
    """
    name, known = find_game(game), ram_maps()
    if name not in known:
        raise ValueError(
            f"AtariARI has no labels of '{name}', only of {', '.join(sorted(known))}"
        )
    return known[name]


def read_labels(
    ram: UInt8[Tensor, "*batch 128"], labels: Mapping[str, int]
) -> dict[str, Int64[Tensor, "*batch"]]:
    """The labels by name, from whole memories."""
    values = ram[..., list(labels.values())].long()
    return dict(zip(labels, values.unbind(-1), strict=True))


def locate(ram: UInt8[Tensor, "*batch 128"], place: PlaceBytes) -> PlayerPlace:
    """Read the player's place from whole memories."""
    return PlayerPlace(*(ram[..., i].long() for i in place))


def _place(ram_map: Mapping[str, int]) -> PlaceBytes | None:
    room = next((ram_map[name] for name in _ROOM if name in ram_map), None)
    x, y = ram_map.get("player_x"), ram_map.get("player_y")
    return None if room is None or x is None or y is None else PlaceBytes(room, x, y)
