"""My Way Home: the contract, the engine's own frames, the three published starts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from math import atan2, degrees
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from envs.check import check_env, random_actions
from envs.doom.config import MyWayHomeConfig
from envs.doom.game import ACTIONS, no_folder_left, vizdoom
from envs.doom.my_way_home import MyWayHome
from envs.doom.sparsity import Sparsity
from envs.vector_env import DiscreteActions, Step, VectorEnv, WorldError

needs_vizdoom = pytest.mark.skipif(
    find_spec("vizdoom") is None, reason="ViZDoom is not installed"
)
NOTHING = torch.zeros(2, dtype=torch.int64)
WAY_HOME = ((464, -176), (464, 48), (1040, 48), (1040, -176), (1040, -352))
"""corners of the shortest way from the start of the sparse form"""


def area_means(grey: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Each pixel the mean of what it covers, parts of pixels by their share."""

    def shares(size: int) -> NDArray[np.float64]:
        edges = np.arange(side + 1) * size / side
        begin, end = edges[:-1, None], edges[1:, None]
        old = np.arange(size)
        covered = np.minimum(end, old + 1) - np.maximum(begin, old)
        return covered.clip(min=0) * side / size

    high, wide = grey.shape
    means: NDArray[np.float64] = shares(high) @ grey @ shares(wide).T
    return means


def towards(row: Step, aim: tuple[int, int]) -> torch.Tensor:
    """Turns to a place and goes there, in every env."""
    done = []
    for (x, y), angle in zip(
        row.facts["place"].tolist(), row.facts["angle"].tolist(), strict=True
    ):
        off = (degrees(atan2(aim[1] - y, aim[0] - x)) - angle + 180) % 360 - 180
        done.append("turn left" if off > 8 else "turn right" if off < -8 else "forward")
    return torch.tensor([ACTIONS.index(x) for x in done])


def walk(env: VectorEnv, row: Step, way: tuple[tuple[int, int], ...]) -> Iterator[Step]:
    """Rows of one env on its way, up to the end of the episode."""
    for aim in way:
        while (row.facts["place"][0] - torch.tensor(aim)).abs().max() > 12:
            row = env.step(towards(row, aim))
            yield row
            if (row.terminated | row.truncated).any():
                return


@pytest.fixture
def made() -> Iterator[Any]:
    """Builds worlds, and closes them."""
    envs: list[MyWayHome] = []

    def make(num: int = 2, **fields: Any) -> MyWayHome:
        envs.append(MyWayHomeConfig(**fields).build(num, "cpu"))
        return envs[-1]

    yield make
    for env in envs:
        env.close()


@needs_vizdoom
@pytest.mark.parametrize("sparsity", Sparsity)
def test_contract(sparsity: Sparsity) -> None:
    config = MyWayHomeConfig(sparsity, max_episode_steps=11, num_threads=2)
    check_env(lambda: config.build(2, "cpu"), num_steps=30)


@needs_vizdoom
def test_contract_with_pictures_for_people() -> None:
    config = MyWayHomeConfig(Sparsity.DENSE, max_episode_steps=11)
    whole = config.with_facts().with_overview()
    check_env(lambda: whole.build(2, "cpu"), num_steps=30)


@needs_vizdoom
def test_frames_are_those_of_the_bare_engine_by_its_own_config(
    made: Any, generator: torch.Generator, tmp_path: Path
) -> None:
    """The dense form, colour or not: same frames, rewards and places as ViZDoom's."""
    package = vizdoom()
    bare = package.DoomGame()
    bare.load_config(str(Path(package.scenarios_path) / "my_way_home.cfg"))
    bare.set_doom_config_path(str(tmp_path / "bare.ini"))
    bare.set_window_visible(False)
    bare.set_screen_resolution(package.ScreenResolution.RES_160X120)
    bare.set_screen_format(package.ScreenFormat.GRAY8)
    with no_folder_left():
        bare.init()
    fields = {"sparsity": Sparsity.DENSE, "living_reward": -0.0001}
    env, coloured = made(1, **fields), made(1, **fields, colour=True)
    row, other = env.reset(seed=5), coloured.reset(seed=5)
    bare.set_seed(env._episodes.begun_with(0))  # nobody's business but ours
    bare.new_episode()
    actions = random_actions(env.spec.actions, 60, generator).tolist()
    pressed = {"turn left": 0, "turn right": 1, "forward": 2}
    for action in actions:
        seen = bare.get_state().screen_buffer
        x = bare.get_game_variable(package.GameVariable.POSITION_X)
        means = area_means(seen, 42)
        assert np.abs(row.obs[0, 0].numpy() - means).max() <= 0.5 + 1e-6
        assert row.facts["place"][0, 0] == np.float32(x)
        assert torch.equal(row.obs, other.obs)
        buttons = [0, 0, 0, 0, 0]
        if ACTIONS[action] in pressed:
            buttons[pressed[ACTIONS[action]]] = 1
        paid = bare.make_action(buttons, 4)
        row, other = (
            env.step(torch.tensor([action])),
            coloured.step(torch.tensor([action])),
        )
        assert row.reward.item() == pytest.approx(paid, abs=1e-9)
    bare.close()


