"""The sequence: what the panel shows, and what pads ask for."""

from dataclasses import replace

import torch
from torch import Tensor

from envs.mujoco.hard.colours import COLOURS
from envs.mujoco.hard.sequence.config import SequenceConfig
from envs.native_env import NativeVectorEnv
from envs.vector_env import Step
from tests.envs.mujoco.hard.played import (
    STAY,
    TASKS,
    begun,
    everyone,
    put,
    shown_by_expert,
    stacked,
    stage_of,
)

SEQUENCE = TASKS["sequence"]
assert isinstance(SEQUENCE, SequenceConfig)
WHITE, DARK = 6, 7
SHOW = 6 + 3 * 4  # steps: white, then each of three colours with a pause


def watched(num: int, seed: int = 0) -> tuple[NativeVectorEnv, Step]:
    """Who has seen the whole sequence and stands on the station."""
    env, row = begun(SEQUENCE, num, seed)
    put(env, row.facts["station"])
    for _ in range(SHOW):
        row = everyone(env, STAY)
    return env, row


def stepped_on(env: NativeVectorEnv, row: Step, pad: Tensor) -> Step:
    """Walkers on a pad, by way of nowhere."""
    put(env, torch.tensor([2.0, 9.0]).expand(len(pad), 2))
    everyone(env, STAY)
    put(env, row.facts["pads"][torch.arange(len(pad)), pad])
    return everyone(env, STAY)


def test_the_panel_shows_the_sequence_once_to_who_stays() -> None:
    env, row = begun(SEQUENCE, 3)
    assert (row.facts["panel"] == DARK).all()
    put(env, row.facts["station"])
    rows = [everyone(env, STAY) for _ in range(SHOW + 8)]
    panel, shown = stacked(rows, "panel"), stacked(rows, "shown")
    for b in range(3):
        colours = row.facts["sequence"][b].tolist()
        assert len(set(colours)) == 3
        wanted = [WHITE] * 6
        for colour in colours:
            wanted += [colour] * 3 + [DARK]
        assert panel[:, b].tolist() == wanted + [DARK] * 8
        assert shown[:, b].tolist() == [0] * (SHOW - 1) + [1] * 9


def test_who_leaves_sees_it_from_the_beginning() -> None:
    env, row = begun(SEQUENCE, 1)
    away, station = row.facts["station"] + 0.6, row.facts["station"]
    put(env, station)
    for _ in range(9):
        row = everyone(env, STAY)
    assert row.facts["panel"].item() == row.facts["sequence"][0, 0]
    put(env, away)
    assert everyone(env, STAY).facts["panel"].item() == DARK
    put(env, station)
    assert everyone(env, STAY).facts["panel"].item() == WHITE


def test_pads_in_order_open_the_gate_and_stay_done() -> None:
    env, row = watched(4)
    assert row.facts["steps"].tolist() == [1] * 4
    wanted = row.facts["sequence"]
    for i in range(3):
        assert not row.facts["opened"].any()
        row = stepped_on(env, row, wanted[:, i])
        assert row.facts["right"].tolist() == [i + 1] * 4
        assert everyone(env, STAY).facts["right"].tolist() == [i + 1] * 4
    assert row.facts["opened"].all()
    assert row.facts["steps"].tolist() == [4] * 4
    row = stepped_on(env, row, wanted[:, 0])
    assert row.facts["opened"].all()


def test_a_wrong_pad_resets_and_the_same_sequence_is_shown_again() -> None:
    env, row = watched(3)
    wanted = row.facts["sequence"]
    row = stepped_on(env, row, wanted[:, 0])
    # Too early, the one before once more, and one that is not in it.
    others = [x for x in range(5) if x not in wanted[2].tolist()]
    wrong = torch.tensor([wanted[0, 2].item(), wanted[1, 0].item(), others[0]])
    row = stepped_on(env, row, wrong)
    assert not row.facts["right"].any()
    assert not row.facts["shown"].any()
    row = stepped_on(env, row, wanted[:, 0])
    assert not row.facts["right"].any()  # nothing is asked for
    put(env, row.facts["station"])
    for _ in range(SHOW):
        row = everyone(env, STAY)
    assert torch.equal(row.facts["sequence"], wanted)
    assert row.facts["shown"].all()
    assert stepped_on(env, row, wanted[:, 0]).facts["right"].tolist() == [1] * 3


def test_pads_do_nothing_before_the_show_is_over() -> None:
    env, row = begun(SEQUENCE, 2)
    row = stepped_on(env, row, row.facts["sequence"][:, 0])
    assert not row.facts["right"].any()
    assert not row.facts["steps"].any()


def test_sequences_differ_by_episode_and_use_all_pads() -> None:
    config = replace(SEQUENCE, layouts=1, max_episode_steps=1)
    env, row = begun(config, 40)
    seen = torch.cat([row.facts["sequence"], everyone(env, STAY).facts["sequence"]])
    everyone(env, STAY)
    assert len({tuple(x) for x in seen.tolist()}) > 25
    assert [int((seen == x).any(1).sum()) > 10 for x in range(5)] == [True] * 5


def test_the_panel_is_seen_in_its_colour() -> None:
    config = replace(SEQUENCE, pixels=32, segmentation=True)
    env, row = begun(config, 5)
    panel = stage_of(env)._geoms.number["panel"]
    put(env, row.facts["station"])
    for _ in range(7):
        row = everyone(env, STAY)
    put(env, torch.tensor([-1.5, 0.0]).expand(5, 2), torch.pi)
    env._state = env.state  # looked at from elsewhere, with the panel as it is on
    frames = env.world.render(env.state)
    there = env.world.describe(env.state)["segmentation"] == panel
    for b in range(5):
        colour = torch.tensor(COLOURS[int(row.facts["sequence"][b, 0])])
        shown = frames[b][:, there[b]].float().mean(1)
        assert there[b].sum() > 60
        assert torch.allclose(shown / shown.max(), colour / colour.max(), atol=0.06)


def test_the_guide_looks_at_every_colour_before_it_goes() -> None:
    config = replace(SEQUENCE, pixels=24, segmentation=True)
    number = stage_of(config.build(1, "cpu"))._geoms.number["panel"]
    rows = shown_by_expert(config, 12, 60)
    panel = stacked(rows, "panel")
    sees = (stacked(rows, "segmentation") == number).flatten(2).sum(2) > 2
    colours = panel < WHITE
    assert colours.any(0).all()
    assert sees[colours].float().mean() > 0.97
