"""Arrays become rows that mean what their files meant."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from experiments.data.config import ImportConfig
from experiments.data.importing import import_data
from ssl_objectives.refusal import ConfigError, DatasetError
from tests.experiments.conftest import Command
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import ContinuousColumn, DiscreteColumn
from world_models.data.importers.arrays.layout import Layout

QUIET = Console(quiet=True)
GENERATOR = np.random.default_rng(0)


def read(source: Path, out: Path, **options: Any) -> Dataset:
    return import_data(ImportConfig(str(source), out=out, **options), QUIET)


def everything(dataset: Dataset) -> dict[str, NDArray[Any]]:
    blocks = [block for _, block in dataset.reader.blocks()]
    return {k: np.concatenate([x[k] for x in blocks]) for k in blocks[0]}


def picture(path: Path, shape: tuple[int, ...], seed: int = 0) -> NDArray[np.uint8]:
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


FRAMES = GENERATOR.integers(0, 256, (7, 6, 5, 3), dtype=np.uint8)
ACTION = np.array([2, 0, 1, 1, 3, 0, 2])
REWARD = np.array([0, 1, 2, 3, 0, 5, 6], np.float32)


def npz(path: Path, **arrays: NDArray[Any]) -> Path:
    np.savez_compressed(path, allow_pickle=True, **arrays)
    return path


def test_rows_as_dreamer_writes_them(tmp_path: Path) -> None:
    first = np.array([1, 0, 0, 0, 1, 0, 0], np.bool_)
    last = np.array([0, 0, 0, 1, 0, 0, 1], np.bool_)
    terminal = np.array([0, 0, 0, 1, 0, 0, 0], np.bool_)
    source = npz(
        tmp_path / "a.npz",
        image=FRAMES,
        action=ACTION,
        reward=REWARD,
        is_first=first,
        is_last=last,
        is_terminal=terminal,
        discount=1 - terminal.astype(np.float32),
    )
    dataset = read(source, tmp_path / "out")
    rows = everything(dataset)
    assert np.array_equal(rows["obs"], FRAMES.transpose(0, 3, 1, 2))
    assert np.array_equal(rows["action"], ACTION)
    assert np.array_equal(rows["reward"], REWARD)
    assert np.array_equal(rows["first"], first)
    assert np.array_equal(rows["terminated"], terminal)
    assert np.flatnonzero(rows["truncated"]).tolist() == [6]
    assert rows["facts/discount"].tolist() == [1, 1, 1, 0, 1, 1, 1]
    assert dataset.spec.actions == DiscreteColumn(4)


def test_one_frame_more_than_actions_is_an_episode(tmp_path: Path) -> None:
    for i in range(2):
        npz(
            tmp_path / f"e-{9 + i}.npz",
            obs=FRAMES[..., 0] + np.uint8(i),
            actions=ACTION[1:, None] / np.float32(4),
            rewards=REWARD[1:],
            dones=np.arange(6) == 5,
        )
    dataset = read(tmp_path, tmp_path / "out")
    rows = everything(dataset)
    assert np.array_equal(rows["obs"][7:, 0], FRAMES[..., 0] + np.uint8(1))
    assert np.flatnonzero(rows["first"]).tolist() == [0, 7]
    assert np.flatnonzero(rows["terminated"]).tolist() == [6, 13]
    assert rows["action"][:, 0].tolist() == [0, *(ACTION[1:] / 4)] * 2
    assert isinstance(dataset.spec.actions, ContinuousColumn)


D4RL = {
    "observations": FRAMES,
    "actions": ACTION,
    "rewards": REWARD,
    "terminals": np.array([0, 0, 1, 0, 0, 0, 0], np.bool_),
    "timeouts": np.array([0, 0, 0, 0, 1, 0, 0], np.bool_),
}


def check_transitions(dataset: Dataset, behind: NDArray[np.uint8]) -> None:
    """Frames 0 1 2 (2), 3 4 (4), 5 6 (6); (i) is the frame behind action i."""
    rows = everything(dataset)
    frames = [0, 1, 2, -2, 3, 4, -4, 5, 6, -6]
    for i, x in enumerate(frames):
        wanted = behind[-x] if x < 0 else FRAMES[x]
        assert np.array_equal(rows["obs"][i], wanted.transpose(2, 0, 1)), i
    assert np.flatnonzero(rows["first"]).tolist() == [0, 4, 7]
    led = [None, 0, 1, 2, None, 3, 4, None, 5, 6]
    for i, k in enumerate(led):
        assert rows["action"][i] == (0 if k is None else ACTION[k]), i
        assert rows["reward"][i] == (0 if k is None else REWARD[k]), i
    assert np.flatnonzero(rows["terminated"]).tolist() == [3]
    assert np.flatnonzero(rows["truncated"]).tolist() == [6]


def test_transitions_with_the_frames_behind_them(tmp_path: Path) -> None:
    behind = GENERATOR.integers(0, 256, FRAMES.shape, dtype=np.uint8)
    source = npz(tmp_path / "a.npz", **D4RL, next_observations=behind)
    check_transitions(read(source, tmp_path / "out"), behind)


def test_transitions_without_the_frames_behind_them(tmp_path: Path) -> None:
    source = npz(tmp_path / "a.npz", **D4RL)
    with pytest.raises(DatasetError, match=r"of its 2 episodes are unknown.*--drop-f"):
        read(source, tmp_path / "out")
    console = Console(record=True, width=200)
    config = ImportConfig(str(source), out=tmp_path / "out", drop_final=True)
    dataset = import_data(config, console)
    assert "2 transitions are left out" in console.export_text()
    rows = everything(dataset)
    assert dataset.num_rows == 7
    assert np.flatnonzero(rows["first"]).tolist() == [0, 3, 5]
    assert rows["action"].tolist() == [0, 2, 0, 0, 1, 0, 0]
    assert rows["reward"].tolist() == [0, 0, 1, 0, 3, 0, 5]


def test_hdf5_with_groups_and_infos(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    behind = GENERATOR.integers(0, 256, FRAMES.shape, dtype=np.uint8)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        for name, array in {**D4RL, "next_observations": behind}.items():
            file.create_dataset(name, data=array)
        file.create_dataset("metadata/algorithm", data=b"sac")
        file.create_dataset("infos/qpos", data=np.zeros((7, 2)))
    check_transitions(read(tmp_path / "a.hdf5", tmp_path / "out"), behind)
    with h5py.File(tmp_path / "b.hdf5", "w") as file:
        for i in (2, 10):
            demo = file.create_group(f"data/demo_{i}")
            demo.create_dataset("obs/view", data=FRAMES + np.uint8(i))
            demo.create_dataset("obs/joints", data=np.full((7, 2), i, np.float32))
            demo.create_dataset("actions", data=ACTION)
            demo.create_dataset("is_first", data=np.arange(7) == 0)
    dataset = read(tmp_path / "b.hdf5", tmp_path / "b", obs="obs/view")
    rows = everything(dataset)
    assert np.array_equal(
        rows["obs"][7:], (FRAMES + np.uint8(10)).transpose(0, 3, 1, 2)
    )
    assert rows["facts/obs.joints"][:, 0].tolist() == [2.0] * 7 + [10.0] * 7
    assert np.flatnonzero(rows["first"]).tolist() == [0, 7]
    data = (tmp_path / "a.hdf5").read_bytes()
    (tmp_path / "a.hdf5").write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"a.hdf5 is cut off or no HDF5"):
        read(tmp_path / "a.hdf5", tmp_path / "cut")


def robomimic(path: Path, *, behind: bool) -> Path:
    """Two demonstrations as robomimic lays them out, of 7 steps each."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for i in range(2):
            demo = file.create_group(f"data/demo_{i}")
            demo.create_dataset("actions", data=np.full((7, 2), 0.5 + i))
            demo.create_dataset("rewards", data=REWARD)
            demo.create_dataset("dones", data=np.arange(7) == 6)
            for name in ("obs", "next_obs") if behind else ("obs",):
                frames = FRAMES + np.uint8(i + 9 * (name == "next_obs"))
                demo.create_dataset(f"{name}/agentview_image", data=frames)
                eef = np.full((7, 3), i, np.float32)
                demo.create_dataset(f"{name}/robot0_eef_pos", data=eef)
        file.create_dataset("mask/train", data=np.array([b"demo_0"]))
    return path


