"""Worlds from above: the same worlds, and pictures that show what facts tell."""

import pytest
import torch
from torch import Tensor

from envs.atari.native import AtariConfig
from envs.attention.config import AttentionConfig
from envs.check import check_env, random_action
from envs.counting import CountingConfig
from envs.native_env import NativeVectorEnv
from envs.noise.config import NoisyConfig, with_noise
from envs.noise.frame_layer import FrameLayerConfig
from envs.overview import FromAboveConfig, with_whole
from envs.tiles.key_door import KeyDoorConfig, KeyDoorWorld
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.tiles.trackers.config import TrackerMazeConfig
from envs.two_rooms.config import TwoRoomsConfig
from envs.vector_env import Step, VectorEnv, WorldConfig

MAPPED: tuple[WorldConfig, ...] = (
    AttentionConfig(pixels=12, max_episode_steps=7),
    PixelMazeConfig(max_episode_steps=7, slip=0.5),
    TrackerMazeConfig(movers=3, max_episode_steps=7),
    TwoRoomsConfig(max_episode_steps=7),
    KeyDoorConfig(max_episode_steps=7, varied_layouts=True),
)


def name(world: object) -> str:
    return type(world).__name__


def step(env: VectorEnv, *actions: int) -> Step:
    for action in actions:
        row = env.step(torch.full((env.spec.num_envs,), action))
    return row


@pytest.mark.parametrize("world", MAPPED, ids=name)
def test_it_is_the_world_with_a_picture_more(world: WorldConfig) -> None:
    whole = with_whole(world)
    check_env(lambda: whole.build(3, "cpu"), num_steps=12)
    env, plain = whole.build(3, "cpu"), world.build(3, "cpu")
    row, other = env.reset(seed=2), plain.reset(seed=2)
    chance, overviews = torch.Generator().manual_seed(0), []
    for _ in range(12):
        assert torch.equal(row.obs, other.obs)
        assert set(row.facts) == {*other.facts, "overview"}
        overviews.append(row.facts["overview"])
        action = random_action(plain, chance)
        row, other = env.step(action), plain.step(action)
    assert len(torch.stack(overviews).flatten(2).unique(dim=0)) > 1
    assert isinstance(env, NativeVectorEnv)
    assert isinstance(plain, NativeVectorEnv)
    assert env.world.asides == plain.world.asides
    again = world.build(3, "cpu")
    again.load_state_dict(env.state_dict() or {})
    action = random_action(plain, chance)
    assert torch.equal(again.step(action).obs, env.step(action).obs)


def test_the_gaze_is_a_line_into_the_quadrant_in_view() -> None:
    env = AttentionConfig(pixels=0).with_overview().build(6, "cpu")
    row = env.reset(seed=0)
    for _ in range(12):
        picture = row.facts["overview"].float()
        white = (picture == 255).all(1)
        for b, heading in enumerate(row.facts["heading"].tolist()):
            y, x = white[b].nonzero().double().mean(0).tolist()
            angle = torch.tensor([79.5 - y, x - 79.5]).double()
            turned = torch.atan2(*angle).rad2deg() - 12 * heading
            assert abs((turned + 180) % 360 - 180) < 3
            floors = [
                picture[b, :, i, j].sum() for i, j in CORNERS
            ]  # of quadrants 0 to 3: the one in view is not dimmed
            assert max(range(4), key=floors.__getitem__) == heading * 12 // 90
        row = step(env, 1)


CORNERS = ((0, 159), (0, 0), (159, 0), (159, 159))


def test_groups_are_drawn_where_they_stand() -> None:
    """A static thing lies still in its quadrant, whoever looks."""
    env = AttentionConfig(pixels=40).with_overview().build(8, "cpu")
    row = env.reset(seed=1)
    static = env.spec.facts["in_view"].names.index("static")
    quadrant = row.facts["quadrant"][:, static]
    place = row.facts["places"][:, static, 0]
    corner = torch.tensor([[0, 1], [0, 0], [1, 0], [1, 1]])[quadrant]  # row, column
    at = 40 + place.flip(1) * 80 / 2.5 + 80 * corner
    for b, (y, x) in enumerate(at.round().long().tolist()):
        picture = row.facts["overview"][b].float()
        disc, floor = picture[:, y - 1 : y + 2, x - 1 : x + 2], picture[:, 2, 2]
        assert (disc.mean((1, 2)) - floor).abs().max() > 20


