"""What tasks have in the hall is seen where it is, and as it is now."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from envs.native_env import NativeVectorEnv
from tests.envs.mujoco.hard.played import TASKS, begun, own_of, put, stage_of

DRAWN = {
    name: replace(config, pixels=24, segmentation=True)
    for name, config in TASKS.items()
}
# Facts that say where something is, and the geom that shows it.
PLACES = {
    "push-button": {"goal": ("goal",), "plate": ("plate",)},
    "sequence": {"goal": ("goal",), "station": ("station",), "pads": ("pad",)},
    "carry": {"goal": ("goal",), "pedestal": ("pedestal",), "things": ("thing",)},
}


def looked_at(
    env: NativeVectorEnv, thing: Tensor, far: float, middle: Tensor, **own: Tensor
) -> tuple[Tensor, Tensor]:
    """Frames and geoms from so far towards the middle; nobody moves meanwhile."""
    inwards = middle - thing + 1e-4
    way = inwards / inwards.norm(dim=1, keepdim=True)
    put(env, thing + far * way, torch.atan2(-way[:, 1], -way[:, 0]), **own)
    told = env.world.describe(env.state)
    return env.world.render(env.state).float(), told["segmentation"]


@pytest.mark.parametrize("task", TASKS)
def test_things_are_seen_where_they_are(task: str) -> None:
    env, row = begun(DRAWN[task], 6)
    number = stage_of(env)._geoms.number
    assert len(row.facts["layout"].unique()) > 3
    for fact, (geom,) in PLACES[task].items():
        places = row.facts[fact]
        several = places.dim() == 3
        middle = torch.tensor([4.6 if fact == "goal" else 0.0, 0.0])
        for i, place in enumerate(places.unbind(1) if several else [places]):
            own = {"block": row.facts["place"]} if "block" in row.facts else {}
            _, seen = looked_at(
                env, place, 0.8 if fact == "goal" else 1.8, middle, **own
            )
            name = f"{geom} {i}" if several else geom
            there = (seen == number[name])[:, :, 9:15]
            assert there.flatten(1).any(1).all(), name


def test_a_plate_is_green_where_it_is_held_and_red_elsewhere() -> None:
    env, row = begun(DRAWN["push-button"], 4)
    held = torch.tensor([True, False, True, False])
    plate, number = row.facts["plate"], stage_of(env)._geoms.number["plate"]
    own = {"block": row.facts["place"]}
    frames, seen = looked_at(env, plate, 1.8, torch.zeros(2), **own, walker=held)
    for b in range(4):
        red, green, _ = frames[b][:, seen[b] == number].mean(1)
        assert (green > red) == held[b]


def test_pads_glow_while_they_ask() -> None:
    env, row = begun(DRAWN["sequence"], 4)
    asks = torch.tensor([True, False, True, False])
    clock = torch.where(asks, 6 + 3 * 4, 0)
    for i, pad in enumerate(row.facts["pads"].unbind(1)):
        number = stage_of(env)._geoms.number[f"pad {i}"]
        frames, seen = looked_at(env, pad, 1.8, torch.zeros(2), clock=clock)
        bright = [frames[b][:, seen[b] == number].mean(1).amax() for b in range(4)]
        assert min(bright[0], bright[2]) > 1.5 * max(bright[1], bright[3])


def test_what_was_brought_lies_on_the_pedestal() -> None:
    env, row = begun(DRAWN["carry"], 4)
    number = stage_of(env)._geoms.number
    wanted, pedestal = torch.arange(4), row.facts["pedestal"]
    things = own_of(env).things.clone()
    things[wanted, wanted] = pedestal
    _, seen = looked_at(
        env,
        pedestal,
        1.5,
        torch.zeros(2),
        wanted=wanted,
        things=things,
        brought=torch.ones(4, dtype=torch.bool),
    )
    for b in range(4):
        thing = (seen[b] == number[f"thing {b}"]).nonzero()[:, 0]
        top = (seen[b] == number["pedestal"]).nonzero()[:, 0]
        assert thing.float().mean() < top.float().mean() - 1


@pytest.mark.parametrize("task", TASKS)
def test_episodes_begin_all_about_their_start_looking_anywhere(task: str) -> None:
    env, row = begun(replace(TASKS[task], layouts=2), 200)
    layout = row.facts["layout"]
    off = row.facts["place"] - stage_of(env).layouts.start[layout]
    assert off.abs().max() <= 0.2 + 1e-5
    for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        there = (off * torch.tensor([x, y]) > 0).all(1)
        assert there.float().mean() > 0.15
    for number in range(2):
        facing = row.facts["facing"][layout == number]
        angle = torch.atan2(facing[:, 1], facing[:, 0]).rad2deg().round() % 360
        assert len(angle.unique()) == 12