def test_short_names_of_hdf5_mean_the_same_as_long_ones(tmp_path: Path) -> None:
    source = robomimic(tmp_path / "a.hdf5", behind=True)
    with pytest.raises(DatasetError, match=r"It has obs/agentview_image\. Give --obs"):
        read(source, tmp_path / "none")
    console = Console(record=True, width=200)
    found = []
    for i, name in enumerate(("agentview_image", "obs/agentview_image")):
        config = ImportConfig(str(source), out=tmp_path / f"{i}", obs=name)
        found.append(everything(import_data(config, console)))
    for rows in found:
        assert np.flatnonzero(rows["first"]).tolist() == [0, 8]
        assert rows["action"][:, 0].tolist() == [0, *[0.5] * 7, 0, *[1.5] * 7]
        assert rows["reward"][1:8].tolist() == REWARD.tolist()
        assert np.flatnonzero(rows["terminated"]).tolist() == [7, 15]
        final = (FRAMES[6] + np.uint8(9)).transpose(2, 0, 1)
        assert np.array_equal(rows["obs"][7], final)
        assert np.array_equal(rows["obs"][8:15, 0], FRAMES[..., 0] + np.uint8(1))
    said = console.export_text()
    assert said.count("not lie with the frames: 1 arrays (mask/train).") == 2
    assert said.count("arrays (next_obs/robot0_eef_pos, obs/robot0_eef_pos).") == 2
    assert "actions of 2 real numbers, reward" in said


