"""Rooms: the contract, the rules from outside, and what is seen."""

from dataclasses import replace
from itertools import pairwise
from math import atan2, hypot, pi

import pytest
import torch

from envs.check import check_env
from envs.mujoco.rooms.config import RoomsConfig
from envs.mujoco.rooms.plan import OPEN, SIDE, WALL, WAYS
from envs.vector_env import ContinuousActions, DiscreteActions
from tests.envs.mujoco.rooms.played import BLIND, play, put, stacked, stage_of

DRAWN = replace(BLIND, pixels=16, depth=True, segmentation=True, tv=True, overview=True)
CROWDED = {"rooms": (1, 1), "locks": 0, "boxes": 4, "layouts": 60}
STAY, AHEAD, LEFT, RIGHT = range(4)


@pytest.mark.parametrize(
    "config",
    [
        replace(DRAWN, max_episode_steps=6),
        replace(BLIND, rooms=(1, 1), locks=0, max_episode_steps=5, layouts=3),
        replace(BLIND, continuous=True, boxes=0, goal=False, max_episode_steps=7),
    ],
)
def test_contract(config: RoomsConfig) -> None:
    check_env(lambda: config.build(3, "cpu"), num_steps=14)


def test_actions_by_name() -> None:
    space = BLIND.build(1, "cpu").spec.actions
    assert isinstance(space, DiscreteActions)
    assert space.names == ("stay", "ahead", "left", "right")
    free = replace(BLIND, continuous=True).build(1, "cpu").spec.actions
    assert isinstance(free, ContinuousActions)
    assert free.size == 2


def test_a_world_is_the_same_whatever_lies_beside_it() -> None:
    config = replace(BLIND, layouts=4, tv=True)
    few, many = config.build(2, "cpu"), config.build(5, "cpu")
    one, other = few.reset(seed=8), many.reset(seed=8)
    for t in range(40):
        for name, fact in one.facts.items():
            assert torch.equal(fact, other.facts[name][:2])
        one = few.step(torch.tensor([t % 4, 1]))
        other = many.step(torch.tensor([t % 4, 1, 1, 2, t % 3]))


def test_steps_go_ahead_and_turn() -> None:
    env = replace(BLIND, boxes=0).build(5, "cpu")
    row = env.reset(seed=0)
    put(env, torch.zeros(5, 2), torch.arange(5) * pi / 6)
    for action, stride, degrees in (
        (AHEAD, 0.4, 0),
        (STAY, 0.0, 0),
        (LEFT, 0.0, 30),
        (AHEAD, 0.4, 0),
        (RIGHT, 0.0, -30),
    ):
        before, row = row, env.step(torch.full((5,), action))
        if before.first.any():
            before = replace(before, facts={**before.facts, "place": torch.zeros(5, 2)})
            angle = torch.arange(5) * pi / 6
            facing = torch.stack([angle.cos(), angle.sin()], 1)
            before.facts["facing"][:] = facing
        way = row.facts["place"] - before.facts["place"]
        assert torch.allclose(way, stride * row.facts["facing"], atol=2e-4)
        for b in range(5):
            x, y = row.facts["facing"][b].tolist()
            was_x, was_y = before.facts["facing"][b].tolist()
            turned = (atan2(y, x) - atan2(was_y, was_x)) * 180 / pi
            assert (turned - degrees + 180) % 360 - 180 == pytest.approx(0, abs=1e-3)


