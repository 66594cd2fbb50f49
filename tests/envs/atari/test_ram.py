from functools import cache
from typing import Any

import ale_py
import numpy as np
import pytest
import torch

from envs.atari.protocol import list_games, rom_path
from envs.atari.ram import explorable_games, locate, place_bytes, ram_maps

NOOP, RIGHT, LEFT, DOWN = 0, 3, 4, 5


@cache
def emulator(game: str) -> Any:
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.setInt("random_seed", 1)
    ale.loadROM(rom_path(game))
    return ale


def start(game: str) -> Any:
    ale = emulator(game)
    ale.reset_game()
    return ale


def where(ale: Any, game: str) -> list[int]:
    place = locate(torch.from_numpy(ale.getRAM()), place_bytes(game))
    return [int(number) for number in place]


def walk(game: str, action: int, frames: int) -> tuple[list[int], list[int]]:
    ale = start(game)
    before = where(ale, game)
    for _ in range(frames):
        ale.act(action)
    return before, where(ale, game)


def test_maps_are_of_games_and_point_into_the_memory() -> None:
    assert set(ram_maps()) <= set(list_games())
    assert len(ram_maps()) == 24
    for game in ram_maps():
        assert all(0 <= byte < 128 for byte in ram_maps()[game].values())
    assert explorable_games() == ("hero", "montezuma_revenge", "private_eye", "venture")


def test_walking_in_montezuma() -> None:
    before, after = walk("MontezumaRevenge", RIGHT, 12)
    assert before == [1, 77, 235]
    assert after == [1, 89, 235]
    before, after = walk("MontezumaRevenge", LEFT, 12)
    assert after == [1, 65, 235]
    before, after = walk("MontezumaRevenge", DOWN, 24)  # the ladder; y grows upwards
    assert after[:2] == before[:2]
    assert after[2] < before[2]


@pytest.mark.parametrize("value", [65, 90, 120])
def test_poking_x_moves_the_player_on_the_screen(value: int) -> None:
    shown, poked = show("montezuma_revenge"), show("montezuma_revenge", x=value)
    columns = set(np.flatnonzero((shown != poked).any(0)).tolist())
    there, gone = set(range(value - 1, value + 6)), set(range(76, 83))
    assert columns >= there | gone
    assert len(columns) <= 16


def test_poking_the_room_draws_another_one() -> None:
    shown = show("montezuma_revenge")
    assert np.array_equal(shown, show("montezuma_revenge", room=1))
    for room in (2, 5):
        changed = shown != show("montezuma_revenge", room=room)
        assert changed[:50].sum() == 0  # the score stays
        assert changed[50:].mean() > 0.2


def test_leaving_the_first_room_of_private_eye() -> None:
    before, after = walk("PrivateEye", LEFT, 60)
    assert before[0] == 0
    assert after[0] == 31


def test_batches_of_memories() -> None:
    ram = torch.arange(3 * 5 * 128, dtype=torch.int64).to(torch.uint8).view(3, 5, 128)
    place = locate(ram, place_bytes("montezuma_revenge"))
    assert place.x.shape == (3, 5)
    assert place.x.dtype == torch.int64
    assert torch.equal(place.room, ram[..., 3].long())


def test_unknown_places() -> None:
    with pytest.raises(ValueError, match="hero, montezuma_revenge"):
        place_bytes("Pong")
    with pytest.raises(ValueError, match="There is no Atari game 'Tron'"):
        place_bytes("Tron")


def show(game: str, room: int | None = None, x: int | None = None) -> Any:
    """The grey screen two frames after bytes were changed."""
    ale = start(game)
    place = place_bytes(game)
    for byte, value in ((place.room, room), (place.x, x)):
        if value is not None:
            ale.setRAM(byte, value)
    for _ in range(2):
        ale.act(NOOP)
    return ale.getScreenGrayscale()