def test_one_demonstration_leaves_the_others_out(tmp_path: Path) -> None:
    source = robomimic(tmp_path / "a.hdf5", behind=False)
    console = Console(record=True, width=200)
    name = "data/demo_1/obs/agentview_image"
    config = ImportConfig(
        *(str(source), tmp_path / "out"),
        obs=name,
        layout=Layout.TRANSITIONS,
        drop_final=True,
    )
    dataset = import_data(config, console)
    assert {*dataset.spec.facts} == {"obs.robot0_eef_pos"}
    assert (everything(dataset)["facts/obs.robot0_eef_pos"] == 1).all()
    assert everything(dataset)["action"][1:, 0].tolist() == [1.5] * 6
    said = console.export_text()
    assert "6 arrays (data/demo_0/actions, data/demo_0/dones" in said


def test_frames_that_share_their_actions_are_told_apart(tmp_path: Path) -> None:
    views = {"left/view": FRAMES, "right/view": FRAMES + np.uint8(1)}
    source = npz(tmp_path / "a.npz", **views, action=ACTION[1:])
    with pytest.raises(DatasetError, match=r"beside one action: left/view, right/view"):
        read(source, tmp_path / "both", obs="view")
    dataset = read(source, tmp_path / "out", obs="right/view")
    rows = everything(dataset)
    assert np.array_equal(rows["obs"], (FRAMES + np.uint8(1)).transpose(0, 3, 1, 2))
    assert rows["action"][1:].tolist() == ACTION[1:].tolist()
    summary = npz(tmp_path / "c.npz", **views, reward=np.ones(2))  # of two episodes
    rows = everything(read(summary, tmp_path / "two", obs="view"))
    assert np.flatnonzero(rows["first"]).tolist() == [0, 7]
    alone = npz(tmp_path / "b.npz", **views)
    dataset = read(alone, tmp_path / "alone", obs="right/view")
    assert not dataset.spec.facts


def test_frames_in_a_folder_of_usual_names_keep_their_actions(tmp_path: Path) -> None:
    source = npz(
        tmp_path / "a.npz", **{"observations/image": FRAMES}, action=ACTION[1:]
    )
    rows = everything(read(source, tmp_path / "out"))
    assert rows["action"][1:].tolist() == ACTION[1:].tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"obs": FRAMES, "action": np.floor(ACTION[1:, None] / 2.0)},
            "note: Actions are whole numbers saved as real ones, and are amounts now.",
        ),
        (
            {"obs": np.zeros((11, 3, 16, 3), np.uint8)},
            "note: Frames (3, 16, 3) are read as [H, W, C].",
        ),
        ({"obs": FRAMES, "action": ACTION[1:]}, "and 4 discrete actions"),
        (
            {"obs": FRAMES, "action": ACTION, "next_obs": FRAMES, "first": ACTION < 9},
            "Left out, as only --layout transitions reads it: 1 arrays (next_obs).",
        ),
    ],
)
def test_what_arrays_became_is_told(
    tmp_path: Path, arrays: Mapping[str, NDArray[Any]], message: str
) -> None:
    console = Console(record=True, width=200)
    source = npz(tmp_path / "a.npz", **arrays)
    import_data(ImportConfig(str(source), out=tmp_path / "out"), console)
    assert message in console.export_text()