@needs_vizdoom
def test_where_episodes_begin(made: Any) -> None:
    """17 spots and all headings; or one spot, and headings within a hundredth turn."""
    env = made(6, sparsity=Sparsity.DENSE)
    rows = [env.reset(seed=0), *(env.reset() for _ in range(20))]
    spots = torch.cat([x.facts["place"] for x in rows]).unique(dim=0)
    turned = torch.cat([x.facts["angle"] for x in rows])
    assert len(spots) == 17
    assert turned.min() < 20
    assert turned.max() > 340
    for sparsity, room, spot, (low, high) in (
        (Sparsity.SPARSE, 0, (240.0, -176.0), (0.0, 3.61)),
        (Sparsity.VERY_SPARSE, 16, (543.986, -672.089), (176.39, 183.61)),
    ):
        fixed = made(6, sparsity=sparsity)
        rows = [fixed.reset(seed=0), *(fixed.reset() for _ in range(4))]
        places = torch.cat([x.facts["place"] for x in rows])
        turned = torch.cat([x.facts["angle"] for x in rows])
        torch.testing.assert_close(
            places, torch.tensor(spot).expand_as(places), rtol=0, atol=0.01
        )
        assert (rows[0].facts["room"] == room).all()
        assert ((turned >= low) & (turned <= high)).all()
        assert len(turned.unique()) > 24  # of 30
        assert turned.max() - turned.min() > (high - low) / 2


@needs_vizdoom
def test_who_walks_to_the_vest_is_paid_once_and_begins_anew(made: Any) -> None:
    env = made(1)
    row = env.reset(seed=0)
    rows = list(walk(env, row, WAY_HOME))
    assert len(rows) < 300
    assert [int(x.reward.sum()) for x in rows] == [0] * (len(rows) - 1) + [1]
    last = rows[-1]
    assert last.terminated.all()
    assert not last.truncated.any()
    assert last.facts["found"].tolist() == [1]
    assert not any(x.facts["found"].any() for x in rows[:-1])
    assert (last.facts["place"] - torch.tensor(env.plan.goal)).abs().max() <= 40
    visited = [int(x.facts["room"]) for x in rows]
    assert list(dict.fromkeys(visited)) == [0, 15, 1, 13, 2, 11, 4, 10, 6, 9, 7, 8]
    after = env.step(torch.tensor([3]))
    assert after.first.all()
    assert after.reward.tolist() == [0]
    assert after.facts["found"].tolist() == [0]
    assert after.facts["room"].tolist() == [0]


@needs_vizdoom
def test_the_vest_in_the_last_step_is_an_end_and_no_cut(made: Any) -> None:
    env = made(1)
    num = len(list(walk(env, env.reset(seed=0), WAY_HOME)))
    shorter = made(1, max_episode_steps=num)
    *_, last = walk(shorter, shorter.reset(seed=0), WAY_HOME)
    assert last.terminated.tolist() == [True]
    assert last.truncated.tolist() == [False]
    assert shorter.step(NOTHING[:1]).first.all()


@needs_vizdoom
def test_what_tics_pay_is_never_taken_for_the_vest(made: Any) -> None:
    env = made(1, living_reward=0.2)
    env.reset(seed=0)
    for _ in range(3):
        row = env.step(NOTHING[:1])
        assert row.reward.tolist() == pytest.approx([0.8])
        assert not row.terminated.any()
        assert not row.facts["found"].any()


@needs_vizdoom
@pytest.mark.parametrize("frame_skip", [1, 3])
def test_the_vest_pays_at_whichever_tic_it_is_found(made: Any, frame_skip: int) -> None:
    """Though ViZDoom ends the episode a tic later: that may be in another action."""
    env = made(1, sparsity=Sparsity.DENSE, frame_skip=frame_skip)
    row, found = env.reset(seed=0), 0
    while found < 4:
        if row.facts["room"].item() == 7:  # beside that of the vest
            *_, last = walk(env, row, WAY_HOME[-1:])
            assert last.terminated.all()
            assert last.reward.tolist() == [1]
            assert last.facts["found"].tolist() == [1]
            found += 1
        row = env.reset()


@needs_vizdoom
def test_cut_episodes_show_where_they_end(made: Any) -> None:
    env, longer = made(max_episode_steps=6), made(max_episode_steps=9)
    row, other = env.reset(seed=2), longer.reset(seed=2)
    for t in range(1, 7):
        row, other = env.step(NOTHING + 1), longer.step(NOTHING + 1)
        assert torch.equal(row.obs, other.obs)
        assert row.truncated.tolist() == [t == 6] * 2
        assert not other.truncated.any()
    assert not row.terminated.any()
    assert env.step(NOTHING).first.all()


