"""Images and videos become rows that mean what their files meant."""

import subprocess
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ssl_objectives.refusal import ConfigError, DatasetError
from tests.experiments.conftest import Command
from tests.experiments.data.test_import_files import everything, picture, read
from world_models.data.dataset import open_dataset
from world_models.data.format import Column
from world_models.data.importers import images as importer

# images


def test_class_folders_become_labels(tmp_path: Path) -> None:
    files = ["dog/2.png", "dog/10.png", "cat/1.png"]
    made = {x: picture(tmp_path / "in" / x, (6, 5, 3), i) for i, x in enumerate(files)}
    dataset = read(tmp_path / "in", tmp_path / "out")
    rows = everything(dataset)
    assert dataset.spec.facts["label"] == Column((), "int64", ("cat", "dog"))
    assert rows["facts/label"].tolist() == [0, 1, 1]
    assert rows["first"].all()
    for i, name in enumerate(["cat/1.png", "dog/2.png", "dog/10.png"]):
        assert np.array_equal(rows["obs"][i], made[name].transpose(2, 0, 1))
    (batch,) = dataset.images(3, facts=("label",))
    assert batch.facts["label"].tolist() == [0 if x == 0 else 1 for x in batch.row]


def test_images_of_a_sequence_are_episodes(tmp_path: Path) -> None:
    for name in ("a/f-9.png", "a/f-10.png", "b/f-1.png"):
        picture(tmp_path / "in" / name, (6, 5), len(name))
    dataset = read(tmp_path / "in", tmp_path / "out", sequence=True)
    assert everything(dataset)["first"].tolist() == [True, False, True]
    assert not dataset.spec.facts
    assert dataset.spec.obs_shape == (1, 6, 5)