def test_ordinary_arrays_need_no_notes(tmp_path: Path) -> None:
    console = Console(record=True, width=200)
    action = ACTION[1:, None] / np.float32(4)
    source = npz(tmp_path / "a.npz", obs=FRAMES, action=action)
    import_data(ImportConfig(str(source), out=tmp_path / "out"), console)
    assert "note" not in console.export_text()


def test_images_with_labels_in_one_file(tmp_path: Path) -> None:
    source = npz(tmp_path / "a.npz", images=FRAMES[..., :1], labels=ACTION)
    dataset = read(source, tmp_path / "out")
    rows = everything(dataset)
    assert rows["first"].all()
    assert rows["facts/label"].tolist() == ACTION.tolist()
    assert dataset.spec.obs_shape == (1, 6, 5)
    as_video = read(source, tmp_path / "seq", layout=Layout.SEQUENCE)
    assert everything(as_video)["first"].tolist() == [True] + [False] * 6


END = np.array([0, 0, 1, 0, 1, 0, 0], np.bool_)  # two ends; the second is a time limit
LIMIT = np.array([0, 0, 0, 0, 1, 0, 0], np.bool_)


@pytest.mark.parametrize(
    "ends",
    [
        {"dones": END, "timeouts": LIMIT},
        {"dones": END & ~LIMIT, "timeouts": LIMIT},
        {"terminals": END & ~LIMIT, "done": END},
        {"terminals": END & ~LIMIT, "timeouts": LIMIT, "dones": END},
        {"is_terminal": END & ~LIMIT, "is_last": END},
    ],
)
def test_an_end_is_a_termination_or_a_time_limit(
    tmp_path: Path, ends: dict[str, NDArray[np.bool_]]
) -> None:
    shifted = {k: np.roll(x, 1) for k, x in ends.items()}
    first = np.array([1, 0, 0, 0, 1, 0, 1], np.bool_)
    source = npz(tmp_path / "a.npz", obs=FRAMES, action=ACTION, first=first, **shifted)
    rows = everything(read(source, tmp_path / "out"))
    assert np.flatnonzero(rows["terminated"]).tolist() == [3]
    assert np.flatnonzero(rows["truncated"]).tolist() == [5]


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    behind = GENERATOR.integers(0, 256, FRAMES.shape, dtype=np.uint8)
    extra = {"speed": REWARD, "comment": np.array(["by hand"]), "goal": np.zeros(2)}
    console = Console(record=True, width=200)
    for name, arrays in {
        "plain": {"obs": FRAMES},
        "pairs": {**D4RL, "next_observations": behind},
    }.items():
        source = npz(tmp_path / f"{name}.npz", **arrays, **extra)
        import_data(ImportConfig(str(source), out=tmp_path / name), console)
    said = console.export_text()
    assert "Left out, without a number for each row: 2 arrays (comment, goal)." in said
    assert "row: 3 arrays (comment, goal, speed)." in said


def test_labels_can_be_left_out(tmp_path: Path) -> None:
    source = npz(tmp_path / "a.npz", images=FRAMES, labels=np.array(["cat"] * 7))
    rows = everything(read(source, tmp_path / "out", facts=False))
    assert rows["first"].all()


@pytest.mark.parametrize("most", [(3, 5), (5, 3)])
def test_actions_are_as_many_as_any_of_the_files_has(
    tmp_path: Path, most: tuple[int, int]
) -> None:
    (tmp_path / "in").mkdir()
    for i, n in enumerate(most):
        action = np.minimum(np.arange(6), n - 1)
        npz(tmp_path / "in" / f"{i}.npz", obs=FRAMES, action=action)
    dataset = read(tmp_path / "in", tmp_path / "out")
    assert dataset.spec.actions == DiscreteColumn(5)


