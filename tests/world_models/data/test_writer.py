"""Writing: whatever happens, what was complete stays readable, and damage is named."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import open_dataset
from world_models.data.format import Column, DatasetSpec, DiscreteColumn
from world_models.data.shard import write_shard
from world_models.data.writer import DatasetWriter

SPEC = DatasetSpec((1, 4, 6), DiscreteColumn(3), rewards=True, ends=True)


def some_rows(num: int, begin: int = 0) -> dict[str, NDArray[Any]]:
    number = np.arange(begin, begin + num)
    obs = np.broadcast_to(number[:, None, None, None], (num, 1, 4, 6))
    return {
        "obs": obs.astype(np.uint8),
        "first": number == 0,
        "action": number % 3,
        "reward": number.astype(np.float32),
        "terminated": np.zeros(num, np.bool_),
        "truncated": np.zeros(num, np.bool_),
    }


def write(path: Path, num: int = 40, **options: Any) -> None:
    with DatasetWriter(path, SPEC, {}, **options) as writer:
        (stream,) = writer.new_streams(1)
        for i in range(0, num, 10):
            writer.add(stream, some_rows(10, i))


def frames(path: Path) -> list[int]:
    blocks = open_dataset(path).reader.blocks(names=("obs",))
    return [int(x) for _, block in blocks for x in block["obs"][:, 0, 0, 0]]


SMALL = 13 * SPEC.row_bytes  # a shard of 13 rows


def test_shards_are_cut_by_size(tmp_path: Path) -> None:
    write(tmp_path / "d", shard_bytes=SMALL)
    dataset = open_dataset(tmp_path / "d")
    assert [x.num_rows for x in dataset.reader.shards] == [13, 13, 13, 1]
    assert frames(tmp_path / "d") == list(range(40))


def test_slow_rows_are_written_in_time(tmp_path: Path) -> None:
    now = 0.0
    writer = DatasetWriter(tmp_path, SPEC, {}, flush_seconds=5.0, clock=lambda: now)
    (stream,) = writer.new_streams(1)
    for i in range(10):
        writer.add(stream, some_rows(1, i))
        now += 2.0
    assert writer.num_rows == 8  # after 6 s of waiting each time: 4 and 4
    assert frames(tmp_path) == list(range(8))
    assert not open_dataset(tmp_path).finished


def test_an_error_keeps_the_rows(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path, SPEC, {})

    def fail() -> None:
        with writer:
            (stream,) = writer.new_streams(1)
            writer.add(stream, some_rows(7))
            raise RuntimeError("the world broke")

    with pytest.raises(RuntimeError, match="the world broke"):
        fail()
    assert frames(tmp_path) == list(range(7))
    assert not open_dataset(tmp_path).finished


KILLED = """
import sys
from pathlib import Path
from tests.world_models.data.test_writer import SMALL, SPEC, some_rows
from world_models.data.writer import DatasetWriter
with DatasetWriter(Path(sys.argv[1]), SPEC, {}, shard_bytes=SMALL) as writer:
    (stream,) = writer.new_streams(1)
    number = 0
    while True:
        writer.add(stream, some_rows(1, number))
        number += 1
        print(writer.num_rows, flush=True)
