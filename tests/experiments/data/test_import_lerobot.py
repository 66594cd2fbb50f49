"""LeRobot data sets of both versions, small and in their true layouts."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ssl_objectives.refusal import DatasetError
from tests.experiments.conftest import Command
from tests.experiments.data.test_import_files import everything, read
from world_models.data.format import Column, ContinuousColumn, DiscreteColumn
from world_models.data.importers.lerobot.meta import read_meta

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

LENGTHS = (5, 3, 4)
TOP, SIDE = "observation.images.top", "observation.images.side"
FPS = 10
FILM = {"dtype": "video", "shape": [16, 24, 3]}


def frames(episode: int, camera: str = TOP) -> NDArray[np.uint8]:
    """Brightness says camera, episode and frame."""
    pixels = np.zeros((LENGTHS[episode], 16, 24, 3), np.uint8)
    shades = 60 * episode + 9 * np.arange(LENGTHS[episode]) + (camera == SIDE)
    return pixels + shades[:, None, None, None].astype(np.uint8)


def film(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Lossless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = f"-y -v error -f rawvideo -pix_fmt rgb24 -s 24x16 -r {FPS} -i -"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), *raw.split(), "-c:v", "libx264rgb"]
    subprocess.run(
        [*command, "-qp", "0", str(path)], input=pixels.tobytes(), check=True
    )


def png(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return {"bytes": data.getvalue(), "path": "frame.png"}


def numbers(episode: int) -> dict[str, list[Any]]:
    """What is in the table of an episode."""
    count, begin = LENGTHS[episode], sum(LENGTHS[:episode])
    steps = range(count)
    return {
        "observation.state": [[episode + 0.5, float(x)] for x in steps],
        "action": [[float(x), 10.0 * episode] for x in steps],
        "next.reward": [0.25 * x for x in steps],
        "next.done": [x == count - 1 for x in steps],
        "timestamp": [x / FPS for x in steps],
        "frame_index": list(steps),
        "episode_index": [episode] * count,
        "index": [begin + x for x in steps],
        "task_index": [episode % 2] * count,
    }


FEATURES: dict[str, Any] = {
    "observation.state": {"dtype": "float32", "shape": [2], "names": ["x", "y"]},
    "action": {"dtype": "float32", "shape": [2]},
    "next.reward": {"dtype": "float32", "shape": [1]},
    "next.done": {"dtype": "bool", "shape": [1]},
    "timestamp": {"dtype": "float32", "shape": [1]},
    **{
        x: {"dtype": "int64", "shape": [1]}
        for x in ("frame_index", "episode_index", "index", "task_index")
    },
}


def table(path: Path, columns: dict[str, list[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def info(root: Path, version: str, features: dict[str, Any], **more: Any) -> None:
    (root / "meta").mkdir(parents=True, exist_ok=True)
    told = {"codebase_version": version, "fps": FPS, "features": features, **more}
    (root / "meta" / "info.json").write_text(json.dumps(told))


def second(
    root: Path, cameras: tuple[str, ...] = (TOP,), version: str = "v2.1", **more: Any
) -> Path:
    """Version 2: a table and a video for each episode."""
    features = {**FEATURES, **{x: FILM for x in cameras}, **more}
    chunk = "chunk-{episode_chunk:03d}"
    info(
        root,
        version,
        features,
        chunks_size=2,
        data_path=f"data/{chunk}/episode_{{episode_index:06d}}.parquet",
        video_path=f"videos/{chunk}/{{video_key}}/episode_{{episode_index:06d}}.mp4",
    )
    lines = []
    for i, length in enumerate(LENGTHS):
        place = f"chunk-{i // 2:03d}"
        table(root / "data" / place / f"episode_{i:06d}.parquet", numbers(i))
        for x in cameras:
            film(root / "videos" / place / x / f"episode_{i:06d}.mp4", frames(i, x))
        lines.append(json.dumps({"episode_index": i, "tasks": [], "length": length}))
    (root / "meta" / "episodes.jsonl").write_text("\n".join(lines) + "\n")
    return root


def third(root: Path, cameras: tuple[str, ...] = (TOP,)) -> Path:
    """Version 3: two episodes in the first files, one in the second."""
    info(
        root,
        "v3.0",
        {**FEATURES, **{x: FILM for x in cameras}},
        data_path="data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        video_path="videos/{video_key}/chunk-{chunk_index:03d}/"
        "file-{file_index:03d}.mp4",
    )
    told: dict[str, list[Any]] = {
        "episode_index": [0, 1, 2],
        "length": list(LENGTHS),
        "tasks": [["a"]] * 3,
        "data/chunk_index": [0] * 3,
        "data/file_index": [0, 0, 1],
    }
    for x in cameras:
        told[f"videos/{x}/chunk_index"] = [0] * 3
        told[f"videos/{x}/file_index"] = [0, 0, 1]
        told[f"videos/{x}/from_timestamp"] = [0.0, LENGTHS[0] / FPS, 0.0]
    table(root / "meta" / "episodes" / "chunk-000" / "file-000.parquet", told)
    for i, episodes in enumerate(((0, 1), (2,))):
        each = [numbers(x) for x in episodes]
        whole = {k: [y for x in each for y in x[k]] for k in each[0]}
        table(root / "data" / "chunk-000" / f"file-{i:03d}.parquet", whole)
        for x in cameras:
            pixels = np.concatenate([frames(y, x) for y in episodes])
            film(root / "videos" / x / "chunk-000" / f"file-{i:03d}.mp4", pixels)
    return root


@pytest.mark.parametrize("make", [second, third])
def test_rows_are_frames_and_what_led_to_them(tmp_path: Path, make: Any) -> None:
    dataset = read(make(tmp_path / "in"), tmp_path / "out")
    rows = everything(dataset)
    wanted = np.concatenate([frames(x) for x in range(3)]).transpose(0, 3, 1, 2)
    assert np.array_equal(rows["obs"], wanted)
    assert np.flatnonzero(rows["first"]).tolist() == [0, 5, 8]
    spec = dataset.spec
    assert isinstance(spec.actions, ContinuousColumn)
    begin = 0
    for i, length in enumerate(LENGTHS):
        there = numbers(i)
        part = slice(begin + 1, begin + length)
        assert rows["action"][part].tolist() == there["action"][:-1]
        assert rows["reward"][part].tolist() == there["next.reward"][:-1]
        assert not rows["action"][begin].any()
        assert not rows["reward"][begin]
        begin += length
    states = [y for x in range(3) for y in numbers(x)["observation.state"]]
    assert rows["facts/observation.state"].tolist() == states
    assert rows["facts/task_index"].tolist() == [0] * 5 + [1] * 3 + [0] * 4
    assert spec.facts == {
        "observation.state": Column((2,), "float32"),
        "task_index": Column((), "int64"),
    }
    assert not spec.ends


def test_episodes_begin_at_the_frame_nearest_to_their_time(tmp_path: Path) -> None:
    """A time in seconds times frames a second is often a little less than a number."""
    root, fps = third(tmp_path / "in"), 100
    begins = [0, 29, 57]
    assert [int(x / fps * fps) for x in begins] == [0, 28, 56]
    held = root / "meta" / "info.json"
    held.write_text(json.dumps(json.loads(held.read_text()) | {"fps": fps}))
    place = root / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    told = pq.read_table(place).to_pydict()
    told[f"videos/{TOP}/from_timestamp"] = [x / fps for x in begins]
    table(place, told)
    assert [x.films[TOP].begin for x in read_meta(root).episodes] == begins


@pytest.mark.parametrize("make", [second, third])
def test_one_of_several_cameras(tmp_path: Path, curious: Command, make: Any) -> None:
    root = make(tmp_path / "in", (TOP, SIDE))
    with pytest.raises(DatasetError, match=rf"{TOP}, {SIDE}\. Say which.*--obs NAME"):
        read(root, tmp_path / "1")
    with pytest.raises(DatasetError, match=r"no camera 'tip'"):
        read(root, tmp_path / "1", obs="tip")
    dataset = read(root, tmp_path / "1", obs="side", size=(8, 12), facts=False)
    wanted = np.concatenate([frames(x, SIDE)[:, 0, 0, 0] for x in range(3)])
    assert np.array_equal(everything(dataset)["obs"][:, 0, 0, 0], wanted)
    assert dataset.spec.obs_shape == (3, 8, 12)
    assert not dataset.spec.facts
    done = curious(
        *("import", str(root), "--obs", TOP, "--out", str(tmp_path / "2")),
    )
    assert done.code == 0, done.err
    assert "The last action of each of 3 episodes" in done.out
    assert f"Other cameras: {SIDE}" in done.out
    done = curious("import", str(root), "--every", "2", "--out", str(tmp_path / "3"))
    assert "--every has no meaning for a LeRobot data set" in done.err


def test_images_in_tables_and_whole_numbers(tmp_path: Path) -> None:
    image = {"dtype": "image", "shape": [16, 24, 3]}
    root = second(
        tmp_path / "in",
        (),
        "v2.0",
        **{
            TOP: image,
            "action": {"dtype": "int64", "shape": [1]},
            "note": {"dtype": "string", "shape": [1]},
        },
    )
    for i, length in enumerate(LENGTHS):
        held = numbers(i) | {
            TOP: [png(x) for x in frames(i)],
            "action": [[(x + i) % 4] for x in range(length)],
            "note": ["well done"] * length,
        }
        place = root / "data" / f"chunk-{i // 2:03d}" / f"episode_{i:06d}.parquet"
        table(place, held)
    dataset = read(root, tmp_path / "out")
    rows = everything(dataset)
    wanted = np.concatenate([frames(x) for x in range(3)]).transpose(0, 3, 1, 2)
    assert np.array_equal(rows["obs"], wanted)
    assert dataset.spec.actions == DiscreteColumn(4)
    assert rows["action"].tolist() == [0, 0, 1, 2, 3, 0, 1, 2, 0, 2, 3, 0]
    held[TOP][1] = {"bytes": b"no image", "path": None}
    table(place, held)
    with pytest.raises(DatasetError, match=r"episode_000002\.parquet: .* is damaged"):
        read(root, tmp_path / "2")


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    root = second(tmp_path / "a")
    info_file = root / "meta" / "info.json"
    told = info_file.read_text()
    info_file.write_text(told.replace("v2.1", "v1.6"))
    with pytest.raises(DatasetError, match=r"version v1\.6; read are 2 and 3"):
        read(root, tmp_path / "1")
    info_file.write_text(told[:-5])
    with pytest.raises(DatasetError, match="whose meta is damaged"):
        read(root, tmp_path / "1")
    info_file.write_text(told)
    last = root / "data" / "chunk-001" / "episode_000002.parquet"
    whole = last.read_bytes()
    last.write_bytes(whole[:-20])
    with pytest.raises(DatasetError, match=r"episode_000002\.parquet is cut off or"):
        read(root, tmp_path / "2")
    table(last, {k: x[:-1] for k, x in numbers(2).items()})
    with pytest.raises(DatasetError, match="3 rows of episode 2, and 4 are announced"):
        read(root, tmp_path / "3")
    last.write_bytes(whole)
    clip = root / "videos" / "chunk-001" / TOP / "episode_000002.mp4"
    film(clip, frames(2)[:-1])
    with pytest.raises(
        DatasetError, match=r"is too short: it has 3 frames, .* up to 4"
    ):
        read(root, tmp_path / "4")
    clip.unlink()
    with pytest.raises(DatasetError, match=r"There is no .*episode_000002\.mp4"):
        read(root, tmp_path / "5")
    film(clip, frames(2))
    last.unlink()
    with pytest.raises(DatasetError, match=r"There is no .*episode_000002\.parquet"):
        read(root, tmp_path / "6")


def test_tables_without_a_column(tmp_path: Path) -> None:
    root = third(tmp_path / "in")
    held = numbers(2)
    del held["next.reward"]
    table(root / "data" / "chunk-000" / "file-001.parquet", held)
    with pytest.raises(DatasetError, match=r"next\.reward of episode 2 is missing"):
        read(root, tmp_path / "out")
    table(root / "meta" / "episodes" / "chunk-000" / "file-000.parquet", {"a": [1]})
    with pytest.raises(DatasetError, match="has no column 'episode_index'"):
        read(root, tmp_path / "out")
