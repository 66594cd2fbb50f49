"""Frames to probe on: what the worlds showed, and what a data set holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from agents.acting import RandomPolicy
from envs.counting import CountingConfig, decode
from envs.mujoco.counting import MujocoCountingConfig
from envs.mujoco.counting import counted as seen_in
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import FactSpec, Step, VectorEnv
from experiments.probe.config import ProbeConfig
from experiments.probe.played import played_footage
from experiments.probe.recorded import read_columns, recorded_footage
from experiments.record.recording import RecordConfig, record
from ssl_objectives.footprint.plan import DoesNotFit
from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.data.dataset import open_dataset
from world_models.probing.footage import Footage


def in_order(data: Footage) -> None:
    """Frames of the counting world say which env, episode and step they are of."""
    env, episode, step = decode(data.obs)
    whole = env * 10_000 + episode
    assert torch.equal(step, data.facts["step"])
    for number in data.episode.unique():
        rows = data.episode == number
        assert len(whole[rows].unique()) == 1
        steps = step[rows]
        assert torch.equal(steps, steps[0] + torch.arange(len(steps)))
    pairs = {*zip(data.episode.tolist(), whole.tolist(), strict=True)}
    assert len(pairs) == len(data.episode.unique())


def test_what_is_played_lies_in_whole_episodes() -> None:
    env = CountingConfig().build(3, "cpu")
    data = played_footage(env, RandomPolicy(env, 0), 100)
    assert len(data) == 102
    assert torch.equal(data.step, data.facts["step"])
    in_order(data)


def test_more_frames_than_memory_holds_are_refused_before_they_are_played() -> None:
    env = CountingConfig().build(3, "cpu")
    with pytest.raises(DoesNotFit, match="Lower --frames"):
        played_footage(env, RandomPolicy(env, 0), 2**40)


def test_actions_are_those_that_led_there() -> None:
    env = MovingDotConfig().build(4, "cpu")
    data = played_footage(env, RandomPolicy(env, 0), 200)
    assert data.units == {"place": "px", "displacement": "px/step"}
    assert data.action is not None
    inside = ~data.first
    place = data.facts["place"]
    expected = (place[:-1] + 4 * data.action[1:]).clamp(2.6, 24.4)
    assert torch.allclose(expected[inside[1:]], place[1:][inside[1:]], atol=1e-4)


def test_recorded_actions_are_those_that_a_model_is_told(tmp_path: Path) -> None:
    """In [-1, 1], whatever the world's bounds: a dot goes 4 px at most."""
    config = RecordConfig(
        world=MovingDotConfig(), out=tmp_path / "dots", steps=200, facts=True
    )
    record(config, Console(quiet=True))
    data = recorded_footage(tmp_path / "dots")
    assert data.action is not None
    assert 0.9 < float(data.action.abs().max()) <= 1
    place, inside = data.facts["place"], ~data.first[1:]
    expected = (place[:-1] + 4 * data.action[1:]).clamp(2.6, 24.4)
    assert torch.allclose(expected[inside], place[1:][inside], atol=1e-4)


class Telling(VectorEnv):
    """The counting world, with a picture for a fact."""

    def __init__(self) -> None:
        self.env = CountingConfig().build(2, "cpu")
        more = {"picture": FactSpec((9, 9), torch.uint8)}
        self.spec = replace(self.env.spec, facts={**self.env.spec.facts, **more})

    def _told(self, row: Step) -> Step:
        more = {"picture": torch.zeros(2, 9, 9, dtype=torch.uint8)}
        return replace(row, facts={**row.facts, **more})

    def reset(self, seed: int | None = None, mask: Tensor | None = None) -> Step:
        return self._told(self.env.reset(seed, mask))

    def step(self, action: Tensor) -> Step:
        return self._told(self.env.step(action))


def test_facts_with_many_numbers_are_left_out_unless_named() -> None:
    env = Telling()
    policy = RandomPolicy(env, 0)
    assert "picture" not in played_footage(env, policy, 10).facts
    assert "picture" in played_footage(env, policy, 10, facts=("picture",)).facts


def test_pictures_that_were_recorded_are_read_if_they_are_named(
    tmp_path: Path,
) -> None:
    """Of the row that they are of: depth shows which env, episode and step it is."""
    out = tmp_path / "plates"
    config = RecordConfig(
        world=MujocoCountingConfig(), out=out, steps=90, num_envs=3, facts=True
    )
    record(config, Console(quiet=True))
    assert "depth" not in recorded_footage(out).facts
    facts = recorded_footage(out, facts=("depth",)).facts
    told = torch.stack([facts[x] for x in ("env", "episode", "step")], 1)
    assert torch.equal(seen_in(facts["depth"]), told)
    assert (told.amax(0) > 1).all()


