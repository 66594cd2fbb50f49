"""The social room: the contract, the gaze, what is seen, and what differs by world."""

from dataclasses import replace

import mujoco
import pytest
import torch
from torch import Tensor

from envs.behaviours.groups import Animate, Company
from envs.check import check_env
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.mujoco.world import MujocoWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import DiscreteActions
from tests.envs.mujoco.social_room.played import play, played, stacked

BLIND = SocialRoomConfig(pixels=0)
DRAWN = SocialRoomConfig(
    Animate.CHASING, pixels=32, segmentation=True, depth=True, poses=True, varied=True
)


@pytest.mark.parametrize(
    "config",
    [
        replace(DRAWN, pixels=8, max_episode_steps=6),
        replace(BLIND, animate=Animate.MIMICRY, stochastic=True, others=7),
        replace(BLIND, coordinates=True, max_episode_steps=7),
    ],
)
def test_contract(config: SocialRoomConfig) -> None:
    check_env(lambda: config.build(3, "cpu"), num_steps=14)


def test_groups_by_name() -> None:
    def names(config: SocialRoomConfig) -> tuple[str, ...]:
        return config.build(1, "cpu").spec.facts["in_view"].names

    assert names(BLIND) == ("reaching", "static", "periodic", "noise")
    noise = replace(BLIND, company=Company.NOISE, animate=Animate.PEEKABOO)
    assert names(noise) == ("peekaboo", "noise", "noise-2", "noise-3")
    eight = names(replace(BLIND, others=7))
    assert eight[1:4] == ("static", "static-2", "static-3")
    assert eight[4:] == ("periodic", "periodic-2", "noise", "noise-2")


def test_a_world_is_the_same_whatever_lies_beside_it() -> None:
    config = replace(BLIND, animate=Animate.MIMICRY, coordinates=True)
    few, many = config.build(2, "cpu"), config.build(5, "cpu")
    one, other = few.reset(seed=8), many.reset(seed=8)
    for t in range(40):
        for name, fact in one.facts.items():
            assert torch.equal(fact, other.facts[name][:2])
        one, other = (
            few.step(torch.tensor([t % 9, 3])),
            many.step(torch.tensor([t % 9, 3, 1, 7, t % 4])),
        )


def test_the_gaze_turns_the_camera() -> None:
    env = replace(BLIND, poses=True).build(4, "cpu")
    row = env.reset(seed=0)
    assert isinstance(env.spec.actions, DiscreteActions)
    assert isinstance(env.world, MujocoWorld)
    model = mujoco.MjModel.from_xml_string(env.world.stage.xml)
    eye = model.camera("eye").id
    for action, degrees in enumerate((0, 12, -12, 24, -24, 48, -48, 96, -96)):
        assert str(abs(degrees)) in env.spec.actions.names[action] or not degrees
        before, row = row, env.step(torch.full((4,), action))
        turned = 12 * (row.facts["heading"] - before.facts["heading"])
        assert torch.equal(turned % 360, torch.full((4,), degrees % 360))
        state = env.state_dict()["state"]
        facing = -state["bodies"]["camera_mat"][:, eye, :, 2]  # it looks along -z
        angle = torch.atan2(facing[:, 1], facing[:, 0]).rad2deg()
        off = (angle - 12 * row.facts["heading"] + 180) % 360 - 180
        assert off.abs().max() < 1e-3
        assert (facing[:, 2] < 0).all()


def test_a_gaze_into_a_sector_is_on_the_group_that_stands_there() -> None:
    for others in (3, 7):
        env = replace(BLIND, others=others).build(6, "cpu")
        row = env.reset(seed=1)
        for _ in range(30):
            sector = row.facts["heading"] * (others + 1) // 30
            where = row.facts["sector"].gather(1, row.facts["in_view"].view(-1, 1))
            assert torch.equal(where[:, 0], sector)
            row = env.step(torch.full((6,), 1))


def owners(env: NativeVectorEnv) -> Tensor:
    """`[G + 1]`: group * 4 + object of each geom, -1 of others; the last is of sky."""
    assert isinstance(env.world, MujocoWorld)
    model = mujoco.MjModel.from_xml_string(env.world.stage.xml)
    owner = []
    for body in model.geom_bodyid:
        name = model.body(body).name.split()
        known = len(name) == 2 and name[0].isdigit()
        owner.append(4 * int(name[0]) + int(name[1]) if known else -1)
    return torch.tensor([*owner, -1])


def test_pictures_show_what_is_seen_where_it_is() -> None:
    config = replace(DRAWN, varied=False, animate=Animate.PEEKABOO, pixels=40)
    owner = owners(config.build(1, "cpu"))
    rows = play(config, 6, 16)
    who = owner[stacked(rows, "segmentation").long()]  # [T, B, H, W]
    area = torch.stack([(who == i).sum((2, 3)) for i in range(16)], -1).view(-1, 16)
    seen = stacked(rows, "seen").view(-1, 16)
    there = stacked(rows, "there").view(-1, 16)
    assert seen.sum() > 60
    assert not area[~there].any(), "what is hidden is drawn"
    # Something may stand before it, or an edge alone be in the frame.
    assert (area[seen] > 0).float().mean() > 0.95
    assert (area[~seen] == 0).float().mean() > 0.95
    # Who stands at the right of the box is seen further to the right.
    column = torch.arange(40.0).view(1, 1, 1, -1).expand(*who.shape)
    places, view = stacked(rows, "places"), stacked(rows, "in_view")
    found = []
    for t, b in (area.view(len(rows), 6, 16) > 6).any(-1).nonzero().tolist():
        for i in range(16):
            shown = who[t, b] == i
            whole = seen.view(len(rows), 6, 16)[t, b, i]
            if whole and shown.sum() > 6 and view[t, b] == i // 4:
                x, y = places[t, b].view(16, 2)[i].tolist()
                heading = 12 * rows[t].facts["heading"][b] % 90 - 45
                angle = torch.tensor(2 * x / (4 - 2 * y)).atan().rad2deg() + heading
                found.append((angle.item(), column[t, b][shown].mean().item()))
    assert len(found) > 20
    for angle, middle in found:
        expected = 20 + 20 * torch.tensor(angle).deg2rad().tan() / 0.7002
        assert abs(middle - expected) < 4