def test_nobody_walks_through_walls_or_locked_doors() -> None:
    rows = play(replace(BLIND, locks=3, max_episode_steps=10_000), 24, 400, seed=3)
    plan = stage_of(BLIND.build(1, "cpu")).plan
    place, room = stacked(rows, "place"), stacked(rows, "room")
    middle = plan.middle(room.flatten()).view_as(place)
    off = (place - middle).abs()
    # A walker of 0.25 m and a wall of 0.1 m: beyond that only in a doorway.
    assert (off.amin(-1) < SIDE / 2 - 0.32).all()
    assert (off.amax(-1) > SIDE / 2 - 0.36).float().mean() > 0.1, "nobody met a wall"
    plan = stage_of(replace(BLIND, locks=3).build(1, "cpu")).plan
    moved = (room[1:] != room[:-1]).nonzero()
    assert len(moved) > 20
    for t, b in moved.tolist():
        here, there = int(room[t, b]), int(room[t + 1, b])
        down, right = there // 4 - here // 4, there % 4 - here % 4
        side = WAYS.index((down, right))
        between = plan.between[0, here, side].item()
        assert between != WALL
        if between > OPEN:
            assert rows[t].facts["doors"][b] > 0


def test_keys_open_doors_and_the_goal_pays() -> None:
    env = replace(BLIND, boxes=0).build(2, "cpu")
    plan = stage_of(env).plan
    row = env.reset(seed=0)
    assert not row.facts["keys"].any()
    stay = torch.zeros(2, dtype=torch.int64)
    # Without its key a door stays shut; the other world has the key.
    key, door = plan.keys[0, 1], plan.doors[0, 1]
    far, near = plan.middle(torch.zeros(2, dtype=torch.int64))[0], key
    put(env, torch.stack([far, near]))
    row = env.step(stay)
    assert row.facts["keys"].tolist() == [0, 1]
    put(env, (door + torch.tensor([0.0, 0.5])).expand(2, 2))
    row = env.step(stay)
    assert row.facts["doors"].tolist() == [0, 1]
    assert row.facts["keys"].tolist() == [0, 1]
    assert not row.reward.any()
    put(env, torch.stack([plan.goal[0], far]))
    row = env.step(stay)
    assert row.reward.tolist() == [1, 0]
    assert row.terminated.tolist() == [True, False]
    row = env.step(stay)
    assert row.first.tolist() == [True, False]
    assert row.facts["rooms"][0] == 1
    assert row.facts["keys"].tolist() == [0, 1]


def test_nobody_begins_at_the_goal_of_one_room_alone() -> None:
    config = replace(BLIND, rooms=(1, 1), locks=0, boxes=0, layouts=100)
    env = config.build(512, "cpu")
    env.reset(seed=0)
    row = env.step(torch.full((512,), STAY))
    assert not row.terminated.any()
    assert not row.reward.any()
    assert row.facts["place"].abs().max() < 0.71, "not where the page says"


def test_without_a_goal_nothing_is_paid() -> None:
    env = replace(BLIND, goal=False).build(1, "cpu")
    env.reset(seed=0)
    put(env, stage_of(env).plan.goal)
    row = env.step(torch.zeros(1, dtype=torch.int64))
    assert not row.reward.any()
    assert not row.terminated.any()


def test_boxes_are_pushed_by_walking_into_them_and_stop() -> None:
    env = replace(BLIND, boxes=3).build(3, "cpu")
    row = env.reset(seed=0)
    box = row.facts["boxes"][0]
    place = box - torch.tensor([0.0, 0.6])
    put(env, place, pi / 2)  # below each of the three, looking up
    ahead = torch.full((3,), AHEAD)
    row = env.step(ahead)
    moved = row.facts["boxes"] - box
    for b in range(3):
        assert 0.1 < moved[b, b, 1] < 0.45
        others = [i for i in range(3) if i != b]
        assert moved[b, others].abs().max() < 1e-4
    row = env.step(ahead)
    assert (row.facts["pushed"] >= 1).all()
    before, row = row, env.step(torch.zeros(3, dtype=torch.int64))
    slid = row.facts["boxes"] - before.facts["boxes"]
    assert slid.abs().max() < 0.2
    before, row = row, env.step(torch.zeros(3, dtype=torch.int64))
    assert (row.facts["boxes"] - before.facts["boxes"]).abs().max() < 0.02
    # No box is ever inside a wall, however long somebody pushes.
    for _ in range(30):
        row = env.step(ahead)
    apart = row.facts["boxes"] - row.facts["place"].unsqueeze(1)
    assert torch.linalg.vector_norm(apart, dim=-1).amin() > 0.45


