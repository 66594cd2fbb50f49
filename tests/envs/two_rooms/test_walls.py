"""How walls and the door stop a dot, by hand and against small steps."""

import pytest
import torch
from torch import Tensor

from envs.toys.dots import LEAST, MOST
from envs.two_rooms.layouts import FixedWall, RandomWalls
from envs.two_rooms.walls import GAP, HALF, anywhere, beside, moved

WALL, DOOR = 13.0, 8.0


def go(place: tuple[float, float], by: tuple[float, float]) -> list[float]:
    wall, door = torch.tensor([WALL]), torch.tensor([DOOR])
    found = moved(torch.tensor([place]), torch.tensor([by]), wall, door)
    return [round(x, 4) for x in found[0].tolist()]


@pytest.mark.parametrize(
    ("place", "by", "then"),
    [
        ((6.0, 6.0), (2.0, -1.5), (8.0, 4.5)),  # nothing is in its way
        ((3.0, 24.0), (-2.0, 2.0), (2.6, 24.4)),  # a corner
        ((10.0, 20.0), (2.0, 1.0), (11.5, 21.0)),  # against the wall, along it
        ((11.5, 20.0), (2.0, 0.0), (11.5, 20.0)),  # pressed against it
        ((16.0, 20.0), (-2.0, 0.0), (14.5, 20.0)),  # from the right
        ((11.0, 8.0), (2.0, 0.0), (13.0, 8.0)),  # into the door
        ((13.0, 8.0), (2.0, 0.0), (15.0, 8.0)),  # out of it
        ((13.0, 8.0), (-2.0, 0.0), (11.0, 8.0)),  # and back
        ((13.0, 8.0), (0.0, 2.0), (13.0, 10.0)),  # in the door
        ((13.0, 10.0), (0.0, 2.0), (13.0, 10.5)),  # against its lower end
        ((13.0, 6.0), (0.0, -2.0), (13.0, 5.5)),  # against its upper end
        ((11.0, 10.6), (2.0, 0.0), (11.5, 10.6)),  # just beside the door
        ((11.0, 10.4), (2.0, 2.0), (13.0, 10.5)),  # through it, held at its end
        ((13.0, 10.4), (2.0, 2.0), (15.0, 12.4)),  # out of it and round the corner
    ],
)
def test_steps_by_hand(
    place: tuple[float, float], by: tuple[float, float], then: tuple[float, float]
) -> None:
    assert go(place, by) == list(then)
    mirrored = go((2 * WALL - place[0], place[1]), (-by[0], by[1]))
    x = min(max(2 * WALL - then[0], LEAST), MOST)
    if place[0] > 3:  # outer walls are not where a mirror has them
        assert mirrored == pytest.approx([x, then[1]], abs=1e-4)


def inside(place: Tensor, wall: Tensor, door: Tensor) -> Tensor:
    """Whether a dot is in the wall."""
    off, height = (place[:, 0] - wall).abs(), (place[:, 1] - door).abs()
    return (off < HALF - 1e-4) & (height > GAP + 1e-4)


def test_nobody_is_ever_in_a_wall_and_all_cross_by_the_door(
    generator: torch.Generator,
) -> None:
    wall, door = RandomWalls().draw(300, generator)
    place = anywhere(wall, generator)
    crossed = 0
    for _ in range(200):
        assert not inside(place, wall, door).any()
        assert bool(((place >= LEAST) & (place <= MOST)).all())
        by = 4 * torch.rand(300, 2, generator=generator) - 2
        then = moved(place, by, wall, door)
        across = (place[:, 0] - wall) * (then[:, 0] - wall) < 0
        assert ((place[across, 1] - door[across]).abs() <= GAP + 1e-4).all()
        crossed += int(across.sum())
        place = then
    assert crossed > 100


def test_places_fill_the_rooms_evenly(generator: torch.Generator) -> None:
    wall = torch.full((20_000,), 10.0)
    place = anywhere(wall, generator)
    left = place[:, 0] < wall
    width = torch.tensor([10 - HALF - LEAST, MOST - 10 - HALF])
    share = width / width.sum()
    assert float(left.float().mean()) == pytest.approx(float(share[0]), abs=0.02)
    for right, among in ((False, place[left]), (True, place[~left])):
        own = beside(wall, torch.full_like(left, right), generator)
        for found in (among, own):
            low, high = (11.5, MOST) if right else (LEAST, 8.5)
            assert float(found[:, 0].min()) >= low
            assert float(found[:, 0].max()) <= high
            middle = torch.tensor([(low + high) / 2, (LEAST + MOST) / 2])
            torch.testing.assert_close(found.mean(0), middle, atol=0.2, rtol=0)


def test_layouts(generator: torch.Generator) -> None:
    wall, door = RandomWalls().draw(2_000, generator)
    assert sorted(set(wall.tolist())) == list(range(8, 20))
    assert sorted(set(door.tolist())) == list(range(6, 22))
    assert abs(float(torch.corrcoef(torch.stack([wall, door]))[0, 1])) < 0.1
    wall, door = FixedWall(9, 20).draw(3, generator)
    assert (wall.tolist(), door.tolist()) == ([9] * 3, [20] * 3)
    with pytest.raises(ValueError, match="wall must be 8 to 19, not 7"):
        FixedWall(7)
    with pytest.raises(ValueError, match="door must be 6 to 21, not 22"):
        FixedWall(13, 22)
