"""What a LeRobot data set says of itself: features, episodes, and where these lie.

Version 2 has a table and a video for each episode, and a line for each in
`meta/episodes.jsonl`; version 3 has many episodes in a file, and tables below
`meta/episodes` say where each begins. Either has `meta/info.json`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssl_objectives.images.frames import natural
from ssl_objectives.refusal import DatasetError
from world_models.data.importers.lerobot.tables import read_table

INFO = Path("meta") / "info.json"


@dataclass(frozen=True)
class Film:
    """Where the frames of an episode are: a video, and the first of them in it."""

    path: Path
    begin: int


@dataclass(frozen=True)
class Episode:
    """An episode.

    Attributes:
        number: its own.
        length: rows.
        table: the file of its rows, and perhaps of other episodes'.
        films: by camera, of cameras with videos.
    """

    number: int
    length: int
    table: Path
    films: Mapping[str, Film]


@dataclass(frozen=True)
class Meta:
    """A data set.

    Attributes:
        version: such as `v3.0`.
        features: dtype and shape of each column.
        cameras: features that are videos or images.
        episodes: in order.
        fps: frames a second.
    """

    version: str
    features: Mapping[str, Mapping[str, Any]]
    cameras: tuple[str, ...]
    episodes: tuple[Episode, ...]
    fps: float


def read_meta(root: Path) -> Meta:
    """Read what lies below `meta`.

    Raises:
        DatasetError: missing, damaged, or of a version before 2.
        ConfigError: pyarrow is not installed.
    """
    try:
        info = json.loads((root / INFO).read_text("utf-8"))
        version = str(info["codebase_version"])
        features = dict(info["features"])
        cameras = tuple(
            name for name, x in features.items() if x["dtype"] in ("video", "image")
        )
        films = [x for x in cameras if features[x]["dtype"] == "video"]
        if version.startswith("v3."):
            episodes = _third(root, info, films)
        elif version.startswith("v2."):
            episodes = _second(root, info, films)
        else:
            raise DatasetError(
                f"{root} is a LeRobot data set of version {version}; read are 2 and 3. "
                "Convert it with lerobot's own scripts first."
            )
        fps = float(info["fps"])
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise DatasetError(
            f"{root} is a LeRobot data set whose {INFO.parent} is damaged "
            f"({type(error).__name__}: {error})."
        ) from error
    if not episodes:
        raise DatasetError(f"{root} is a LeRobot data set without episodes.")
    return Meta(version, features, cameras, episodes, fps)


def _second(
    root: Path, info: Mapping[str, Any], films: list[str]
) -> tuple[Episode, ...]:
    lines = (root / "meta" / "episodes.jsonl").read_text("utf-8").splitlines()
    found = []
    for line in filter(None, lines):
        told = json.loads(line)
        number = int(told["episode_index"])
        place = {
            "episode_index": number,
            "episode_chunk": number // int(info["chunks_size"]),
        }
        found.append(
            Episode(
                number,
                int(told["length"]),
                root / info["data_path"].format(**place),
                {
                    x: Film(root / info["video_path"].format(video_key=x, **place), 0)
                    for x in films
                },
            )
        )
    return tuple(sorted(found, key=lambda x: x.number))


def _third(
    root: Path, info: Mapping[str, Any], films: list[str]
) -> tuple[Episode, ...]:
    wanted = ["episode_index", "length", *_place("data")]
    for name in films:
        wanted += [*_place(f"videos/{name}"), f"videos/{name}/from_timestamp"]
    files = sorted((root / "meta" / "episodes").rglob("*.parquet"), key=natural)
    found = []
    for file in files:
        columns = read_table(file, wanted)
        for values in zip(*columns.values(), strict=True):
            told = dict(zip(columns, values, strict=True))
            data = {x: int(told[y]) for y, x in _place("data").items()}
            seen = {}
            for name in films:
                place = {x: int(told[y]) for y, x in _place(f"videos/{name}").items()}
                path = info["video_path"].format(video_key=name, **place)
                begin = round(told[f"videos/{name}/from_timestamp"] * info["fps"])
                seen[name] = Film(root / path, begin)
            table = root / info["data_path"].format(**data)
            number, length = int(told["episode_index"]), int(told["length"])
            found.append(Episode(number, length, table, seen))
    return tuple(sorted(found, key=lambda x: x.number))


def _place(prefix: str) -> dict[str, str]:
    """Columns that say in which file something is, and what they are called there."""
    return {f"{prefix}/{x}": x for x in ("chunk_index", "file_index")}
