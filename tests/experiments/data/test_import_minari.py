"""Record, import, out to Minari, and in again: the same bytes."""

import warnings
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from envs.counting import CountingConfig
from experiments.data.config import ImportConfig
from experiments.data.importing import import_data
from experiments.record.recording import RecordConfig, record
from ssl_objectives.refusal import DatasetError
from tests.experiments.conftest import Command
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import (
    Column,
    ContinuousColumn,
    DatasetSpec,
    DiscreteColumn,
)
from world_models.data.importers.minari.spaces import action_space, obs_space
from world_models.data.writer import DatasetWriter

pytest.importorskip("h5py")
minari = pytest.importorskip("minari")

QUIET = Console(quiet=True)


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def everything(dataset: Dataset) -> dict[str, NDArray[Any]]:
    blocks = [block for _, block in dataset.reader.blocks()]
    return {k: np.concatenate([x[k] for x in blocks]) for k in blocks[0]}


def check_same(one: Dataset, two: Dataset) -> None:
    """Bit for bit: every column, every stream, and what the columns mean."""
    assert one.spec == two.spec
    assert np.array_equal(one.index.stream_begin, two.index.stream_begin)
    a, b = everything(one), everything(two)
    for name in one.spec.columns:
        assert a[name].dtype == b[name].dtype
        assert np.array_equal(a[name], b[name]), name


def round_trip(dataset: Dataset, folder: Path) -> Dataset:
    """Through `import` itself, to Minari, and back."""
    copy = import_data(
        ImportConfig(str(dataset.path), out=folder / "copy", shard_mib=1), QUIET
    )
    check_same(dataset, copy)
    import_data(ImportConfig(str(copy.path), to_minari="mine/test-v0"), QUIET)
    back = import_data(ImportConfig("mine/test-v0", out=folder / "back"), QUIET)
    check_same(dataset, back)
    return back


@pytest.mark.parametrize("steps", [120, 240, 300])
def test_recordings_come_back_bit_for_bit(tmp_path: Path, steps: int) -> None:
    config = RecordConfig(
        world=CountingConfig(),
        out=tmp_path / "recorded",
        steps=steps,
        num_envs=20,
        facts=True,
        shard_mib=1,
    )
    dataset = record(config, QUIET).dataset
    rows = everything(dataset)
    last = rows["first"][dataset.index.stream_begin[1:] - 1]
    assert last.any()  # streams that end with a reset frame
    assert not last.all()
    assert rows["terminated"].any()
    back = round_trip(dataset, tmp_path)
    assert back.source["source"]["source"] == dataset.source


def write(
    path: Path, spec: DatasetSpec, streams: list[dict[str, NDArray[Any]]]
) -> Dataset:
    with DatasetWriter(path, spec, {"by": "hand"}) as writer:
        for number, rows in zip(writer.new_streams(len(streams)), streams, strict=True):
            writer.add(number, rows)
    return open_dataset(path)


def by_hand(first: list[int], spec: DatasetSpec, seed: int) -> dict[str, NDArray[Any]]:
    """Random rows; `first` says which of them begin an episode."""
    generator = np.random.default_rng(seed)
    begins = np.array(first, np.bool_)
    rows: dict[str, NDArray[Any]] = {}
    for name, column in spec.columns.items():
        shape = (len(first), *column.shape)
        if column.dtype == "float32":
            rows[name] = generator.normal(size=shape).astype(np.float32)
        else:
            high = 2 if column.dtype == "bool" else 3
            rows[name] = generator.integers(0, high, shape).astype(column.dtype)
    for name in ("reward", "terminated", "truncated"):
        if name in rows:
            rows[name][begins] = 0
    return {**rows, "first": begins}


SPECS = {
    "discrete": DatasetSpec(
        (3, 33, 40),  # so large that Minari's default would make JPEG of it
        DiscreteColumn(3, ("a", "b", "c")),
        rewards=True,
        ends=True,
        facts={"map": Column((2, 3), "float32"), "room": Column((), "int16", ("x",))},
        frames_per_step=4,
    ),
    "continuous": DatasetSpec(
        (1, 5, 7), ContinuousColumn((-1.0, -np.inf), (1.0, 2.0)), rewards=True
    ),
    "no rewards": DatasetSpec((1, 5, 7), DiscreteColumn(3), ends=True),
    "vectors": DatasetSpec(
        (5, 4, 3),
        ContinuousColumn((-0.5, 0.0), (0.5, 3.0)),
        rewards=True,
        ends=True,
        facts={"step": Column((), "int64")},
        vector_size=3,
    ),
}
# episodes of one row at the beginning, in the middle, at the end; beginnings cut off
STREAMS = [
    [1, 0, 0, 1, 0, 1, 0, 0, 0, 1],
    [1, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1],
    [0, 0, 0, 1, 0, 0],
    [0, 1, 0],
    [1, 0],
]


