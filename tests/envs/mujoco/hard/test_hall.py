"""Halls: the contract, what all tasks have in common, and what is seen."""

from dataclasses import replace

import pytest
import torch

from envs.check import check_env
from envs.mujoco.hard.carry.config import CarryConfig
from envs.mujoco.hard.layouts import BACK, FRONT, WIDE, Spots, draw_layouts
from envs.mujoco.hard.push.config import PushButtonConfig
from envs.mujoco.hard.sequence.config import SequenceConfig
from tests.envs.mujoco.hard.played import (
    AHEAD,
    STAY,
    TASKS,
    begun,
    everyone,
    play,
    put,
    shown_by_expert,
    stacked,
    stage_of,
)

DRAWN = {"pixels": 12, "depth": True, "segmentation": True, "overview": True}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("drawn", [DRAWN, {}])
def test_contract(task: str, drawn: dict[str, object]) -> None:
    config = replace(TASKS[task], max_episode_steps=6, **drawn)  # type: ignore[arg-type]
    check_env(lambda: config.build(3, "cpu"), num_steps=14)


@pytest.mark.parametrize("task", TASKS)
def test_a_world_is_the_same_whatever_lies_beside_it(task: str) -> None:
    few, many = TASKS[task].build(2, "cpu"), TASKS[task].build(5, "cpu")
    one, other = few.reset(seed=8), many.reset(seed=8)
    for t in range(40):
        for name, fact in one.facts.items():
            assert torch.equal(fact, other.facts[name][:2])
        one = few.step(torch.tensor([t % 4, 1]))
        other = many.step(torch.tensor([t % 4, 1, 1, 2, t % 3]))


@pytest.mark.parametrize("task", TASKS)
def test_saved_halls_go_on_where_they_were(task: str) -> None:
    config = replace(TASKS[task], pixels=12, max_episode_steps=25)
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


@pytest.mark.parametrize("task", TASKS)
def test_only_the_goal_pays_and_nobody_gets_through_a_shut_gate(task: str) -> None:
    config = replace(TASKS[task], max_episode_steps=10_000)
    rows = play(config, 24, 300, seed=2)
    place, opened = stacked(rows, "place"), stacked(rows, "opened").bool()
    assert not (~opened & (place[..., 0] > FRONT)).any()
    assert (place[..., 0].amax(0) > FRONT - 0.6).any(), "nobody came to the gate"
    assert (place[..., 0] > -FRONT + 0.17).all()
    assert (place[..., 0] < BACK - 0.17).all()
    assert (place[..., 1].abs() < WIDE - 0.17).all()
    assert not any(row.reward.any() for row in rows)
    env, row = begun(config, 2)
    put(env, torch.stack([row.facts["goal"][0], row.facts["place"][1]]))
    row = everyone(env, STAY)
    assert row.reward.tolist() == [1, 0]
    assert row.terminated.tolist() == [True, False]
    assert row.facts["steps"].tolist() == [1, 0]


@pytest.mark.parametrize("task", TASKS)
def test_who_walks_against_a_shut_gate_stops_there(task: str) -> None:
    env, row = begun(TASKS[task], 3)
    gate = row.facts["gate"]
    assert (gate[:, 0] == FRONT).all()
    put(env, gate - torch.tensor([0.6, 0.0]), 0.0)
    for _ in range(4):
        row = everyone(env, AHEAD)
    assert (row.facts["place"][:, 0] < FRONT - 0.2).all()
    assert not row.facts["opened"].any()


@pytest.mark.parametrize("task", TASKS)
def test_layouts_differ_and_episodes_draw_them(task: str) -> None:
    config = replace(TASKS[task], layouts=5, max_episode_steps=2)
    rows = play(config, 6, 40)
    layout = stacked(rows, "layout")
    assert set(layout.flatten().tolist()) == set(range(5))
    goals = {tuple(x) for x in stacked(rows, "goal").flatten(0, 1).tolist()}
    assert len(goals) == 5
    other = play(replace(config, layout_seed=5), 6, 40)
    assert not goals & {tuple(x) for x in stacked(other, "goal").flatten(0, 1).tolist()}


def test_things_have_their_room() -> None:
    spots = Spots(margins=(1.0, 0.6, 0.8), apart=1.3)
    drawn = draw_layouts(spots, range(200), "cpu")
    assert drawn.num == 200
    all_of = torch.cat([drawn.things, drawn.start.unsqueeze(1)], 1)
    apart = torch.cdist(all_of, all_of) + 9 * torch.eye(4)
    assert apart.amin() > 1.3
    wall = torch.minimum(
        FRONT - drawn.things[..., 0].abs(), WIDE - drawn.things[..., 1].abs()
    )
    assert (wall.amin(0) >= torch.tensor([1.0, 0.6, 0.8]) - 1e-5).all()
    assert (wall.amin(0) < torch.tensor([1.0, 0.6, 0.8]) + 0.1).all()
    gate = torch.stack([torch.full_like(drawn.gate, FRONT), drawn.gate], 1)
    assert (drawn.things - gate.unsqueeze(1)).norm(dim=-1).amin() > 1.4
    assert drawn.gate.std() > 0.3