def test_depth_is_how_far_away_things_are() -> None:
    rows = play(replace(DRAWN, varied=False), 3, 4)
    depth = stacked(rows, "depth")
    assert depth.min() > 0.5
    assert depth.max() < 20
    above = stacked(rows, "segmentation")[:, :, -1]  # the lowest row shows floors
    near = depth[:, :, -1]
    assert ((above >= 0) & (near < 6)).all()


def test_worlds_vary_if_asked_to() -> None:
    config = replace(BLIND, pixels=16, poses=True)
    plain, varied = config.build(3, "cpu"), replace(config, varied=True).build(3, "cpu")
    one, other = plain.reset(seed=2), varied.reset(seed=2)
    assert not torch.equal(one.obs, other.obs)
    for name, fact in one.facts.items():
        if name not in ("seen", "eye"):
            assert torch.equal(fact, other.facts[name]), name
    eyes = other.facts["eye"][:, 2]
    assert len(eyes.unique()) == 3
    assert ((eyes > 1.2) & (eyes < 1.8)).all()
    assert torch.equal(one.facts["eye"], torch.tensor([[0.0, 0.0, 1.5]] * 3))
    again = varied.reset(seed=2)
    assert torch.equal(again.obs, other.obs)


def test_without_pixels_all_goes_the_same_way() -> None:
    blind, drawn = play(BLIND, 2, 10), play(replace(BLIND, pixels=8), 2, 10)
    for one, other in zip(blind, drawn, strict=True):
        assert one.obs.shape == (2, 1, 1, 1)
        assert not one.obs.any()
        for name, fact in one.facts.items():
            assert torch.equal(fact, other.facts[name])


def test_coordinates_are_those_of_what_is_seen() -> None:
    rows = play(replace(BLIND, coordinates=True), 5, 30)
    vector = torch.stack([x.vector for x in rows if x.vector is not None])
    assert vector.shape[-1] == 60
    view = torch.nn.functional.one_hot(stacked(rows, "in_view"), 4).float()
    assert torch.equal(vector[..., 8:12], view)
    seen = stacked(rows, "seen")
    assert torch.equal(vector[..., 44:].bool(), seen.flatten(2))
    where = (stacked(rows, "places") * seen.unsqueeze(-1)).flatten(2)
    assert torch.equal(vector[..., 12:44], where)
    angle = 12 * stacked(rows, "heading").double().deg2rad()
    assert torch.allclose(vector[..., 0].double(), angle.sin(), atol=1e-6)


def test_an_episodes_end_cuts_time_alone() -> None:
    rows = play(replace(BLIND, max_episode_steps=10), 3, 12)
    assert rows[10].truncated.all()
    assert rows[11].first.all()
    for name, fact in rows[10].facts.items():
        assert torch.equal(fact, rows[11].facts[name])
    assert not torch.equal(rows[11].facts["places"], rows[12].facts["places"])


def test_a_seed_for_some_rooms_furnishes_them_anew() -> None:
    env, other = BLIND.build(4, "cpu"), BLIND.build(4, "cpu")
    env.reset(seed=0)
    before = env.step(torch.zeros(4, dtype=torch.int64))
    some = torch.tensor([True, False, False, True])
    row, seeded = env.reset(seed=1, mask=some), other.reset(seed=1)
    assert not torch.equal(row.facts["places"][some], before.facts["places"][some])
    for name, fact in row.facts.items():
        assert torch.equal(fact[some], seeded.facts[name][some]), name
        assert torch.equal(fact[~some], before.facts[name][~some]), name


def test_saved_rooms_go_on_where_they_were() -> None:
    config = replace(DRAWN, pixels=12)
    env, other = config.build(2, "cpu"), config.build(2, "cpu")
    env.reset(seed=5)
    for t in range(15):
        shown = env.step(torch.tensor([t % 9, 0]))
    assert torch.equal(other.load_state_dict(env.state_dict()).obs, shown.obs)
    for t in range(15):
        row, twin = (
            env.step(torch.tensor([0, t % 9])),
            other.step(torch.tensor([0, t % 9])),
        )
        assert torch.equal(row.obs, twin.obs)
        for name, fact in row.facts.items():
            assert torch.equal(fact, twin.facts[name])


def test_all_facts_are_there_for_evaluation() -> None:
    facts = BLIND.with_facts().build(1, "cpu").spec.facts
    assert {"positions", "facing", "eye"} <= set(facts)
    assert played(Animate.REACHING)["eye"].shape[-1] == 3


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(BLIND, pixels=7), "pixels must be 0, or 8 to 1,024, not 7"),
        (replace(BLIND, others=2), "others must be 3 to 7, not 2"),
        (replace(BLIND, others=8), "others must be 3 to 7, not 8"),
        (replace(BLIND, others=2**31), "others must be 3 to 7"),
        (replace(BLIND, depth=True), "ask for pixels, or for neither"),
        (replace(BLIND, max_episode_steps=0), "max_episode_steps must be 1 or more"),
    ],
)
def test_refusals(config: SocialRoomConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config.build(1, "cpu")
