"""Data sets of worlds with other channels than a picture's, and vectors beside them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ssl_objectives.images.frames import FrameFormat
from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import ContinuousColumn, DatasetSpec
from world_models.data.images import RecordedConfig
from world_models.data.importers.copy import DatasetCopy
from world_models.data.writer import DatasetWriter

SPEC = DatasetSpec(
    (5, 8, 6),
    ContinuousColumn((-0.5, 0.0), (0.5, 3.0)),
    rewards=True,
    ends=True,
    vector_size=3,
)
ROWS = 60


def rows(num: int = ROWS, spec: DatasetSpec = SPEC) -> dict[str, NDArray[Any]]:
    """Rows whose frame, vector and action all say which row they are of."""
    number = np.arange(num)
    plane = 10 * np.arange(spec.obs_shape[0])[:, None, None]
    obs = np.broadcast_to(plane, (num, *spec.obs_shape)) + number[:, None, None, None]
    columns = {
        "obs": obs.astype(np.uint8),
        "first": number % 15 == 0,
        "vector": np.stack([number, -number, number / 7], 1).astype(np.float32),
        "action": np.stack([number, number / 3], 1).astype(np.float32),
        "reward": np.zeros(num, np.float32),
        "terminated": np.zeros(num, np.bool_),
        "truncated": np.zeros(num, np.bool_),
    }
    return {k: columns[k] for k in spec.columns}


def write(path: Path, spec: DatasetSpec = SPEC, **options: Any) -> Dataset:
    with DatasetWriter(path, spec, {}, **options) as writer:
        writer.add(writer.new_streams(1)[0], rows(spec=spec))
    return open_dataset(path)


def test_windows_have_the_vector_of_every_row(tmp_path: Path) -> None:
    dataset = write(tmp_path, shard_bytes=2_000)
    assert dataset.spec == SPEC
    assert dataset.num_shards > 5
    written = rows()
    seen = 0
    for traj in dataset.windows(7, 2):
        assert traj.obs.shape == (8, 2, 5, 8, 6)
        assert traj.vector is not None
        assert traj.vector.dtype == torch.float32
        for i in range(2):
            number = traj.obs[:, i, 0, 0, 0].numpy().astype(int)
            assert np.array_equal(traj.vector[:, i].numpy(), written["vector"][number])
            assert np.array_equal(
                traj.action[:, i].numpy(), written["action"][number[1:]]
            )
            seen += 1
    assert seen == 8
    dataset.verify()


def test_where_there_is_no_vector_there_is_none(tmp_path: Path) -> None:
    dataset = write(tmp_path, replace(SPEC, vector_size=0))
    assert "vector" not in dataset.spec.columns
    assert next(iter(dataset.windows(7, 2))).vector is None


def test_a_vector_of_another_size_is_no_part_of_the_data_set(tmp_path: Path) -> None:
    write(tmp_path)
    other = replace(SPEC, vector_size=2)
    with pytest.raises(DatasetError, match="its vector_size are 3, these have 2"):
        DatasetWriter(tmp_path, other, {}, append=True)
    with DatasetWriter(tmp_path, SPEC, {}, append=True) as writer:
        (stream,) = writer.new_streams(1)
        wrong = {**rows(), "vector": rows()["vector"][:, :2]}
        with pytest.raises(DatasetError, match=r"vector is float32 \(60, 2\)"):
            writer.add(stream, wrong)
        wrong["vector"] = np.full((ROWS, 3), np.inf, np.float32)
        with pytest.raises(DatasetError, match="A vector is not finite"):
            writer.add(stream, wrong)
        writer.add(stream, rows())
    assert open_dataset(tmp_path).num_rows == 2 * ROWS


def copied(dataset: Dataset, form: FrameFormat) -> tuple[DatasetSpec, NDArray[Any]]:
    source = DatasetCopy(dataset.path, form)
    blocks = list(source.rows())
    kept = np.concatenate([x.columns["vector"] for x in blocks])
    assert np.array_equal(kept, rows(spec=dataset.spec)["vector"])
    return source.spec, np.concatenate([x.columns["obs"] for x in blocks])


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_copies_keep_vectors_and_channels(tmp_path: Path, channels: int) -> None:
    spec = replace(SPEC, obs_shape=(channels, 8, 6))
    dataset = write(tmp_path, spec)
    there, obs = copied(dataset, FrameFormat())
    assert there == spec
    assert np.array_equal(obs, rows(spec=spec)["obs"])
    there, obs = copied(dataset, FrameFormat((4, 3)))
    assert there == replace(spec, obs_shape=(channels, 4, 3))
    # Each plane is even, so its mean over any part is the same number.
    assert np.array_equal(obs, rows(spec=spec)["obs"][:, :, ::2, ::2])


def test_other_channels_have_no_gray(tmp_path: Path) -> None:
    dataset = write(tmp_path)
    with pytest.raises(DatasetError, match=r"5 channels have no colours.*--gray"):
        DatasetCopy(dataset.path, FrameFormat(gray=True))


def test_frames_of_five_channels_are_images_to_pretrain_on(tmp_path: Path) -> None:
    write(tmp_path)
    split = RecordedConfig(tmp_path, test_share=0.4, stack=2).open()
    assert split.train.image_shape == (10, 8, 6)
    images = split.train.read(torch.arange(split.train.num_rows))
    older, newer = images[:, 0, 0, 0].int(), images[:, 5, 0, 0].int()
    assert set((newer - older).tolist()) == {0, 1}  # 0 on first rows
    assert torch.equal(images[:, 9].int(), images[:, 5].int() + 40)