def test_a_maze_shows_all_rooms_and_lights_those_that_were_visited() -> None:
    config = PixelMazeConfig(rooms=(2, 3), room_size=10, locks=1)
    env = config.with_overview().build(1, "cpu")
    assert isinstance(env, NativeVectorEnv)
    row = env.reset(seed=0)
    chance, seen = torch.Generator().manual_seed(0), set[int]()
    side = 60
    for _ in range(400):
        picture, room = row.facts["overview"][0], int(row.facts["room"])
        assert picture.shape == (3, 2 * side, 3 * side)
        seen.add(room)
        for i in range(6):
            y, x = side * (i // 3), side * (i % 3)
            bright = picture[:, y : y + side, x : x + side].max() > 127
            assert bright == (i in seen), f"room {i}, of {seen} that were visited"
        y, x = side * (room // 3), side * (room % 3)
        mine = picture[:, y : y + side, x : x + side]
        assert torch.equal(mine, row.obs[0, :, 4:, 2:-2]), "the room as it is seen"
        row = env.step(random_action(env, chance))
    assert len(seen) > 1


def test_the_tracker_maze_is_lit_where_the_agent_looks() -> None:
    env = TrackerMazeConfig(movers=4, pixels=25).with_overview().build(4, "cpu")
    row, chance = env.reset(seed=0), torch.Generator().manual_seed(1)
    for _ in range(40):
        for b in range(4):
            x, y = (int(row.facts[k][b]) + 3 for k in ("x", "y"))
            window = row.facts["overview"][
                b, :, 5 * (y - 2) : 5 * (y + 3), 5 * (x - 2) : 5 * (x + 3)
            ]
            assert torch.equal(window, row.obs[b])
        row = env.step(random_action(env, chance))


def test_two_rooms_in_colour_and_the_key_as_it_is_seen() -> None:
    env = TwoRoomsConfig().with_overview().build(3, "cpu")
    row = env.reset(seed=0)
    red, green, blue = row.facts["overview"].unbind(1)
    dot, wall = row.obs.unbind(1)
    assert torch.equal(green, wall // 2)
    assert torch.equal(green, blue)
    assert torch.equal(red[wall == 0], dot[wall == 0])
    door = KeyDoorConfig().with_overview().build(2, "cpu")
    row = door.reset(seed=0)
    assert torch.equal(row.facts["overview"], row.obs)


def test_behind_a_noise_the_world_is_shown_without_it() -> None:
    def whole(world: WorldConfig) -> Step:
        return with_whole(world).build(2, "cpu").reset(seed=0)

    plain = whole(KeyDoorConfig())
    for config in (
        NoisyConfig(KeyDoorConfig(), FrameLayerConfig()),
        NoisyConfig(
            NoisyConfig(KeyDoorConfig(), FrameLayerConfig()), FrameLayerConfig()
        ),
    ):
        row = whole(config)
        assert not torch.equal(row.obs, plain.obs)
        assert torch.equal(row.facts["overview"], plain.obs)
    gaze = whole(with_noise(AttentionConfig(), FrameLayerConfig()))
    assert torch.equal(
        gaze.facts["overview"], whole(AttentionConfig()).facts["overview"]
    )
    bare = whole(NoisyConfig(CountingConfig(), FrameLayerConfig()))
    assert "overview" not in bare.facts


def test_atari_has_its_screen_in_colour() -> None:
    env = with_whole(AtariConfig("Pong")).build(1, "cpu")
    colour: Tensor = env.reset(seed=0).facts["colour"]
    assert colour.shape == (1, 3, 210, 160)
    env.close()


def test_who_closes_it_closes_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[KeyDoorWorld] = []
    monkeypatch.setattr(KeyDoorWorld, "close", lambda self: closed.append(self))
    env = with_whole(KeyDoorConfig()).build(1, "cpu")
    assert not closed
    env.close()
    assert len(closed) == 1


def test_a_world_that_draws_no_map_is_refused() -> None:
    with pytest.raises(TypeError, match="CountingConfig builds no MappedWorld"):
        FromAboveConfig(CountingConfig()).build(1, "cpu")