@pytest.mark.parametrize("kind", SPECS)
def test_odd_streams_come_back_bit_for_bit(tmp_path: Path, kind: str) -> None:
    spec = SPECS[kind]
    streams = [by_hand(first, spec, i) for i, first in enumerate(STREAMS)]
    dataset = write(tmp_path / "hand", spec, streams)
    round_trip(dataset, tmp_path)


def test_what_minari_sees(tmp_path: Path) -> None:
    spec = SPECS["discrete"]
    rows = by_hand(STREAMS[0], spec, 3)
    dataset = write(tmp_path / "hand", spec, [rows])
    folder = tmp_path / "out"
    import_data(ImportConfig(str(dataset.path), to_minari=str(folder)), QUIET)
    theirs = minari.MinariDataset(folder / "data")
    assert (theirs.total_episodes, theirs.total_steps) == (3, 6)
    episode = theirs[1]
    assert episode.observations.shape == (2, 33, 40, 3)
    assert theirs.observation_space.contains(episode.observations[0])
    assert np.array_equal(episode.observations[1], rows["obs"][4].transpose(1, 2, 0))
    assert np.array_equal(theirs[2].actions, rows["action"][6:9])
    assert np.array_equal(theirs[2].rewards, rows["reward"][6:9])
    assert np.array_equal(theirs[0].terminations, rows["terminated"][1:3])
    assert np.array_equal(theirs[0].infos["facts"]["map"], rows["facts/map"][:3])


