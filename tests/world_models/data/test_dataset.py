"""Reading: every window decodes to what really happened, in an order that resumes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from envs.counting import CountingConfig, decode
from envs.vector_env import Step
from ssl_objectives.images.random_order import EpochOrder, permuted
from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import (
    Column,
    ContinuousColumn,
    DatasetSpec,
    DiscreteColumn,
)
from world_models.data.memory_maps import MappedFiles
from world_models.data.writer import DatasetWriter

B, ROWS = 5, 153
SPEC = DatasetSpec(
    (1, 40, 44),
    DiscreteColumn(5, ("a", "b", "c", "d", "e")),
    rewards=True,
    ends=True,
    facts={"step": Column((), "int64")},
    frames_per_step=4,
)


def columns(row: Step, action: torch.Tensor) -> dict[str, NDArray[Any]]:
    tensors = {
        "obs": row.obs,
        "first": row.first,
        "action": action,
        "reward": row.reward,
        "terminated": row.terminated,
        "truncated": row.truncated,
        "facts/step": row.facts["step"],
    }
    return {k: x.numpy() for k, x in tensors.items()}


def write_counting(path: Path, **options: Any) -> dict[str, NDArray[Any]]:
    """153 rows of 5 counting envs; returns them as `[rows, B, …]`."""
    env = CountingConfig().build(B, "cpu")
    generator = torch.Generator().manual_seed(3)
    with DatasetWriter(path, SPEC, {"what": "counting"}, **options) as writer:
        streams = writer.new_streams(B)
        row, action = env.reset(0), torch.zeros(B, dtype=torch.int64)
        written = []
        for _ in range(ROWS):
            written.append(columns(row, action))
            writer.add(streams, written[-1])
            action = torch.randint(5, (B,), generator=generator)
            row = env.step(action)
    return {k: np.stack([x[k] for x in written]) for k in written[0]}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, NDArray[Any]]:
    path = tmp_path_factory.mktemp("data") / "counting"
    return {"path": path, **write_counting(path, shard_bytes=60_000)}  # type: ignore[dict-item]


@pytest.fixture
def dataset(rows: Mapping[str, Any]) -> Dataset:
    return open_dataset(rows["path"])


def test_all_rows_come_back_stream_by_stream(
    dataset: Dataset, rows: Mapping[str, NDArray[Any]]
) -> None:
    assert (dataset.num_rows, dataset.num_streams) == (B * ROWS, B)
    assert dataset.num_shards > 20
    assert dataset.spec == SPEC
    assert dataset.source == {"what": "counting"}
    assert dataset.finished
    for stream in range(B):
        parts = [block for _, block in dataset.reader.blocks(stream)]
        for name in SPEC.columns:
            got = np.concatenate([x[name] for x in parts])
            assert got.dtype == rows[name].dtype
            assert np.array_equal(got, rows[name][:, stream]), name
    dataset.verify()


@pytest.mark.parametrize(("num_steps", "stride"), [(7, None), (1, 1), (30, 4)])
def test_windows_decode_to_what_happened(
    dataset: Dataset,
    rows: Mapping[str, NDArray[Any]],
    num_steps: int,
    stride: int | None,
) -> None:
    windows = dataset.windows(num_steps, 4, stride=stride, facts=("step",))
    seen = set()
    for traj in windows:
        now = decode(traj.obs)
        assert (now.env == now.env[0]).all()
        assert torch.equal(now.step[1:] == now.step[:-1] + 1, traj.valid)
        assert torch.equal(now.step == 0, traj.first)
        assert torch.equal(traj.reward, now.step[1:].float())
        assert torch.equal(traj.facts["step"], now.step)
        assert traj.obs.is_contiguous()
        for i in range(4):
            env, episode, step = (int(x[0, i]) for x in now)
            where = (rows["obs"][:, env] == traj.obs[0, i].numpy()).all((1, 2, 3))
            begin = int(np.flatnonzero(where)[0])
            part = slice(begin + 1, begin + num_steps + 1)
            for name in ("action", "terminated", "truncated"):
                want = torch.from_numpy(rows[name][part, env])
                assert torch.equal(getattr(traj, name)[:, i], want), name
            seen.add((env, episode, step))
    starts = dataset.starts(num_steps + 1, stride or num_steps)
    assert len(seen) == len(windows) * 4 > len(starts) - 4


def test_windows_at_first_begin_with_episodes(dataset: Dataset) -> None:
    windows = dataset.windows(9, 3, at_first=True)
    assert len(windows) > 20
    for traj in windows:
        assert traj.first[0].all()


def test_images_know_their_rows(dataset: Dataset) -> None:
    stream = dataset.index.stream_begin
    seen = []
    for batch in dataset.images(32, facts=("step",)):
        now = decode(batch.obs)
        owner = np.searchsorted(stream, batch.row.numpy(), side="right") - 1
        assert torch.equal(now.env, torch.from_numpy(owner))
        assert torch.equal(now.step, batch.facts["step"])
        seen += batch.row.tolist()
    assert len(set(seen)) == len(seen) == B * ROWS // 32 * 32


def test_order_resumes_within_an_epoch(dataset: Dataset) -> None:
    def first_frames(windows: Any, num: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < num:
            for traj in windows:
                found.append(traj.obs[0].numpy().tobytes())
                if len(found) == num:
                    break
        return found

    whole = dataset.windows(7, 4, seed=5)
    epoch = len(whole)
    everything = first_frames(whole, 2 * epoch + 3)
    for stop in (1, epoch, epoch + 2):
        before = dataset.windows(7, 4, seed=5)
        head = first_frames(before, stop)
        after = dataset.windows(7, 4, seed=99)
        after.load_state_dict(before.state_dict())
        assert head + first_frames(after, len(everything) - stop) == everything
    assert everything[:epoch] != everything[epoch : 2 * epoch]
    other = dataset.windows(7, 5)
    with pytest.raises(DatasetError, match="batch_size"):
        other.load_state_dict(whole.state_dict())


@pytest.mark.parametrize("num", [1, 2, 3, 5, 64, 1000, 4097])
def test_orders_are_permutations(num: int) -> None:
    everything = np.arange(num)
    orders = [permuted(everything, num, seed, e) for seed in (0, 1) for e in (0, 1)]
    for order in orders:
        assert np.array_equal(np.sort(order), everything)
    if num > 10:
        assert len({x.tobytes() for x in orders}) == 4


def test_orders_are_random() -> None:
    """Each place holds each number, and each pair follows, about equally often."""
    num, epochs = 11, 1_500
    places = np.arange(num)
    counts, pairs = np.zeros((num, num)), np.zeros((num, num))
    for epoch in range(epochs):
        order = permuted(places, num, 0, epoch)
        counts[places, order] += 1
        pairs[order[:-1], order[1:]] += 1
    assert not np.diag(pairs).any()
    for cells, freedom in (
        (counts.ravel(), (num - 1) ** 2),
        (pairs[~np.eye(num, dtype=bool)], num * (num - 1) - 1),
    ):
        chi_squared = ((cells - cells.mean()) ** 2 / cells.mean()).sum()
        assert abs(chi_squared - freedom) < 5 * (2 * freedom) ** 0.5


def test_an_order_of_two_billion_takes_no_memory() -> None:
    order = EpochOrder(2_000_000_000, 1000, seed=1)
    order.position = order.batches_per_epoch - 1
    batch = next(order)
    assert len(np.unique(batch)) == 1000
    assert 0 <= batch.min() < batch.max() < 2_000_000_000


def test_too_few_rows_for_a_batch(dataset: Dataset) -> None:
    with pytest.raises(DatasetError, match="shorter windows"):
        dataset.windows(ROWS, 1)
    with pytest.raises(DatasetError, match="it has step"):
        dataset.windows(3, 2, facts=("room",))


def test_files_are_given_back(dataset: Dataset) -> None:
    maps = MappedFiles(max_files=3)
    files = [x.files["obs"] for x in dataset.reader.shards[:6]]
    for file in files * 2:
        assert maps.rows(file, 0, 2).shape == (2, 1, 40, 44)
        maps.expect(file, 1, 2)
        assert len(maps) <= 3
    small = MappedFiles(max_bytes=-(1 << 40))
    for i in range(64):
        assert len(small) == min(i, 6)
        small.rows(files[i % 6], 0, 1)
    assert len(small) == 1  # all others were given back


def test_absent_columns_read_as_zeros(tmp_path: Path) -> None:
    spec = DatasetSpec((3, 6, 5))
    obs = np.random.default_rng(0).integers(0, 256, (9, 3, 6, 5), dtype=np.uint8)
    with DatasetWriter(tmp_path, spec, {}) as writer:
        (stream,) = writer.new_streams(1)
        writer.add(stream, {"obs": obs, "first": np.eye(1, 9, dtype=bool)[0]})
    (traj,) = open_dataset(tmp_path).windows(8, 1)
    assert torch.equal(traj.obs[:, 0], torch.from_numpy(obs))
    assert traj.action.dtype == torch.int64
    assert traj.reward.shape == traj.action.shape == (8, 1)
    assert not traj.reward.any()
    assert traj.valid.all()


def test_continuous_actions_and_infinite_bounds(tmp_path: Path) -> None:
    spec = DatasetSpec((1, 4, 4), ContinuousColumn((-1.0, -np.inf), (1.5, np.inf)))
    action = np.linspace(0, 1, 10, dtype=np.float32).reshape(5, 2)
    first = np.array([True, False, False, True, False])
    obs = np.zeros((5, 1, 4, 4), np.uint8)
    with DatasetWriter(tmp_path, spec, {}) as writer:
        (stream,) = writer.new_streams(1)
        writer.add(stream, {"obs": obs, "first": first, "action": action})
    dataset = open_dataset(tmp_path)
    assert dataset.spec == spec
    (traj,) = dataset.windows(4, 1)
    assert torch.equal(traj.action[:, 0], torch.from_numpy(action[1:]))


def test_the_files_are_plain_numpy(
    dataset: Dataset, rows: Mapping[str, NDArray[Any]]
) -> None:
    shard = dataset.path / "shard-00000"
    stream, start, count = np.load(shard / "segments.npy")[1].tolist()
    obs = np.load(shard / "obs.npy", mmap_mode="r")
    skip = int(np.load(shard / "segments.npy")[0, 2])
    want = rows["obs"][start : start + count, stream]
    assert np.array_equal(obs[skip : skip + count], want)
    assert sorted(os.listdir(shard / "facts")) == ["step.npy"]