"""


def test_a_killed_writer_leaves_a_data_set(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", KILLED, str(tmp_path / "d")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=root, env=os.environ
    ) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 40:
            pass
        time.sleep(0.003)  # wherever it is: inside a shard as well
        process.send_signal(signal.SIGKILL)
    kept = frames(tmp_path / "d")
    assert len(kept) >= 39
    assert len(kept) % 13 == 0
    assert [x % 256 for x in range(len(kept))] == kept
    dataset = open_dataset(tmp_path / "d")
    dataset.verify()
    assert not dataset.finished
    (tmp_path / "d" / ".shard-00099.1.unfinished").mkdir()
    write(tmp_path / "d", append=True)  # and can be added to
    assert frames(tmp_path / "d") == kept + list(range(40))
    assert open_dataset(tmp_path / "d").finished
    assert not list((tmp_path / "d").glob(".*"))


def test_an_occupied_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "d")
    with pytest.raises(
        DatasetError, match=r"d holds a data set. Choose another folder"
    ):
        write(tmp_path / "d")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    for append in (False, True):
        with pytest.raises(DatasetError):
            write(tmp_path / "other", append=append)
    assert [x.name for x in (tmp_path / "other").iterdir()] == ["thesis.tex"]
    spec = DatasetSpec((1, 4, 6), DiscreteColumn(4), rewards=True, ends=True)
    with pytest.raises(DatasetError, match=r"holds other rows: its actions are.*n=3"):
        DatasetWriter(tmp_path / "d", spec, {}, append=True)
    assert frames(tmp_path / "d") == list(range(40))


def test_appended_streams_change_no_row(tmp_path: Path) -> None:
    write(tmp_path)
    with DatasetWriter(tmp_path, SPEC, {"second": True}, append=True) as writer:
        streams = writer.new_streams(2)
        assert streams.tolist() == [1, 2]
        for i in range(3):
            writer.add(np.repeat(streams, [1, 0]), some_rows(1, i))
            writer.add(streams[1:], some_rows(1, 100 + i))
    dataset = open_dataset(tmp_path)
    assert dataset.source == {"appended": [{}, {"second": True}]}
    assert frames(tmp_path) == [*range(40), 0, 1, 2, 100, 101, 102]


def test_rows_of_another_kind_are_refused(tmp_path: Path) -> None:
    good = some_rows(5)
    wrong: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
        "shape": (lambda: {"obs": good["obs"][:, :, :3]}, r"obs is uint8 \(5, 1, 3, 6"),
        "dtype": (
            lambda: {"reward": good["reward"].astype(float)},
            "reward is float64",
        ),
        "length": (lambda: {"action": good["action"][1:]}, "action is int64"),
        "more": (lambda: {"facts/x": good["action"]}, "The columns are"),
        "nan": (
            lambda: {"reward": good["reward"] + np.float32(np.inf)},
            "not finite: in row ",
        ),
        "first": (lambda: {"reward": np.ones(5, np.float32)}, "`reward` set"),
        "ended": (lambda: {"truncated": good["first"]}, "`truncated` set"),
    }
    with DatasetWriter(tmp_path, SPEC, {}) as writer:
        (stream,) = writer.new_streams(1)
        for change, message in wrong.values():
            with pytest.raises(DatasetError, match=message):
                writer.add(stream, good | change())
        with pytest.raises(DatasetError, match="new_streams"):
            writer.add(stream + 1, good)
        writer.add(stream, good)
    assert frames(tmp_path) == list(range(5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"obs_shape": (0, 4, 4)}, "at least one of each"),
        ({"vector_size": -1}, "-1 numbers"),
        ({"facts": {"../x": Column((), "int64")}}, "named"),
        ({"facts": {"x": Column((), "object")}}, "dtype object"),
        ({"facts": {"x": Column((3, 0), "int64")}}, "shape"),
    ],
)
def test_specs_that_cannot_be_written(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DatasetSpec(**{"obs_shape": (1, 4, 4), **change})


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    writer = DatasetWriter(tmp_path / "d", SPEC, {}, shard_bytes=SMALL)
    (stream,) = writer.new_streams(1)
    writer.add(stream, some_rows(14))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match="shard-00001: No space left"):
        writer.add(stream, some_rows(14, 14))
    monkeypatch.undo()
    assert frames(tmp_path / "d") == list(range(13))
    assert not list((tmp_path / "d").glob(".shard*"))


def damage(path: Path) -> None:
    """Flip one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 4
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def swap(path: Path) -> None:
    np.save(path, np.zeros((13, 4, 6, 1), np.uint8))


def newer(path: Path) -> None:
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "format_version": 2}))