def test_long_files_are_read_in_pieces(tmp_path: Path) -> None:
    frames = GENERATOR.integers(0, 256, (1_300, 4, 5), dtype=np.uint8)
    source = npz(tmp_path / "a.npz", obs=frames, mean=frames.mean((1, 2)))
    rows = everything(read(source, tmp_path / "out"))
    assert np.array_equal(rows["obs"][:, 0], frames)
    assert np.array_equal(rows["facts/mean"], frames.mean((1, 2)))


BAD: dict[str, tuple[Mapping[str, Any], dict[str, Any], str]] = {
    "no frames": ({"x": ACTION}, {}, r"has no frames.*It has x\. None of it is pi"),
    "floats": ({"obs": FRAMES / 255.0}, {}, r"frames are float64 \(6, 5, 3\)"),
    "stacks": ({"obs": np.zeros((3, 9, 9, 4), np.uint8)}, {}, "stacks of frames"),
    "lengths": ({"obs": FRAMES, "action": ACTION[:3]}, {}, "7 frames and 3 actions"),
    "unclear": ({"obs": FRAMES, "action": ACTION}, {}, "--layout rows"),
    "ends": (
        {"obs": FRAMES, "action": ACTION, "terminals": ACTION[:2] > 9},
        {},
        "terminals has 2 rows",
    ),
    "rewards": (
        {"obs": FRAMES, "action": ACTION, "reward": REWARD + 1},
        {"layout": Layout.ROWS},
        "first frame of an episode has reward",
    ),
    "halves": (
        {"obs": FRAMES, "action": ACTION, "terminals": REWARD / 2},
        {},
        "terminated has other values",
    ),
    "one picture": ({"image": FRAMES[0]}, {}, r"would have 5 × 3 pixels .* x\[None\]"),
    "from -1": (
        {"obs": FRAMES, "action": ACTION - 1, "first": ACTION > 1},
        {},
        r"actions are whole numbers from -1 to 2.*actions - actions.min\(\)",
    ),
    "text": (
        {"images": FRAMES, "labels": np.array([*"abcabca"])},
        {},
        r"labels is <U1 \(7,\).*numpy.unique.*--no-facts",
    ),
    "few labels": (
        {"images": FRAMES, "label": ACTION[:6]},
        {},
        r"label is int64 \(6,\).*one for each of the 7 frames",
    ),
    "unlabelled": (
        {"images": FRAMES, "labels": ACTION - 1},
        {},
        r"labels is -1 at lowest, and below 0 for 2 of 7 frames.*--no-facts",
    ),
    "real labels": (
        {"images": FRAMES, "labels": np.where(ACTION == 1, np.nan, ACTION)},
        {},
        r"labels is float64 \(7,\) \(2 of them are no numbers\)",
    ),
    "one-hot": (
        {"images": FRAMES, "labels": np.eye(4, dtype=np.int64)[ACTION]},
        {},
        r"labels is int64 \(7, 4\).*x\.argmax\(1\)",
    ),
    "absurd": (
        {"obs": FRAMES, "actions": np.array([0, 1, 10**12, 0, 0, 1])},
        {},
        r"actions is 1,000,000,000,000 in row 2.*1,000,000,000,001 d.*--num-actions",
    ),
    "batch": (
        {"images": np.zeros((4, 11, 6, 6, 3), np.uint8), "actions": np.zeros((4, 10))},
        {},
        r"images has 5 axes.*a batch of 4 episodes\. Save each",
    ),
    "nothing done": (
        {"obs": FRAMES, "acts": ACTION},
        {"layout": Layout.TRANSITIONS},
        r"--layout transitions says.*none beside obs\. It has acts, obs",
    ),
    "other ends": (
        {
            **{"obs": FRAMES, "action": ACTION, "terminals": END & ~LIMIT},
            **{"timeouts": END & False, "dones": END},
        },
        {},
        "neither terminated nor were truncated",
    ),
    "pickle": ({"obs": np.array([None, {}], object)}, {}, "pickled objects"),
    "too many": (
        {"obs": FRAMES, "action": ACTION, "first": ACTION > 1},
        {"num_actions": 2, "layout": Layout.ROWS},
        "at least 4",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_arrays_that_make_no_rows(tmp_path: Path, case: str) -> None:
    arrays, options, message = BAD[case]
    source = npz(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DatasetError, match=message) as told:
        read(source, tmp_path / "out", **options)
    if case != "too many":
        assert "bad.npz" in str(told.value)
    assert not (tmp_path / "out").exists()


def test_damaged_archives(tmp_path: Path) -> None:
    frames = GENERATOR.integers(0, 256, (200, 9, 9), dtype=np.uint8)
    source = npz(tmp_path / "a.npz", obs=frames)
    data = bytearray(source.read_bytes())
    source.write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"a.npz is cut off or no npz"):
        read(source, tmp_path / "1")
    data[len(data) // 2] ^= 255
    source.write_bytes(data)
    with pytest.raises(DatasetError, match=r"a.npz: obs is damaged"):
        read(source, tmp_path / "2")


def test_files_of_different_kinds(tmp_path: Path, curious: Command) -> None:
    npz(tmp_path / "in-1.npz", obs=FRAMES)
    npz(tmp_path / "in-2.npz", obs=FRAMES[:, :, :4])
    with pytest.raises(DatasetError, match=r"in-2.npz has other rows than the files"):
        read(tmp_path, tmp_path / "out")
    picture(tmp_path / "a.png", (4, 4))
    done = curious("import", str(tmp_path), "--out", str(tmp_path / "out"))
    assert done.code == 1
    assert "2 npz files and 1 images. Import one kind at a time" in done.err
    (tmp_path / "empty").mkdir()
    done = curious("import", str(tmp_path / "empty"), "--out", str(tmp_path / "out"))
    assert "nothing that can be imported" in done.err
    done = curious("import", str(tmp_path / "gone.mp4"), "--out", "x")
    assert "There is nothing at" in done.err


def test_names_in_capitals_are_read_as_what_they_are(tmp_path: Path) -> None:
    source = npz(tmp_path / "lower.npz", obs=FRAMES)
    lower = everything(read(source, tmp_path / "1"))
    source.rename(tmp_path / "UPPER.NPZ")
    upper = everything(read(tmp_path / "UPPER.NPZ", tmp_path / "2"))
    assert np.array_equal(upper["obs"], lower["obs"])


def test_a_mistyped_path_is_no_data_set_to_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "data" / "pictures" / "a.png", (4, 4))
    meant = f"There is nothing at {{}}. Did you mean {Path('data/pictures')}?"
    for wrong in ("data/pictuers", "daat/pictures"):
        with pytest.raises(DatasetError) as error:
            read(Path(wrong), tmp_path / "out")
        assert meant.format(wrong) in str(error.value)
        assert "download" not in str(error.value)


def test_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "in" / "pictures.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(b"")
    for wrong in (archive, archive.parent):
        with pytest.raises(DatasetError, match=r"archive: unpack"):
            read(wrong, tmp_path / "out")


def test_the_command_imports_verifies_and_explains(
    curious: Command, tmp_path: Path
) -> None:
    source = npz(tmp_path / "a.npz", obs=FRAMES)
    out = str(tmp_path / "out")
    done = curious(
        *("import", str(source), "--out", out, "--size", "4", "3", "--gray"),
        *("--license", "CC-BY"),
    )
    assert done.code == 0, done.err
    assert "7 rows in 1 stream, 1 episode" in done.out
    dataset = open_dataset(out)
    assert dataset.spec.obs_shape == (1, 4, 3)
    assert dataset.source["license"] == "CC-BY"
    done = curious("import", out, "--verify")
    assert (done.code, "All checksums are right" in done.out) == (0, True)
    again = curious("import", out, "--out", str(tmp_path / "two"), "--size", "2", "2")
    assert again.code == 0
    assert open_dataset(tmp_path / "two").spec.obs_shape == (1, 2, 2)
    file = tmp_path / "out" / "shard-00000" / "obs.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    done = curious("import", out, "--verify")
    assert done.code == 1
    assert "obs.npy is damaged" in done.err
    done = curious("import", "--help")
    assert done.code == 0
    assert "examples:" in done.out
    done = curious("import", str(source))
    assert "Give --out FOLDER" in done.err
    for words in (("--out", ""), ("--out=",)):
        done = curious("import", str(source), *words)
        assert "--out is empty. Name a folder." in done.err
    done = curious("import", str(source), "--out", str(source))
    assert f"{source} is a file. Choose another folder." in done.err
    with pytest.raises(ConfigError, match="--every must be at least 1"):
        ImportConfig("x", out=tmp_path, every=0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"reward": np.array(["a"] * 7)},
            "reward is <U1 (7,), where numbers are meant",
        ),
        ({"reward": REWARD.astype(complex)}, "reward is complex128"),
        ({"reward": np.full(7, 1e300)}, "reward has 1e+300, which is no finite number"),
        ({"reward": np.full(7, np.nan)}, "reward has nan, which is no finite number"),
        ({"action": np.full((7, 2), np.inf)}, "action has inf"),
        ({"action": np.zeros((7, 0))}, "action is float64 (7, 0)"),
        ({"first": np.arange(7) > 2}, "`first` is false of the very first frame"),
        (
            {"first": np.arange(7) == 0, "terminated": np.arange(7) == 3},
            "save the file without `first` and give --layout rows: then",
        ),
        (
            {"label": np.arange(7), "labels": np.arange(7)},
            "label and labels would both become the fact label",
        ),
        ({"ä": np.arange(7)}, "a fact cannot be named 'ä'"),
        ({"mine": np.zeros((7, 0))}, "the fact 'mine' has shape (0,)"),
        (
            {"terminals": np.arange(7) == 6, "next_obs": FRAMES[:6]},
            "they must be alike",
        ),
    ],
)
def test_arrays_that_mean_nothing_are_refused(
    tmp_path: Path, arrays: Mapping[str, NDArray[Any]], message: str
) -> None:
    given = {"obs": FRAMES, **arrays}
    if "action" in given:
        given["first"] = np.arange(7) == 0
    if "first" in given or "next_obs" in given:
        given.setdefault("action", ACTION * (np.arange(7) > 0))
    with pytest.raises(DatasetError) as refused:
        read(npz(tmp_path / "a.npz", **given), tmp_path / "out")
    assert message in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_numbers_of_another_machine_are_read(tmp_path: Path) -> None:
    facts = np.arange(7, dtype=">i4")
    source = npz(
        tmp_path / "a.npz", obs=FRAMES, mine=facts, reward=REWARD.astype(">f8")
    )
    with pytest.raises(DatasetError, match="give --layout transitions"):
        read(source, tmp_path / "first", layout=Layout.IMAGES)
    rows = everything(read(source, tmp_path / "out", layout=Layout.SEQUENCE))
    assert np.array_equal(rows["facts/mine"], facts)
    assert np.array_equal(rows["reward"], REWARD)