@needs_vizdoom
def test_facts_say_where_the_player_is(made: Any) -> None:
    env = made(1, sparsity=Sparsity.SPARSE, overview=True)
    row = env.reset(seed=0)
    turned = env.step(torch.tensor([1]))
    way = (turned.facts["angle"] - row.facts["angle"]) % 360
    assert 0 < way.item() < 90  # to the left, anticlockwise
    angle = turned.facts["angle"].deg2rad()
    torch.testing.assert_close(
        turned.facts["facing"], torch.stack([angle.cos(), angle.sin()], -1)
    )
    for _ in range(8):
        ahead = env.step(torch.tensor([3]))
    moved = ahead.facts["place"] - turned.facts["place"]
    along = (moved * turned.facts["facing"]).sum() / moved.norm()
    assert moved.norm() > 20
    assert along > 0.99
    assert ahead.facts["overview"].shape == (1, *env.plan.shape)
    assert not torch.equal(ahead.facts["overview"], turned.facts["overview"])


@needs_vizdoom
def test_a_state_goes_on_in_another_engine_and_past_the_vest(made: Any) -> None:
    """Also where the latest row is the one that found it."""
    env, other = made(1, colour=True), made(1, colour=True)
    rows = list(walk(env, env.reset(seed=0), WAY_HOME))
    state = env.state_dict()
    assert state is not None
    shown = other.load_state_dict(state)
    for name, fact in rows[-1].facts.items():
        assert torch.equal(shown.facts[name], fact), name
    assert torch.equal(shown.obs, rows[-1].obs)
    for _ in range(3):
        one, two = env.step(NOTHING[:1]), other.step(NOTHING[:1])
        assert torch.equal(one.obs, two.obs)
        assert torch.equal(one.first, two.first)
    assert env.state_dict()["episodes"]["elapsed"].tolist() == [2]


@needs_vizdoom
def test_states_that_do_not_fit(made: Any) -> None:
    env = made()
    assert env.state_dict() is None
    env.reset(seed=0)
    state = env.state_dict()
    with pytest.raises(ValueError, match="does not fit"):
        made(sparsity=Sparsity.DENSE).load_state_dict(state)
    with pytest.raises(ValueError, match="2 games of 525 steps does not fit 1 games"):
        made(1).load_state_dict(state)
    state["latest"]["obs"][1, 0, 20] += 1
    with pytest.raises(WorldError, match="does not show what was saved"):
        env.load_state_dict(state)


@needs_vizdoom
def test_actions_that_do_not_exist_are_refused(made: Any) -> None:
    env = made()
    assert env.spec.actions == DiscreteActions(4, ACTIONS)
    env.reset(seed=0)
    for bad in (-1, 4):
        with pytest.raises(ValueError, match="Actions must be 0 … 3"):
            env.step(NOTHING + bad)


@needs_vizdoom
def test_engines_are_deaf_to_ctrl_c_and_end_with_the_world(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal sends it to all processes; nothing is left behind, files neither."""
    monkeypatch.chdir(tmp_path)
    before = set(engines())
    env = made()
    mine = set(engines()) - before
    assert len(mine) == 2
    env.reset(seed=0)
    for pid in mine:
        os.kill(pid, signal.SIGINT)
    for _ in range(3):
        env.step(NOTHING)
    assert set(engines()) >= mine
    env.close()
    assert not set(engines()) & mine
    assert not list(tmp_path.iterdir())


@needs_vizdoom
def test_an_engine_that_dies_is_told_in_a_sentence(made: Any) -> None:
    before = set(engines())
    env = made(1)
    (pid,) = set(engines()) - before
    env.reset(seed=0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorldError, match="ViZDoom has ended in the midst of an ep"):
        env.step(NOTHING[:1])


def engines() -> list[int]:
    """Processes that this one started, by number."""
    run = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [x.split(None, 1) for x in run.stdout.splitlines()]
    return [int(pid) for pid, name in lines if name.startswith("vizdoom")]


def test_without_the_package_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "vizdoom", None)
    with pytest.raises(WorldError, match=r"pip install 'curious-worlds\[vizdoom\]'"):
        MyWayHomeConfig().build(1, "cpu")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pixels": 0}, "pixels must be at least 1"),
        ({"frame_skip": 0}, "frame_skip must be at least 1"),
        ({"max_episode_steps": 0}, "max_episode_steps must be at least 1"),
        ({"num_threads": -1}, "num_threads must not be negative"),
    ],
)
def test_numbers_out_of_range(fields: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MyWayHomeConfig(**fields)  # type: ignore[arg-type]
