"""A map of two rooms and a passage, written here."""

import torch

from envs.doom.floor_plan import FloorPlan

CORNERS = [(0, 0), (160, 0), (160, 160), (0, 160), (160, 64), (160, 96)]
CORNERS += [(224, 64), (224, 96), (224, 0), (384, 0), (384, 160), (224, 160)]
ROOM_OF_SIDE = [0, 0, 0, 0, 0, 2, 2, 1, 1, 1, 1, 1, 0, 2, 2, 1]
WALLS = [(0, 1), (1, 4), (5, 2), (2, 3), (3, 0), (4, 6), (7, 5), (8, 9), (9, 10)]
WALLS += [(10, 11), (11, 7), (6, 8)]
DOORS = [((4, 5), 12, 13), ((6, 7), 14, 15)]


def text() -> str:
    said = ['namespace = "zdoom";', "thing // 0\n{ x = 300.0; y = 20.0; type = 2018; }"]
    said += [f"vertex {{ x = {x}.000; y = {y}.000; }}" for x, y in CORNERS]
    said += [f"sidedef {{ sector = {i}; }}" for i in ROOM_OF_SIDE]
    said += [
        f"linedef {{ v1 = {a}; v2 = {b}; sidefront = {i}; blocking = true; }}"
        for i, (a, b) in enumerate(WALLS)
    ]
    said += [
        f"linedef {{ v1 = {a}; v2 = {b}; sidefront = {i}; sideback = {j}; }}"
        for (a, b), i, j in DOORS
    ]
    return "\n".join(said)


def test_rooms_are_sectors_by_number() -> None:
    plan = FloorPlan(text())
    rooms = [[0, 160, 0, 160], [224, 384, 0, 160], [160, 224, 64, 96]]
    assert plan.boxes.tolist() == rooms
    assert plan.goal == (300.0, 20.0)
    places = torch.tensor([[10.0, 10.0], [380.0, 150.0], [190.0, 80.0], [161.0, 150.0]])
    assert plan.room(places).tolist() == [0, 1, 2, 0]  # the last is in a wall, near 0


def test_tiles_are_counted_from_the_south_west() -> None:
    tile = FloorPlan(text()).tile(torch.tensor([[0.5, 0.5], [31.9, 32.1], [383.0, 5]]))
    assert tile.tolist() == [[0, 0], [0, 1], [11, 0]]


def test_the_picture_has_walls_the_vest_and_who_looks_where() -> None:
    plan = FloorPlan(text())
    places, east = torch.tensor([[80.0, 80.0], [300.0, 100.0]]), torch.zeros(2)
    drawn = plan.draw(places, east)
    assert drawn.shape == (2, *plan.shape)
    assert plan.shape == (3, 40 + 16, 96 + 16)  # a quarter of the map, and 8 around it
    wall, vest, hole = drawn[0, :, 8 + 40, 28], drawn[0, :, 43, 83], drawn[0, :, 28, 48]
    assert wall.tolist() == [200, 200, 200]
    assert vest.tolist() == [60, 190, 90]
    assert hole.tolist() == drawn[0, :, 0, 0].tolist()  # the passage is open
    changed = (drawn[0] != drawn[1]).any(0).nonzero()
    near = [(28, 28), (23, 83)]  # row and column of both players
    assert all(
        min(abs(r - y) + abs(c - x) for y, x in near) <= 12 for r, c in changed.tolist()
    )
    west = plan.draw(places[:1], torch.tensor([180.0]))
    assert not torch.equal(west[0], drawn[0])
    # An arrow is broader at its tip: east of the player when it looks there.
    broad = [(d[0, 0, :, c] == 240).sum() for d, c in ((drawn, 31), (west, 25))]
    narrow = [(d[0, 0, :, c] == 240).sum() for d, c in ((drawn, 23), (west, 33))]
    assert min(broad) > max(narrow)
