"""Which arrays of a file go together: frames, and what was done and seen with them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ssl_objectives.images.frames import natural
from ssl_objectives.refusal import DatasetError
from world_models.data.importers.arrays.open import Array

OBS = ("obs", "observation", "observations", "image", "images", "frames", "pixels")
NAMES = {
    "action": ("action", "actions"),
    "reward": ("reward", "rewards"),
    "terminated": (
        *("terminated", "terminations", "terminals", "terminal", "is_terminal"),
    ),
    "truncated": ("truncated", "truncations", "timeouts", "timeout"),
    "first": ("first", "is_first"),
    "last": ("last", "is_last"),
    "done": ("dones", "done"),
    "next_obs": ("next_obs", "next_observation", "next_observations"),
}
LABELS = ("label", "labels")

_BESIDE = {x for names in NAMES.values() for x in names} | {*LABELS}


@dataclass(frozen=True)
class ArrayGroup:
    """Frames, and the arrays that lie with them; of HDF5 files the folder of both.

    Attributes:
        name: where they are, for messages.
        obs: which of them are the frames.
        arrays: all of them, by their names below the group.
    """

    name: str
    obs: str
    arrays: Mapping[str, Array]


def find_groups(
    where: str, arrays: Mapping[str, Array], obs: str | None
) -> tuple[list[ArrayGroup], set[str]]:
    """The groups of a file in the order of names, and the arrays that are in none.

    Frames go with the actions, rewards, ends or labels in the folder next above them,
    whether they were named by their whole path or by its end alone. Where there are
    none, their group is the folder that the name begins in, unless others of the same
    name lie below that: then they are apart.

    Args:
        where: the file, for messages.
        arrays: all that it has, by their whole names.
        obs: name of the frames, or the end of their path; None: the usual names.

    Raises:
        DatasetError: several arrays of that name lie beside the same actions.
    """
    frames = _frames(arrays, obs)
    inside = Counter(x for name in frames for x in _above(name))
    held = _held(arrays)
    namesakes = Counter(
        (x, _last(name)) for name in arrays if not _behind(name) for x in _above(name)
    )
    folders: dict[str, str] = {}
    for name in frames:
        folder = next((x for x in _above(name) if x in held), None)
        if folder is not None and folder != _parent(name) and inside[folder] > 1:
            shared = [x for x in held[folder] if _fits(arrays[x], arrays[name])]
            if shared:
                others = [x for x in frames if folder in _above(x)][:4]
                raise DatasetError(
                    f"{where} has several arrays of frames beside one {shared[0]}: "
                    f"{', '.join(others)}. Give --obs with the whole name of one."
                )
            folder = None
        if folder is None:
            root = _parent(name)
            if obs is not None:
                root = name[: -len(obs.strip("/"))].strip("/")
            reach = [x for x in _above(name) if len(x) >= len(root)]
            alone = [x for x in reach if namesakes[x, _last(name)] == 1]
            folder = alone[-1] if alone else _parent(name)
        folders[folder] = name
    held_by: dict[str, dict[str, Array]] = {x: {} for x in folders}
    elsewhere: set[str] = set()
    for name, array in arrays.items():
        home = next((x for x in _above(name) if x in folders), None)
        if home is None:
            elsewhere.add(name)
        else:
            held_by[home][_below(name, home)] = array
    groups = [
        ArrayGroup(f"{where}/{x}".rstrip("/"), _below(folders[x], x), held_by[x])
        for x in sorted(folders, key=natural)
    ]
    return groups, elsewhere


def offered_names(arrays: Mapping[str, Array]) -> list[str]:
    """What `--obs` could be: names of arrays that look like pictures."""
    held = _held(arrays)
    found: dict[str, None] = {}
    for name, array in arrays.items():
        pictures = array.dtype == np.uint8 and len(array.shape) in (3, 4)
        if pictures and not _behind(name):
            home = next((x for x in _above(name) if x in held), _parent(name))
            found[_below(name, home)] = None
    return sorted(found)


def behind_names(obs: str) -> list[str]:
    """Where the frames behind those of `obs/NAME` may lie: `next_obs/NAME` and such."""
    parts = obs.split("/")
    return [
        "/".join([*parts[:i], name, *parts[i + 1 :]])
        for i, part in enumerate(parts[:-1])
        if part in OBS
        for name in NAMES["next_obs"]
    ]


def _frames(arrays: Mapping[str, Array], obs: str | None) -> list[str]:
    """Whole names of all that are frames."""
    lists = [x for x, array in arrays.items() if array.shape]
    if obs is not None:
        wanted = obs.strip("/")
        if wanted in lists:
            return [wanted]
        ends = [x for x in lists if x.endswith(f"/{wanted}")]
        return [x for x in ends if _behind(wanted) or not _behind(x)]
    usual: dict[str, str] = {}
    for name in lists:
        if _last(name) in OBS and not _behind(name):
            there = usual.setdefault(_parent(name), name)
            usual[_parent(name)] = min(there, name, key=lambda x: OBS.index(_last(x)))
    return list(usual.values())


def _held(arrays: Mapping[str, Array]) -> dict[str, list[str]]:
    """What belongs to frames, by the folder that it lies in."""
    held: dict[str, list[str]] = {}
    for name in arrays:
        if _last(name) in _BESIDE:
            held.setdefault(_parent(name), []).append(name)
    return held


def _fits(beside: Array, frames: Array) -> bool:
    """Whether there is one for each frame, or for each but one."""
    num = frames.shape[0]
    return beside.shape[:1] in ((num,), (num - 1,))


def _above(name: str) -> Iterator[str]:
    """All folders that an array is in, the nearest first; the file itself is ''."""
    while name:
        name = _parent(name)
        yield name


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _below(name: str, folder: str) -> str:
    return name[len(folder) :].lstrip("/")


def _behind(name: str) -> bool:
    """Whether it lies among the observations behind actions."""
    return any(x in NAMES["next_obs"] for x in name.split("/")[:-1])