def test_worlds_begin_with_the_seed_that_is_given() -> None:
    env, twin = (MovingDotConfig().build(4, "cpu") for _ in range(2))
    shown = played_footage(env, RandomPolicy(env, 0), 4, seed=5).obs
    assert torch.equal(shown, twin.reset(seed=5).obs)
    assert not torch.equal(shown, twin.reset(seed=0).obs)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "counted"
    config = RecordConfig(
        world=CountingConfig(), out=folder, steps=600, num_envs=4, facts=True
    )
    record(config, Console(quiet=True))
    return folder


def test_a_data_set_is_read_by_episodes(counted: Path) -> None:
    data = recorded_footage(counted, 10_000)
    assert len(data) == open_dataset(counted).num_rows
    in_order(data)
    assert torch.equal(data.step, data.facts["step"])


def test_of_many_frames_some_episodes_are_taken_by_lot(counted: Path) -> None:
    one, again, other = (recorded_footage(counted, 200, x) for x in (0, 0, 1))
    for data in (one, other):
        assert len(data) == 200
        in_order(data)
    assert torch.equal(one.obs, again.obs)
    assert not torch.equal(one.obs, other.obs)


def test_long_episodes_are_cut_so_that_there_are_several(tmp_path: Path) -> None:
    """To parts that begin anywhere, and in which rows follow one another."""
    world = MovingDotConfig(max_episode_steps=500)
    config = RecordConfig(
        world=world, out=tmp_path / "long", steps=2400, num_envs=8, facts=True
    )
    record(config, Console(quiet=True))
    columns = {"row": np.arange(2408)}
    data = recorded_footage(tmp_path / "long", 256, columns=columns)
    rows = data.facts["row"].tolist()
    assert len(data.episode.unique()) == 8
    assert all(
        b == a + 1 or first
        for a, b, first in zip(rows, rows[1:], data.first[1:].tolist(), strict=False)
    )
    begins = [x for x, first in zip(rows, data.first.tolist(), strict=True) if first]
    assert any(x % 301 for x in begins)


def test_columns_of_ones_own_are_of_the_rows_that_were_taken(
    counted: Path, tmp_path: Path
) -> None:
    dataset = open_dataset(counted)
    number = np.arange(dataset.num_rows)
    np.save(tmp_path / "row.npy", number)
    np.savetxt(
        tmp_path / "more.csv",
        np.stack([number, number % 3], 1),
        delimiter=",",
        header="row,kind",
        comments="",
    )
    columns = read_columns(
        [f"row={tmp_path / 'row.npy'}", f"kind={tmp_path / 'more.csv'}"]
    )
    data = recorded_footage(counted, 150, 3, columns=columns)
    row = data.facts["row"].numpy()
    expected = dataset.reader.read(row, 1, ["obs"])["obs"][0]
    assert np.array_equal(expected, data.obs.numpy())
    assert torch.equal(data.facts["kind"].long(), data.facts["row"] % 3)


def test_columns_that_are_none_are_refused(counted: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "short.npy", np.zeros(3))
    np.save(tmp_path / "text.npy", np.array(["a"]))
    (tmp_path / "broken.npy").write_bytes(b"no array")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n3,4\n")
    for given, says in (
        ("short.npy", "not of the form NAME=FILE"),
        (f"x={tmp_path / 'nothing.npy'}", "no file"),
        (f"x={tmp_path / 'text.npy'}", "Give numbers"),
        (f"x={tmp_path / 'broken.npy'}", "cannot be read, as an .npy of numbers"),
        (f"x={tmp_path / 'table.csv'}", "no column 'x', only a, b"),
    ):
        with pytest.raises(ConfigError, match=says) as refused:
            read_columns([given])
        assert "pickle" not in str(refused.value)  # NumPy's advice would be unsafe
    short = read_columns([f"x={tmp_path / 'short.npy'}"])
    with pytest.raises(DatasetError, match="'x' has 3 entries"):
        recorded_footage(counted, columns=short)


def test_more_worlds_than_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"--num-envs 2,147,483,648 are more worlds"):
        ProbeConfig(world=CountingConfig(), num_envs=2**31)
    ProbeConfig(data=Path("data/x"), num_envs=2**31)  # nobody plays there
