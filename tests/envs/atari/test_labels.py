"""AtariARI's labels: categories by name, and bytes beside what is on the screen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from envs.atari.emulator import EmulatedAtari
from envs.atari.labels import Category, categories, labelled_games
from envs.atari.native import AtariConfig, NativeAtari
from envs.atari.protocol import ATARI_ARI, NamedProtocol
from envs.atari.ram import AtariFact, label_bytes, ram_maps, read_labels
from envs.vector_env import DiscreteActions

STEPS = 350
WHITE, LIGHT, DARK = (236, 236, 236), (214, 214, 214), (0, 0, 0)
GREEN, BROWN, RED = (92, 186, 92), (213, 130, 74), (200, 72, 72)


@cache
def played(game: str) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.int64]]]:
    """Colour screens `[T, H, W, 3]` of the last emulated frame, and labels."""
    facts = (AtariFact.COLOUR, AtariFact.LABELS)
    env = EmulatedAtari(game, ATARI_ARI, 1, facts)
    assert isinstance(env.spec.actions, DiscreteActions)
    generator = torch.Generator().manual_seed(0)
    rows = [env.reset(0)]
    for _ in range(STEPS):
        action = torch.randint(1, env.spec.actions.n, (1,), generator=generator)
        rows.append(env.step(action))
    screens = np.stack([x.facts["colour"][0].numpy() for x in rows])
    labels = {
        name: np.array([int(x.facts[name][0]) for x in rows])
        for name in label_bytes(game)
    }
    return screens.transpose(0, 2, 3, 1), labels


@dataclass(frozen=True)
class Place:
    """Where an object is seen, and which labels say so.

    Attributes:
        colour: of the object, which nothing else in the box has.
        box: rows and columns that are looked at.
        pixels: of the object: where there are others, it is hidden, or cut off.
        labels: name → axis, 0 for rows and 1 for columns.
        edge: of its pixels, which one stands for it.
    """

    colour: tuple[int, int, int]
    box: tuple[slice, slice]
    pixels: range
    labels: dict[str, int]
    edge: Callable[..., NDArray[np.floating]] = np.mean

    def correlations(self, game: str) -> dict[str, float]:
        """Pearson's |r| of each label with what is seen."""
        screens, values = played(game)
        mask = (screens[:, *self.box] == np.array(self.colour)).all(-1)
        kept = [t for t, x in enumerate(mask) if x.sum() in self.pixels]
        assert len(kept) > 100
        seen = np.array([self.edge(np.argwhere(mask[t]), axis=0) for t in kept])
        return {
            name: abs(float(np.corrcoef(seen[:, axis], values[name][kept])[0, 1]))
            for name, axis in self.labels.items()
        }


BALL = {"ball_x": 1, "ball_y": 0}
COURT = slice(34, 194)  # rows of Pong between the walls
RING = (slice(38, 178), slice(34, 126))  # of Boxing
BOXER = range(300, 600)
PLACES = [
    ("Pong", Place(GREEN, (COURT, slice(140, 144)), range(64, 65), {"player_y": 0})),
    ("Pong", Place(BROWN, (COURT, slice(16, 20)), range(64, 65), {"enemy_y": 0})),
    ("Pong", Place(WHITE, (COURT, slice(160)), range(8, 9), BALL)),
    (
        "Breakout",
        Place(RED, (slice(189, 193), slice(8, 152)), range(64, 65), {"player_x": 1}),
    ),
    ("Breakout", Place(RED, (slice(93, 189), slice(8, 152)), range(8, 9), BALL)),
    # boxers stretch their arms towards each other: their backs say where they are
    ("Boxing", Place(LIGHT, RING, BOXER, {"player_x": 1, "player_y": 0}, np.min)),
    ("Boxing", Place(DARK, RING, BOXER, {"enemy_x": 1, "enemy_y": 0}, np.max)),
]


@pytest.mark.parametrize(("game", "place"), PLACES)
def test_labels_agree_with_pixels(game: str, place: Place) -> None:
    """Up to an affine map, which a correlation does not see."""
    found = place.correlations(game)
    assert all(r > 0.99 for r in found.values()), found


def test_the_papers_games_and_categories() -> None:
    assert len(labelled_games()) == 22
    by_hand = {
        "ball_x": (Category.SMALL,),
        "player_missile_y1": (Category.SMALL,),
        "player_x": (Category.AGENT,),
        "red_enemy_column": (Category.OTHER,),
        "bottom_of_rope_y": (Category.OTHER,),
        "player_score": (Category.SCORE,),
        "oxygen_meter_value": (Category.SCORE,),
        "clock_0": (Category.SCORE,),
        "block_bit_map_7": (Category.MISC,),
        "room_number": (Category.MISC,),
        "pin_existence_4": (Category.MISC,),
        "dots_eaten_count": (Category.MISC,),
        "level_number": (Category.MISC,),
        "frame_number_display": (Category.SCORE,),
        "num_lives": (Category.SCORE,),
        "player_direction": (Category.MISC,),
        "num_lives_direction": (Category.SCORE, Category.MISC),
        "tile_color_3": (),
    }
    assert {name: categories(name) for name in by_hand} == by_hand
    for game in labelled_games():
        assert any(categories(name) for name in label_bytes(game))


def test_facts_are_the_bytes_of_the_memory() -> None:
    config = AtariConfig(
        "Boxing", NamedProtocol.ATARI_ARI, (AtariFact.RAM, AtariFact.LABELS)
    )
    env = config.build(2, "cpu")
    env.reset(3)
    for action in (1, 4, 2):
        row = env.step(torch.full((2,), action))
    labels = ram_maps()["boxing"]
    assert set(row.facts) == {"ram", *labels}
    for name, byte in labels.items():
        fact, spec = row.facts[name], env.spec.facts[name]
        assert torch.equal(fact, row.facts["ram"][:, byte].long())
        assert (spec.shape, spec.dtype) == (fact.shape[1:], fact.dtype)
    many = torch.arange(3 * 2 * 128).to(torch.uint8).view(3, 2, 128)
    assert torch.equal(read_labels(many, labels)["clock"], many[..., 17].long())


def test_only_who_asks_pays_for_labels() -> None:
    assert isinstance(AtariConfig("Pong").build(1, "cpu"), NativeAtari)
    with pytest.raises(ValueError, match="no labels of 'alien', only of asteroids"):
        AtariConfig("Alien", facts=(AtariFact.LABELS,)).build(1, "cpu")