@pytest.mark.parametrize("task", TASKS)
def test_frames_show_the_gate_and_its_opening(task: str) -> None:
    config = replace(TASKS[task], pixels=32, segmentation=True)
    env, row = begun(config, 4)
    gate = stage_of(env)._geoms.number["gate"]
    put(env, row.facts["gate"] - torch.tensor([1.2, 0.0]), 0.0)
    row = everyone(env, STAY)
    shut = (row.facts["segmentation"] == gate).sum((1, 2))
    assert (shut > 100).all()
    done = {
        "push-button": lambda: {"block": row.facts["plate"]},
        "sequence": lambda: {"right": torch.full((4,), 3)},
        "carry": lambda: {"brought": torch.ones(4, dtype=torch.bool)},
    }
    put(env, row.facts["place"], 0.0, **done[task]())
    row = everyone(env, STAY)
    assert row.facts["opened"].all()
    assert not (row.facts["segmentation"] == gate).any()
    for _ in range(6):  # 2.4 m, from 1.2 m before the gate
        row = everyone(env, AHEAD)
    assert (row.facts["place"][:, 0] > FRONT + 0.5).all()
    assert row.facts["opened"].all()


@pytest.mark.parametrize("task", TASKS)
def test_the_map_shows_the_walker_and_the_goal(task: str) -> None:
    rows = play(replace(TASKS[task], overview=True), 3, 20)
    for row in rows[::7]:
        picture = row.facts["overview"]
        height, width = picture.shape[2:]
        for b in range(3):
            for name, least in (("place", (220, 220, 220)), ("goal", (240, 190, 0))):
                x, y = row.facts[name][b].tolist()
                column = int((x + FRONT + 0.2) / (BACK + FRONT + 0.4) * width)
                line = int((WIDE + 0.2 - y) / (2 * WIDE + 0.4) * height)
                near = picture[
                    b, :, max(0, line - 3) : line + 4, max(0, column - 3) : column + 4
                ].flatten(1)
                wanted = torch.tensor(least).unsqueeze(1)
                assert (near >= wanted).all(0).any(), f"{name} is not there"


@pytest.mark.parametrize("task", TASKS)
def test_the_guide_solves_it(task: str) -> None:
    rows = shown_by_expert(TASKS[task], 40, 220)
    solved = torch.stack([row.terminated for row in rows]).any(0)
    assert solved.float().mean() >= 0.95
    pays = torch.stack([row.reward for row in rows])
    steps = stacked(rows, "steps")
    last = steps.max()
    assert (steps[pays > 0] == last).all()
    assert last == {"push-button": 2, "sequence": 5, "carry": 3}[task]
    assert (pays.sum() > 0).all()


@pytest.mark.parametrize("task", TASKS)
def test_a_guide_that_makes_mistakes_recovers(task: str) -> None:
    rows = shown_by_expert(TASKS[task], 40, 260, seed=3, mistakes=0.1)
    solved = torch.stack([row.terminated for row in rows]).any(0)
    assert solved.float().mean() >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_random_play_never_solves_it(task: str) -> None:
    rows = play(TASKS[task], 300, 300)
    assert not any(row.reward.any() for row in rows)
    assert rows[-1].truncated.all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layouts": 0}, "layouts must be 1 to 20,000, not 0"),
        ({"layouts": 20_001}, "layouts must be 1 to 20,000, not 20,001"),
        ({"max_episode_steps": 0}, "max_episode_steps must be 1 or more, not 0"),
        ({"pixels": 7}, "pixels must be 0, or 8 to 1,024, not 7"),
    ],
)
@pytest.mark.parametrize("task", TASKS)
def test_refusals(task: str, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TASKS[task], **wrong).build(1, "cpu")  # type: ignore[arg-type]


def test_refusals_of_tasks() -> None:
    with pytest.raises(ValueError, match="pads must be 2 to 6, not 7"):
        SequenceConfig(pads=7)
    with pytest.raises(ValueError, match="length must be 1 to 4, the pads, not 5"):
        SequenceConfig(pads=4, length=5)
    with pytest.raises(ValueError, match="things must be 1 to 6, not 0"):
        CarryConfig(things=0)
    assert PushButtonConfig().with_overview().overview