def test_an_episode_goes_on_from_block_to_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three images at once: episodes of 5, 1 and 3."""
    monkeypatch.setattr(importer, "_BLOCK", 3)
    for name, count in (("a", 5), ("b", 1), ("c", 3)):
        for i in range(count):
            picture(tmp_path / "in" / name / f"{i}.png", (6, 5))
    dataset = read(tmp_path / "in", tmp_path / "out", sequence=True)
    first = np.flatnonzero(everything(dataset)["first"])
    assert first.tolist() == [0, 5, 6]


def test_sizes_and_colours_are_converted_when_asked(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    halves = np.zeros((8, 12, 3), np.uint8)
    halves[:, 6:] = (255, 0, 0)
    Image.fromarray(halves).save(tmp_path / "in/a.png")
    picture(tmp_path / "in/b.png", (3, 3))
    dataset = read(tmp_path / "in", tmp_path / "out", size=(4, 2), gray=True)
    frame = everything(dataset)["obs"][0]
    assert frame.shape == (1, 4, 2)
    assert (frame[0, :, 0] == 0).all()
    assert (frame[0, :, 1] == 76).all()  # the luminance of red


def test_the_middle_is_cut_out_and_sixteen_bits_are_eight(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    wide = np.zeros((4, 12), np.uint8)
    wide[:, 4:8] = 90
    Image.fromarray(wide).save(tmp_path / "in/a.png")
    deep = np.full((2, 6), 60 * 256 + 7, np.uint16)
    Image.fromarray(deep).save(tmp_path / "in/b.png")
    with pytest.raises(DatasetError, match=r"b\.png has more .*\(--convert"):
        read(tmp_path / "in", tmp_path / "1", size=(2, 2))
    dataset = read(
        tmp_path / "in", tmp_path / "2", size=(2, 2), crop=True, convert=True
    )
    assert (everything(dataset)["obs"][0] == 90).all()
    assert (everything(dataset)["obs"][1] == 60).all()
    with pytest.raises(ConfigError, match="--crop needs a size"):
        read(tmp_path / "in", tmp_path / "3", crop=True)


def test_odd_images_are_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    picture(folder / "a.png", (6, 5))
    picture(folder / "b.png", (6, 7))
    with pytest.raises(
        DatasetError, match=r"b.png has 6 × 7 .*a.png has 6 × 5.*--size"
    ):
        read(folder, tmp_path / "1")
    assert not (tmp_path / "1").exists()  # nothing is in the way of a second try
    picture(folder / "b.png", (6, 5, 3))
    with pytest.raises(DatasetError, match=r"b.png is in colour.*--gray"):
        read(folder, tmp_path / "2")
    data = (folder / "a.png").read_bytes()
    (folder / "b.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"b.png is damaged"):
        read(folder, tmp_path / "3")
    assert not (tmp_path / "3").exists()
    (folder / "b.png").write_text("not at all")
    with pytest.raises(DatasetError, match=r"b.png is damaged or no image"):
        read(folder, tmp_path / "4")
    Image.fromarray(np.zeros((6, 5), np.uint16)).save(folder / "b.png")
    with pytest.raises(DatasetError, match=r"b.png has more than 8 bits"):
        read(folder, tmp_path / "5")


def test_what_is_left_out_or_changed_is_told(curious: Command, tmp_path: Path) -> None:
    for i, name in enumerate(("cat/1.png", "dog/1.png", "dog/.old/1.png")):
        picture(tmp_path / "in" / name, (6, 5, 4), i)
    arguments = ("import", str(tmp_path / "in"), "--out")
    done = curious(*arguments, str(tmp_path / "1"))
    assert done.code == 0, done.err
    assert "note: Left out, since hidden: 1 file (.old)." in done.out
    assert "note: Transparent parts are white now, in 2 images." in done.out
    picture(tmp_path / "in/stray.png", (6, 5, 3))
    done = curious(*arguments, str(tmp_path / "2"))
    assert done.code == 1
    assert "stray.png lies beside the folder cat" in done.err
    assert "--no-facts" in done.err
    done = curious(*arguments, str(tmp_path / "2"), "--no-facts")
    assert done.code == 0, done.err
    dataset = open_dataset(tmp_path / "2")
    assert (dataset.num_rows, dict(dataset.spec.facts)) == (3, {})
    done = curious("import", str(tmp_path / "in/dog/.old"), "--out", f"{tmp_path}/3")
    assert (done.code, "1 row in 1 stream" in done.out) == (0, True)


# videos


def video(path: Path, frames: int, options: str = "-c:v ffv1") -> NDArray[np.uint8]:
    """Lossless; frame i has brightness 9 i."""
    path.parent.mkdir(exist_ok=True, parents=True)
    pixels = np.zeros((frames, 16, 24, 3), np.uint8)
    pixels += (9 * np.arange(frames, dtype=np.uint8))[:, None, None, None]
    raw = "-y -v error -f rawvideo -pix_fmt rgb24 -s 24x16 -r 10 -i -"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), *raw.split(), *options.split()]
    subprocess.run([*command, str(path)], input=pixels.tobytes(), check=True)
    return pixels


def test_videos_are_episodes(tmp_path: Path) -> None:
    one = video(tmp_path / "in/clip-2.mkv", 7, "-c:v ffv1 -pix_fmt gbrp")
    two = video(tmp_path / "in/clip-10.mkv", 5, "-c:v ffv1 -pix_fmt gbrp")
    dataset = read(tmp_path / "in", tmp_path / "out")
    rows = everything(dataset)
    wanted = np.concatenate([one, two]).transpose(0, 3, 1, 2)
    assert np.array_equal(rows["obs"], wanted)
    assert np.flatnonzero(rows["first"]).tolist() == [0, 7]
    assert dataset.spec.actions is None
    third = read(tmp_path / "in", tmp_path / "3rd", every=3, gray=True, size=(8, 12))
    rows = everything(third)
    assert rows["obs"][:, 0, 0, 0].tolist() == [0, 27, 54, 0, 27]
    assert np.flatnonzero(rows["first"]).tolist() == [0, 3]
    assert third.spec.obs_shape == (1, 8, 12)


def test_damaged_videos_are_refused(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", 60, "-c:v libx264 -g 5 -pix_fmt yuv420p")
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.mp4").write_text("hello")
    for name in ("cut", "text"):
        with pytest.raises(DatasetError, match=rf"{name}.mp4 is damaged, cut off"):
            read(tmp_path / f"{name}.mp4", tmp_path / "out")
    video(tmp_path / "b.mkv", 60)
    data = (tmp_path / "b.mkv").read_bytes()
    middle = len(data) // 2
    broken = data[:middle] + bytes(64) + data[middle + 64 :]
    (tmp_path / "b.mkv").write_bytes(broken)
    with pytest.raises(DatasetError, match=r"b.mkv is damaged.*after \d+ frames"):
        read(tmp_path / "b.mkv", tmp_path / "broken")
