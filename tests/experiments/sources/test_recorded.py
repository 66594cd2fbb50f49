"""Recorded data as a source: which windows are learned from, and which are not."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from rich.console import Console

from envs.counting import CountingConfig, decode
from envs.vector_env import WorldConfig
from experiments.record.recording import RecordConfig, record
from experiments.sources.recorded import DatasetConfig, Recorded
from ssl_objectives.refusal import ConfigError, DatasetError
from tests.envs.probe_world import ProbeConfig
from world_models.data.dataset import Dataset
from world_models.trajectory import Trajectory

T, B = 6, 5
CPU = torch.device("cpu")


def recorded(path: Path, world: WorldConfig, steps: int) -> Dataset:
    config = RecordConfig(
        world=world, out=path, steps=steps, num_envs=3, facts=True, seed=4
    )
    return record(config, Console(quiet=True)).dataset


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The counting world, whose frames tell which row of which env they are."""
    path = tmp_path_factory.mktemp("data") / "counting"
    recorded(path, CountingConfig(), 1_500)
    return path


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world with continuous actions, lopsided bounds and dials."""
    path = tmp_path_factory.mktemp("data") / "probe"
    recorded(path, ProbeConfig(), 600)
    return path


def opened(path: Path, fresh: bool = False, seed: int = 0, batch: int = B) -> Recorded:
    return DatasetConfig(path, fresh).open(T, batch, seed, CPU)


Row = tuple[int, ...]


def shown(traj: Trajectory) -> list[list[Row]]:
    """Of each env, the rows (env, episode, step) that its frames show."""
    rows = torch.stack(tuple(decode(traj.obs)), -1)
    return [[tuple(x) for x in rows[:, i].tolist()] for i in range(rows.shape[1])]


def epoch(source: Recorded) -> list[list[Row]]:
    batches = source.windows.order.batches_per_epoch
    return [window for _ in range(batches) for window in shown(source.next())]


@pytest.mark.parametrize("fresh", [False, True])
def test_no_row_is_learned_and_measured_or_in_both_parts(
    counting: Path, fresh: bool
) -> None:
    """Episodes are shorter than windows now and then, and still nothing overlaps."""
    source = opened(counting, fresh)
    learned = {row for _ in range(4) for window in epoch(source) for row in window}
    parts = []
    for part in (0, 1):
        windows = [w for x in source.held_out(4, part) for w in shown(x)]
        rows = [row for window in windows for row in window]
        assert len(windows) > 3
        assert len(set(rows)) == len(rows)
        parts.append(set(rows))
    assert not parts[0] & parts[1]
    assert not learned & (parts[0] | parts[1])
    assert len(learned) > 4 * len(parts[0] | parts[1])


@pytest.mark.parametrize("fresh", [False, True])
def test_every_learned_window_comes_once_per_epoch(counting: Path, fresh: bool) -> None:
    source = opened(counting, fresh)
    first = Counter(window[0] for window in epoch(source))
    second = Counter(window[0] for window in epoch(source))
    assert set(first.values()) == set(second.values()) == {1}
    left_out = source.learned % B
    assert len(first) == len(second) == source.learned - left_out
    assert list(first) != list(second)  # in another order
    alone = opened(counting, fresh, batch=1)  # batches of one leave nothing out
    assert {window[0] for window in epoch(alone)} >= set(first) | set(second)


def test_windows_are_consecutive_and_fresh_ones_begin_with_episodes(
    counting: Path,
) -> None:
    for fresh in (False, True):
        source = opened(counting, fresh)
        for traj in (source.next(), next(source.held_out(4, 0))):
            now = decode(traj.obs)
            assert torch.equal(now.step[1:] == now.step[:-1] + 1, traj.valid)
            assert torch.equal(traj.facts["step"], now.step)
            assert bool(traj.first[0].all()) is fresh


def test_held_out_windows_are_the_same_at_every_call_and_for_every_seed(
    counting: Path,
) -> None:
    def everything(source: Recorded) -> list[list[list[Row]]]:
        return [[w for x in source.held_out(4, p) for w in shown(x)] for p in (0, 1)]

    source = opened(counting)
    before = everything(source)
    source.next()
    assert everything(source) == before
    assert everything(opened(counting, seed=1)) == before
    assert epoch(opened(counting, seed=1)) != epoch(opened(counting))


def test_a_state_goes_on_across_the_end_of_an_epoch(counting: Path) -> None:
    whole, half = opened(counting), opened(counting)
    batches = whole.windows.order.batches_per_epoch
    expected = [shown(whole.next()) for _ in range(batches + 3)]
    for _ in range(batches - 1):
        half.next()
    for stop in (batches - 1, batches, batches + 1):
        rest = opened(counting)
        rest.load_state_dict(half.state_dict())
        got = [shown(rest.next()) for _ in range(batches + 3 - stop)]
        assert got == expected[stop:]
        half.next()


def test_actions_come_back_as_they_were_told(probe: Path) -> None:
    """Files hold what was done within the bounds; facts say what that was."""
    source = opened(probe)
    traj = source.next()
    assert traj.action.abs().max() <= 1
    assert traj.action.abs().max() > 0.9
    assert (traj.action.flatten(0, 1).mean(0).abs() < 0.3).all()
    told = ProbeConfig().build(1, "cpu").spec.actions
    done = told.to_bounds(traj.action)  # type: ignore[union-attr]  # continuous
    want = traj.facts["applied"][1:]
    torch.testing.assert_close(done[traj.valid], want[traj.valid])


def test_what_is_offered_is_what_the_data_have(probe: Path) -> None:
    source = opened(probe)
    spec = ProbeConfig().build(1, "cpu").spec
    assert source.offered.obs_shape == spec.obs_shape
    assert source.offered.actions == spec.actions
    assert source.offered.vector_size == spec.vector_size
    assert set(source.offered.facts) == set(spec.facts)
    traj = source.next()
    assert traj.vector is not None
    assert traj.vector.shape == (T + 1, B, 3)


def test_what_cannot_be_opened_is_one_message(counting: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--data\.path FOLDER"):
        DatasetConfig().open(T, B, 0, CPU)
    with pytest.raises(DatasetError, match="There is no data set at"):
        opened(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"Record more, or lower --num-steps or"):
        opened(counting, batch=400)
    with pytest.raises(DatasetError, match="has 0 windows of 5000 steps"):
        DatasetConfig(counting).open(5_000, 2, 0, CPU)


def test_a_source_is_named_by_its_folder(counting: Path) -> None:
    assert DatasetConfig(counting).about == "counting"
    assert DatasetConfig().about == "data"