def test_boxes_are_where_they_are_from_the_walker() -> None:
    for row in play(BLIND, 4, 12)[::4]:
        for b in range(4):
            x, y = row.facts["facing"][b].tolist()
            for i in range(4):
                ahead, left = row.facts["to_boxes"][b, i].tolist()
                there = row.facts["place"][b] + torch.tensor(
                    [ahead * x - left * y, ahead * y + left * x]
                )
                assert torch.allclose(there, row.facts["boxes"][b, i], atol=1e-4)


def test_coverage_counts_rooms_of_this_episode() -> None:
    rows = play(replace(BLIND, locks=0, max_episode_steps=150), 8, 310, seed=1)
    room, rooms = stacked(rows, "room"), stacked(rows, "rooms")
    first = torch.stack([x.first for x in rows])
    seen: list[set[int]] = [set() for _ in range(8)]
    for t in range(len(rows)):
        for b in range(8):
            if first[t, b]:
                seen[b] = set()
            seen[b].add(int(room[t, b]))
            assert rooms[t, b] == len(seen[b])
    assert rooms.max() > 2
    spec = BLIND.build(1, "cpu").spec
    assert {x for x, fact in spec.facts.items() if fact.tally} == {
        "rooms",
        "keys",
        "doors",
        "pushed",
    }


def test_layouts_differ_and_episodes_draw_them() -> None:
    config = replace(BLIND, layouts=5, max_episode_steps=2)
    rows = play(config, 6, 40)
    layout = stacked(rows, "layout")
    assert set(layout.flatten().tolist()) == set(range(5))
    plan = stage_of(config.build(1, "cpu")).plan
    assert len({x.numpy().tobytes() for x in plan.between}) == 5
    for row in rows:
        if row.first.any():
            boxes = plan.boxes[row.facts["layout"][row.first]]
            assert torch.allclose(row.facts["boxes"][row.first], boxes, atol=1e-5)
    one, other = (
        stage_of(replace(BLIND, layout_seed=x).build(1, "cpu")).plan for x in (3, 4)
    )
    assert not torch.equal(one.between, other.between)


def test_the_television_is_seen_and_never_shows_the_same_twice() -> None:
    env = replace(BLIND, pixels=24, tv=True, boxes=0, locks=0).build(1, "cpu")
    plan = stage_of(env).plan
    env.reset(seed=0)
    down, right = WAYS[int(plan.tv_side[0])]
    put(env, plan.tv + torch.tensor([-1.5 * right, 1.5 * down]), atan2(-down, right))
    stay = torch.zeros(1, dtype=torch.int64)
    shown = [env.step(stay).obs.int() for _ in range(4)]
    for one, other in pairwise(shown):
        changed = ((one - other).abs().amax(1) > 0).float().mean()
        assert 0.15 < changed < 0.95
    put(env, plan.tv + torch.tensor([-1.5 * right, 1.5 * down]), atan2(down, -right))
    away = [env.step(stay).obs for _ in range(2)]
    assert torch.equal(*away)


def test_pictures_show_where_the_walker_is() -> None:
    env = replace(BLIND, pixels=32, depth=True, boxes=0, rooms=(1, 1), locks=0).build(
        4, "cpu"
    )
    env.reset(seed=0)
    put(env, torch.tensor([[-1.3, 0.0], [-0.5, 0.3], [0.5, -0.3], [0.9, 0.0]]))
    row = env.step(torch.zeros(4, dtype=torch.int64))
    # A level line of sight that ends at the wall, x = 1.9 m; the eye looks down a bit.
    depth, x = row.facts["depth"][:, :, 15:17].amax((1, 2)), row.facts["place"][:, 0]
    for b in range(4):
        assert depth[b].item() == pytest.approx((1.9 - x[b].item()) * 1.0, rel=0.3)
    assert (depth[:-1] > depth[1:]).all()