CASES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "cut": ("shard-00001/obs.npy", cut, "is cut off: 437 bytes, not 440"),
    "longer": (
        "shard-00001/reward.npy",
        lambda x: x.write_bytes(x.read_bytes() + b"\0"),
        "longer than it was written",
    ),
    "gone": ("shard-00001/action.npy", Path.unlink, "is missing"),
    "shape": ("shard-00001/obs.npy", swap, r"\(13, 4, 6, 1\); its data set says"),
    "text": ("shard-00001/first.npy", lambda x: x.write_text("hm"), "not an array"),
    "shard": ("shard-00001", shutil.rmtree, "is missing: there are shards behind it"),
    "last": ("shard-00003", shutil.rmtree, "4 shards with 40 rows, but there are 3"),
    "segments": ("shard-00001/segments.npy", damage, "are not the 13 rows"),
    "json": ("shard-00002/shard.json", cut, "cut off or damaged"),
    "newer": ("dataset.json", newer, "format version 2"),
    "shard newer": ("shard-00001/shard.json", newer, "format version 2"),
    "other": ("dataset.json", lambda x: x.write_text("[1]"), "not a JSON object"),
    "none": ("dataset.json", Path.unlink, "There is no data set at"),
    "spec": (
        "dataset.json",
        lambda x: x.write_text(x.read_text().replace('"rewards"', '"reward"')),
        "is damaged",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_damage_is_refused_with_the_file_and_the_reason(
    tmp_path: Path, case: str
) -> None:
    name, harm, message = CASES[case]
    write(tmp_path, shard_bytes=SMALL)
    open_dataset(tmp_path)
    harm(tmp_path / name)
    with pytest.raises(DatasetError, match=message) as told:
        open_dataset(tmp_path)
    assert str(tmp_path) in str(told.value)
    if case not in ("last", "none"):
        assert name.split("/")[-1] in str(told.value)


@pytest.mark.parametrize("name", ["obs", "reward", "first"])
def test_flipped_bits_are_found_by_verify(tmp_path: Path, name: str) -> None:
    write(tmp_path, shard_bytes=SMALL)
    damage(tmp_path / "shard-00002" / f"{name}.npy")
    dataset = open_dataset(tmp_path)
    with pytest.raises(DatasetError, match=rf"shard-00002/{name}.npy is damaged"):
        dataset.verify()


def test_a_shard_of_another_data_set_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one", shard_bytes=SMALL)
    write(tmp_path / "two", 30, shard_bytes=2 * SMALL)
    shutil.rmtree(tmp_path / "one" / "shard-00001")
    shutil.copytree(tmp_path / "two/shard-00000", tmp_path / "one/shard-00001")
    with pytest.raises(DatasetError, match="does not fit its neighbours"):
        open_dataset(tmp_path / "one")


def test_two_writers_do_not_overwrite_each_other(tmp_path: Path) -> None:
    write(tmp_path)
    rows = some_rows(5)
    with pytest.raises(DatasetError, match="shard-00000"):
        write_shard(tmp_path, 0, rows, np.arange(5), np.array([[0, 0, 5]]))
    assert frames(tmp_path) == list(range(40))


def test_an_empty_data_set_says_so(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, SPEC, {})
    with pytest.raises(DatasetError, match="no complete shard"):
        open_dataset(tmp_path)


def test_what_fails_before_its_first_row_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), DatasetWriter(tmp_path / "d", SPEC, {}):
        raise RuntimeError
    assert not (tmp_path / "d").exists()


def test_two_at_once_are_one_too_many(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "d", SPEC, {}) as writer:
        (stream,) = writer.new_streams(1)
        writer.add(stream, some_rows(3))
        writer.flush()
        with pytest.raises(DatasetError, match=r"d is being written by .*Wait for its"):
            write(tmp_path / "d", append=True)
    assert frames(tmp_path / "d") == list(range(3))
    write(tmp_path / "d", append=True)
    assert frames(tmp_path / "d") == [*range(3), *range(40)]


def test_what_fails_to_be_added_leaves_the_data_set_as_it_was(tmp_path: Path) -> None:
    write(tmp_path)
    before = (tmp_path / "dataset.json").read_bytes()
    with (
        pytest.raises(RuntimeError),
        DatasetWriter(tmp_path, SPEC, {"second": True}, append=True),
    ):
        raise RuntimeError
    assert (tmp_path / "dataset.json").read_bytes() == before
    assert open_dataset(tmp_path).finished


def test_who_was_refused_keeps_nobody_out(tmp_path: Path) -> None:
    """The lock ends with the attempt, also while somebody looks at the error."""
    write(tmp_path)
    other = DatasetSpec((1, 4, 6), DiscreteColumn(3))
    with pytest.raises(DatasetError, match="holds other rows") as one:
        DatasetWriter(tmp_path, other, {}, append=True)
    with pytest.raises(DatasetError, match="holds a data set") as two:
        DatasetWriter(tmp_path, SPEC, {})
    write(tmp_path, append=True)
    assert one.tb is not two.tb  # both still hold what was begun
    assert frames(tmp_path) == 2 * [*range(40)]


def test_what_was_killed_before_its_first_shard_is_begun_again(tmp_path: Path) -> None:
    writer = DatasetWriter(tmp_path / "d", SPEC, {})
    writer._held.close()  # as the system does when a process is killed
    (tmp_path / "d" / ".shard-00000.1.unfinished").mkdir()
    write(tmp_path / "d", append=True)
    assert frames(tmp_path / "d") == list(range(40))
    assert {x.name for x in (tmp_path / "d").glob(".*")} == set()


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all I have")
    (tmp_path / ".draft.unfinished").write_text("the rest")
    with pytest.raises(DatasetError, match="There is no data set"):
        write(tmp_path, append=True)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_description_is_told_of_in_words(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / "dataset.json"
    file.write_text(file.read_text().replace('"frames_per_step"', '"frames_per_stop"'))
    with pytest.raises(DatasetError, match="damaged: it has no 'frames_per_step'"):
        open_dataset(tmp_path)
