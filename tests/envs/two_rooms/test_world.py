"""Two-Rooms: the contract, what is shown and told, goals, and smooth walks."""

import pytest
import torch

from envs.check import check_env
from envs.two_rooms.config import TwoRoomsConfig, fixed_two_rooms
from envs.two_rooms.stroller import Stroller
from envs.two_rooms.world import NEAR, TwoRoomsState, TwoRoomsWorld


def state(*rows: tuple[float, float, float, float]) -> TwoRoomsState:
    x, y, wall, door = torch.tensor(rows).unbind(1)
    return TwoRoomsState(torch.stack([x, y], 1), wall, door)


@pytest.mark.parametrize(
    "config", [TwoRoomsConfig(max_episode_steps=7), fixed_two_rooms()]
)
def test_contract(config: TwoRoomsConfig) -> None:
    check_env(lambda: config.build(4, "cpu"), num_steps=40)


def test_frames_by_hand() -> None:
    frame = TwoRoomsWorld().render(state((6.0, 20.0, 13.0, 8.0)))[0]
    dot, wall = frame
    assert int(dot[20, 6]) == 255
    assert dot.flatten().argmax() == 20 * 28 + 6
    assert set(wall.unique().tolist()) == {0, 255}
    shut = wall.bool()
    assert shut.any(0).nonzero().flatten().tolist() == [12, 13, 14]
    assert (~shut[:, 13]).nonzero().flatten().tolist() == [6, 7, 8, 9, 10]
    assert int(shut.sum()) == 3 * (28 - 5)


def test_facts_and_rooms() -> None:
    world = TwoRoomsWorld()
    told = world.describe(
        state((6, 20, 13, 8), (13, 8, 13, 8), (20, 3, 13, 8), (11.5, 8, 13, 8))
    )
    assert told["room"].tolist() == [0, 1, 2, 0]
    assert told["wall"].tolist() == [13] * 4
    assert told["door"].tolist() == [8] * 4
    units = {name: fact.unit for name, fact in world.facts.items()}
    assert units == {"place": "px", "wall": "px", "door": "px", "room": ""}


def test_walls_last_for_an_episode_and_differ_between_them() -> None:
    env = TwoRoomsConfig(max_episode_steps=5).build(6, "cpu")
    rows = [env.reset(seed=1)]
    rows += [env.step(torch.zeros(6, 2)) for _ in range(9)]
    walls = torch.stack([row.facts["wall"] for row in rows])
    assert (walls[:6] == walls[0]).all()
    assert (walls[6:] == walls[6]).all()
    assert (walls[0] != walls[6]).any()


def test_a_step_is_two_pixels_at_most() -> None:
    env = TwoRoomsConfig().build(50, "cpu")
    before = env.reset(seed=1).facts["place"]
    action = torch.tensor([[0.25, -0.5]]).expand(50, 2)
    off = env.step(action).facts["place"] - before
    free = (off - torch.tensor([0.5, -1.0])).abs().amax(1) < 1e-5
    assert free.float().mean() > 0.6
    assert float(off.abs().max()) <= 1.0 + 1e-5


def test_goals_are_in_the_other_room_and_reached_within_two_pixels(
    generator: torch.Generator,
) -> None:
    world = TwoRoomsWorld()
    begun = world.start(500, generator, None)
    goal = world.goal(begun, generator)
    assert torch.equal(goal.wall, begun.wall)
    assert torch.equal(goal.door, begun.door)
    rooms = world.describe(begun)["room"] + world.describe(goal)["room"]
    assert (rooms == 2).all()
    assert not world.reached(begun, goal).any()
    near = state((5.0, 5.0, 13, 8))
    for off, reached in ((NEAR - 0.01, True), (NEAR + 0.01, False)):
        there = state((5.0, 5.0 + off, 13, 8))
        assert bool(world.reached(near, there)) is reached


def test_walks_are_smooth_and_cross_now_and_then() -> None:
    env = TwoRoomsConfig(max_episode_steps=1_000).build(400, "cpu")
    generator, walker = torch.Generator().manual_seed(3), Stroller()
    row = env.reset(seed=2)
    rooms, actions = [row.facts["room"]], []
    for _ in range(16):
        action = walker.act(row, generator)
        row = env.step(action)
        actions.append(action)
        rooms.append(row.facts["room"])
    told = torch.stack(actions)
    length = told.norm(dim=-1)
    assert 0.1 - 1e-5 <= float(length.min()) < float(length.max()) <= 2**0.5 + 1e-5
    assert float(told.abs().max()) == 1.0
    corners = (told.abs() > 0.9).all(-1)
    assert 0.01 < float(corners.float().mean()) < 0.2  # all actions are met
    unit = told / length.unsqueeze(-1)
    within = (told.abs().amax(-1) < 1)[1:] & (told.abs().amax(-1) < 1)[:-1]
    turn = (unit[1:] * unit[:-1]).sum(-1)[within]
    assert float(turn.mean()) == pytest.approx(0.893, abs=0.02)  # I1(5) / I0(5)
    assert unit[0].mean(0).abs().max() < 0.15  # headings are uniform
    seen = torch.stack(rooms)
    both = (seen == 0).any(0) & (seen == 2).any(0)
    assert 0.04 < float(both.float().mean()) < 0.3


def test_a_walk_goes_on_where_it_was_saved() -> None:
    env = TwoRoomsConfig().build(5, "cpu")
    row = env.reset(seed=2)
    walker, other = Stroller(), Stroller()
    assert walker.state_dict() == {}
    walker.act(row, torch.Generator().manual_seed(3))
    row = env.step(torch.zeros(5, 2))
    other.load_state_dict(walker.state_dict())
    found = [x.act(row, torch.Generator().manual_seed(4)) for x in (walker, other)]
    assert torch.equal(*found)