def foreign(
    name: str,
    observations: Any,
    first_action: int = 0,
    actions: Any = None,
    **others: Any,
) -> None:
    """A Minari data set made by Minari's own means."""
    from minari.data_collector import EpisodeBuffer

    steps = [3, 2]
    generator = np.random.default_rng(0)
    buffers = [
        EpisodeBuffer(
            observations=observations(num + 1),
            actions=generator.integers(0, 4, num) + first_action,
            rewards=generator.normal(size=num),
            terminations=np.arange(num) == num - 1,
            truncations=np.zeros(num, np.bool_),
            infos={
                "pose": {"x": np.arange(num + 1.0)},
                "late": np.arange(num),
                "text": ["a"] * (num + 1),
            },
        )
        for num in steps
    ]
    spec = DatasetSpec((1, 6, 5), DiscreteColumn(4))
    spaces = {
        "observation_space": obs_space(spec),
        "action_space": actions or action_space(spec),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Minari asks for authors and links
        minari.create_dataset_from_buffers(
            name, buffer=buffers, **(spaces | others), jpeg_encoding=False
        )


def test_a_foreign_minari_data_set(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (9, 6, 5, 1), dtype=np.uint8)
    foreign("theirs/grid-v0", lambda num: frames[:num])
    console = Console(record=True, width=200)
    dataset = import_data(ImportConfig("theirs/grid-v0", out=tmp_path / "d"), console)
    assert "Without a number for each row: late, text." in console.export_text()
    rows = everything(dataset)
    assert dataset.num_streams == 1
    assert rows["first"].tolist() == [True, False, False, False, True, False, False]
    assert rows["terminated"].tolist() == [*[False] * 3, True, False, False, True]
    assert rows["action"][[0, 4]].tolist() == [0, 0]
    theirs = minari.load_dataset("theirs/grid-v0")
    assert rows["action"][5:].tolist() == theirs[1].actions.tolist()
    assert np.array_equal(rows["reward"][1:4], theirs[0].rewards.astype(np.float32))
    assert np.array_equal(rows["obs"][:4], frames[:4].transpose(0, 3, 1, 2))
    assert rows["facts/pose.x"].tolist() == [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0]
    (traj,) = dataset.windows(6, 1)
    assert traj.valid[:, 0].tolist() == [True, True, True, False, True, True]
    plain = import_data(
        ImportConfig("theirs/grid-v0", out=tmp_path / "e", facts=False), QUIET
    )
    assert not plain.spec.facts
    with pytest.raises(DatasetError, match=r"frames alone as observations.*--obs out"):
        import_data(
            ImportConfig("theirs/grid-v0", out=tmp_path / "f", obs="image"), QUIET
        )


def test_vectors_lie_beside_the_images_for_other_programs(tmp_path: Path) -> None:
    spec = SPECS["vectors"]
    rows = by_hand([1, 0, 0, 0], spec, 7)
    dataset = write(tmp_path / "hand", spec, [rows])
    import_data(ImportConfig(str(dataset.path), to_minari="mine/dials-v0"), QUIET)
    (episode,) = minari.load_dataset("mine/dials-v0").iterate_episodes()
    assert set(episode.observations) == {"image", "vector"}
    assert np.array_equal(episode.observations["vector"], rows["vector"])
    images = rows["obs"].transpose(0, 2, 3, 1)
    assert np.array_equal(episode.observations["image"], images)
    assert "vector" not in episode.infos["rows"]
    small = ImportConfig("mine/dials-v0", out=tmp_path / "small", size=(2, 2))
    resized = import_data(small, QUIET)
    assert resized.spec.obs_shape == (5, 2, 2)
    assert np.array_equal(everything(resized)["vector"], rows["vector"])


def test_dictionaries_of_observations(tmp_path: Path) -> None:
    def observe(num: int) -> dict[str, NDArray[Any]]:
        image = np.full((num, 6, 5, 1), 7, np.uint8)
        return {"image": image, "direction": np.arange(num)}

    from minari.serialization import deserialize_space

    frame = obs_space(DatasetSpec((1, 6, 5)))
    turn = '{"type": "Discrete", "dtype": "int64", "start": 0, "n": 4}'
    space = deserialize_space('{"type": "Dict", "subspaces": {}}')
    space.spaces.update({"direction": deserialize_space(turn), "image": frame})
    foreign("theirs/dict-v0", observe, observation_space=space)
    dataset = import_data(ImportConfig("theirs/dict-v0", out=tmp_path / "d"), QUIET)
    rows = everything(dataset)
    assert (rows["obs"] == 7).all()
    assert rows["facts/direction"].tolist() == [0, 1, 2, 3, 0, 1, 2]
    with pytest.raises(DatasetError, match=r"direction, image\. Say which"):
        import_data(
            ImportConfig("theirs/dict-v0", out=tmp_path / "e", obs="depth"), QUIET
        )


def test_vectors_are_refused(tmp_path: Path) -> None:
    foreign("theirs/vector-v0", lambda num: np.zeros((num, 11)))
    with pytest.raises(DatasetError, match=r"vector-v0: frames are float64 \(11,\)"):
        import_data(ImportConfig("theirs/vector-v0", out=tmp_path / "d"), QUIET)
    assert not (tmp_path / "d").exists()


def test_actions_are_counted_from_zero(tmp_path: Path) -> None:
    """Wherever they begin: a policy of ours counts so."""
    from gymnasium.spaces import Discrete

    def frames(num: int) -> NDArray[np.uint8]:
        return np.zeros((num, 6, 5, 1), np.uint8)

    foreign("theirs/zero-v0", frames)
    foreign("theirs/three-v0", frames, first_action=3, actions=Discrete(4, start=3))
    out = StringIO()
    one, two = (
        import_data(
            ImportConfig(f"theirs/{x}-v0", out=tmp_path / x),
            Console(file=out, width=99),
        )
        for x in ("zero", "three")
    )
    assert one.spec.actions == two.spec.actions == DiscreteColumn(4)
    assert np.array_equal(everything(one)["action"], everything(two)["action"])
    assert out.getvalue().count("Actions begin at 3 there, and at 0 here.") == 1


def test_refusals(curious: Command, tmp_path: Path) -> None:
    done = curious("import", "nobody/nothing-v0", "--out", str(tmp_path / "x"))
    assert done.code == 1
    assert "nobody/nothing-v0 is no Minari data set of this machine, and" in done.err
    images = write(
        tmp_path / "images",
        DatasetSpec((1, 4, 4)),
        [{"obs": np.zeros((3, 1, 4, 4), np.uint8), "first": np.ones(3, np.bool_)}],
    )
    done = curious("import", str(images.path), "--to-minari", "mine/x-v0")
    assert done.code == 1
    assert "has no actions" in done.err
    spec = SPECS["no rewards"]
    lone = write(tmp_path / "lone", spec, [by_hand([1], spec, 0)])
    done = curious("import", str(lone.path), "--to-minari", "mine/x-v0")
    assert "nothing was done in stream 0" in done.err
    assert not list((tmp_path / "minari").rglob("*.hdf5"))
    some = write(tmp_path / "some", spec, [by_hand([1, 0], spec, 0)])
    assert curious("import", str(some.path), "--to-minari", "mine/x-v0").code == 0
    done = curious("import", str(some.path), "--to-minari", "mine/x-v0")
    assert "something at" in done.err


def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    spec = SPECS["discrete"]
    dataset = write(tmp_path / "hand", spec, [by_hand(STREAMS[0], spec, 3)])
    import_data(ImportConfig(str(dataset.path), to_minari="mine/cut-v0"), QUIET)
    file = tmp_path / "minari/mine/cut-v0/data/main_data.hdf5"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DatasetError, match=r"cut-v0.*damaged"):
        import_data(ImportConfig("mine/cut-v0", out=tmp_path / "x"), QUIET)