def test_carried_keys_are_seen_in_the_frame() -> None:
    env = replace(BLIND, pixels=32, segmentation=True, boxes=0).build(1, "cpu")
    stage = stage_of(env)
    carried = stage.look.carried.tolist()
    env.reset(seed=0)
    row = env.step(torch.zeros(1, dtype=torch.int64))
    assert not torch.isin(row.facts["segmentation"], torch.tensor(carried)).any()
    for number in range(2):
        put(env, stage.plan.keys[:, number])
        row = env.step(torch.zeros(1, dtype=torch.int64))
        seen = row.facts["segmentation"][0]
        assert (seen[20:] == carried[number]).sum() >= 2
        assert (seen == stage.look.keys[2 * number]).sum() == 0


def test_saved_rooms_go_on_where_they_were() -> None:
    config = replace(DRAWN, pixels=12)
    env, other = config.build(2, "cpu"), config.build(2, "cpu")
    env.reset(seed=5)
    for t in range(15):
        shown = env.step(torch.tensor([t % 4, 1]))
    assert torch.equal(other.load_state_dict(env.state_dict()).obs, shown.obs)
    for t in range(15):
        action = torch.tensor([1, t % 4])
        row, twin = env.step(action), other.step(action)
        assert torch.equal(row.obs, twin.obs)
        for name, fact in row.facts.items():
            assert torch.equal(fact, twin.facts[name])


def test_without_pixels_all_goes_the_same_way() -> None:
    blind, drawn = play(BLIND, 2, 20), play(replace(BLIND, pixels=8), 2, 20)
    for one, other in zip(blind, drawn, strict=True):
        assert one.obs.shape == (2, 1, 1, 1)
        for name, fact in one.facts.items():
            assert torch.equal(fact, other.facts[name])


def test_the_map_shows_the_walker_in_its_room() -> None:
    rows = play(replace(BLIND, overview=True, boxes=0), 3, 30)
    for row in rows[::7]:
        picture = row.facts["overview"]
        assert picture.shape == (3, 3, 160, 160)
        for b in range(3):
            x, y = row.facts["place"][b].tolist()
            column, line = (int((v / SIDE + 0.5) * 40) for v in (x, -y))
            near = picture[
                b, :, max(0, line - 3) : line + 4, max(0, column - 3) : column + 4
            ]
            assert (near.amin(0) > 220).any(), "nobody white is there"
    assert hypot(*rows[0].facts["facing"][0].tolist()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rooms": (0, 4)}, "rooms must be 1 1 to 400 in all"),
        ({"rooms": (21, 20)}, "rooms must be 1 1 to 400 in all"),
        ({"locks": 7}, "16 rooms can have 0 to 6 locks, not 7"),
        ({"rooms": (1, 2), "locks": 2}, "2 rooms can have 0 to 1 locks, not 2"),
        ({"rooms": (1, 1)}, "one room has no doors to lock: ask for 0 locks, not 2"),
        ({"boxes": 65}, "16 rooms can have 0 to 64 boxes, not 65"),
        ({"rooms": (20, 20), "boxes": 401}, "can have 0 to 400 boxes, not 401"),
        ({"layouts": 0}, "layouts must be 1 to 1,250 of 16 rooms, not 0"),
        ({"layouts": 1_251}, "layouts must be 1 to 1,250 of 16 rooms, not 1,251"),
        ({"loops": -1}, "loops must be 0 or more, not -1"),
        ({"max_episode_steps": 0}, "max_episode_steps must be 1 or more, not 0"),
        ({"pixels": 7}, "pixels must be 0, or 8 to 1,024, not 7"),
        ({"depth": True}, "ask for pixels, or for neither"),
        (CROWDED, "ask for fewer"),
    ],
)
def test_refusals(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(BLIND, **wrong).build(1, "cpu")  # type: ignore[arg-type]