def test_frames_alone_have_no_actions(tmp_path: Path) -> None:
    source = npz(tmp_path / "a.npz", obs=FRAMES, action=ACTION)
    for layout in (Layout.SEQUENCE, Layout.IMAGES):
        with pytest.raises(DatasetError, match="which frame each action leads to"):
            read(source, tmp_path / "out", layout=layout)


def test_nothing_final_is_dropped_where_all_next_frames_are_known(
    tmp_path: Path,
) -> None:
    source = npz(tmp_path / "a.npz", obs=FRAMES)
    with pytest.raises(DatasetError, match="this is --layout sequence"):
        read(source, tmp_path / "out", layout=Layout.SEQUENCE, drop_final=True)


def test_one_number_is_no_column(tmp_path: Path) -> None:
    source = npz(tmp_path / "a.npz", obs=FRAMES, reward=np.array(1.0))
    rows = everything(read(source, tmp_path / "out"))
    assert "reward" not in rows


def test_an_episode_of_one_frame_is_one_row(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.int64)
    source = npz(tmp_path / "a.npz", obs=FRAMES[:1], action=nothing, reward=nothing)
    rows = everything(read(source, tmp_path / "out"))
    assert rows["reward"].tolist() == [0.0]
    assert rows["action"].tolist() == [0]
    nothing = np.zeros((0, 2), np.float32)
    source = npz(tmp_path / "b.npz", obs=FRAMES[:1], action=nothing)
    assert everything(read(source, tmp_path / "two"))["action"].tolist() == [[0, 0]]
