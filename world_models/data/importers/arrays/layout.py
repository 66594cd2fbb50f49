"""Layouts of imported arrays: which frame an action, a reward and an end belong to.

Whoever stores actions and rewards beside frames has chosen which frame they belong to:

- ROWS: all arrays have a row for each frame; action, reward and ends belong to the
  transition **into** it (Dreamer's files, and our own).
- EPISODE: one frame more than actions; action i leads from frame i to frame i+1.
- TRANSITIONS: as many actions as frames, and action i, reward i and end i belong to the
  transition **from** frame i (D4RL); the frame behind an episode's last action is in
  `next_observations`, or was not kept.
- SEQUENCE: frames alone, one behind the other. IMAGES: frames alone, each for itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.importers.arrays.groups import (
    LABELS,
    NAMES,
    ArrayGroup,
    behind_names,
)


class Layout(Enum):
    """Which frame an action belongs to; see the flags' help."""

    AUTO = "auto"
    ROWS = "rows"
    EPISODE = "episode"
    TRANSITIONS = "transitions"
    SEQUENCE = "sequence"
    IMAGES = "images"


_OF_ACTIONS = (Layout.ROWS, Layout.EPISODE, Layout.TRANSITIONS)
_TOLD = {*NAMES} - {"next_obs"}


@dataclass(frozen=True)
class Named:
    """Which array of a group is what.

    `facts` are all other arrays with a number for each frame, under their own names;
    `others` those that have none.
    """

    obs: str
    known: Mapping[str, str]
    facts: Mapping[str, str]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The rows of a group, all but frames and facts.

    Attributes:
        frame: which frame of the group each row shows.
        following: True where it is that frame of `next_obs`.
        columns: `first`, and what is known of action, reward, terminated, truncated.
        lost: transitions left out since nobody kept the frame behind them.
    """

    frame: NDArray[np.int64]
    following: NDArray[np.bool_]
    columns: Mapping[str, NDArray[Any]]
    lost: int = 0


def find_names(group: ArrayGroup) -> Named:
    """Which arrays of a group are frames, actions, ….

    Raises:
        DatasetError: two arrays would become one fact.
    """
    frames = group.obs
    lists = [name for name, x in group.arrays.items() if x.shape]
    known = {
        what: next(x for x in names if x in lists)
        for what, names in NAMES.items()
        if any(x in lists for x in names)
    }
    behind = next((x for x in behind_names(frames) if x in lists), None)
    if behind is not None:
        known["next_obs"] = behind
    num = group.arrays[frames].shape[0]
    facts: dict[str, str] = {}
    others: list[str] = []
    for name, array in group.arrays.items():
        if name == frames or name in known.values():
            continue
        if is_number(array.dtype) and array.shape[:1] == (num,):
            fact = "label" if name in LABELS else name.replace("/", ".")
            if fact in facts:
                raise DatasetError(
                    f"{group.name}: {facts[fact]} and {name} would both become the "
                    f"fact {fact}. Leave one of them out of the file."
                )
            facts[fact] = name
        else:
            others.append(name)
    return Named(frames, known, facts, tuple(others))


def is_number(dtype: np.dtype[Any]) -> bool:
    """Whether a data set can hold such numbers, and PyTorch read them."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def detect(group: ArrayGroup, named: Named) -> Layout:
    """The layout that lengths and names tell.

    Raises:
        DatasetError: they do not tell; asks for `--layout`.
    """
    num = group.arrays[named.obs].shape[0]
    if "action" not in named.known:
        if "first" in named.known:
            return Layout.ROWS
        labelled = any(x in group.arrays for x in LABELS)
        return Layout.IMAGES if labelled else Layout.SEQUENCE
    actions = group.arrays[named.known["action"]].shape[0]
    if actions == num - 1:
        return Layout.EPISODE
    if actions != num:
        raise DatasetError(f"{group.name} has {num:,} frames and {actions:,} actions.")
    if "first" in named.known:
        return Layout.ROWS
    d4rl = ("terminals", "timeouts")
    if "next_obs" in named.known or any(x in group.arrays for x in d4rl):
        return Layout.TRANSITIONS
    raise DatasetError(
        f"{group.name} has as many actions as frames, and nothing tells whether action "
        "i leads to frame i or away from it. Give --layout rows (to it) or "
        "--layout transitions (from it)."
    )


def plan_rows(
    group: ArrayGroup, named: Named, layout: Layout, drop_final: bool
) -> Plan:
    """The rows of a group.

    Args:
        group: all its arrays.
        named: which is what.
        layout: not AUTO.
        drop_final: leave transitions out whose next frame was not kept.

    Raises:
        DatasetError: lengths do not fit the layout, or frames are missing.
    """
    num = group.arrays[named.obs].shape[0]
    if not num:
        raise DatasetError(f"{group.name} holds no frames: {named.obs} is empty.")
    if layout in _OF_ACTIONS and not {*named.known} & _TOLD:
        raise DatasetError(
            f"{group.name}: --layout {layout.value} says which frames actions, rewards "
            f"and ends belong to, and there are none beside {named.obs}. It has "
            f"{', '.join(sorted(group.arrays)[:20])}. Call them action, reward, "
            "terminated and truncated, or leave --layout out to import frames alone."
        )
    if layout not in _OF_ACTIONS and "action" in named.known:
        raise DatasetError(
            f"{group.name}: --layout {layout.value} is of frames alone, and does not "
            f"say which frame each {named.known['action']} leads to. Give --layout "
            "rows, episode or transitions."
        )
    if drop_final and layout is not Layout.TRANSITIONS:
        raise DatasetError(
            f"{group.name}: --drop-final leaves out what --layout transitions knows no "
            f"next frame of, and this is --layout {layout.value}. Leave it out."
        )
    everything = slice(None)
    known = {
        k: group.arrays[name][everything]
        for k, name in named.known.items()
        if k != "next_obs"
    }
    expected = num - 1 if layout is Layout.EPISODE else num
    for what, array in known.items():
        per_row = layout is not Layout.EPISODE or what == "first"
        if len(array) != (num if per_row else expected):
            raise DatasetError(
                f"{group.name}: {named.known[what]} has {len(array):,} rows; layout "
                f"{layout.value} with {num:,} frames needs "
                f"{num if per_row else expected:,}."
            )
    columns = {k: _plain(x, k, group.name) for k, x in known.items()}
    columns = _ends(columns, group.name)
    if layout is Layout.TRANSITIONS:
        return _from_transitions(group, named, columns, drop_final)
    given = columns.pop("first", None)
    if layout is Layout.EPISODE:
        columns = {k: _shifted(x) for k, x in columns.items()}
    first = _first(layout, num, columns) if given is None else given
    _check_first(group.name, first, columns)
    frame = np.arange(num)
    return Plan(frame, np.zeros(num, np.bool_), {"first": first, **columns})


def _from_transitions(
    group: ArrayGroup, named: Named, columns: dict[str, NDArray[Any]], drop_final: bool
) -> Plan:
    """Frame i, then where an episode ends after action i the frame behind it."""
    num = group.arrays[named.obs].shape[0]
    columns.pop("first", None)
    ended = _ended(columns, num)
    last = ended.copy()
    last[-1] = True
    kept = "next_obs" in named.known
    if kept:
        _check_alike(group, named.obs, named.known["next_obs"])
    lost = 0 if kept else int(ended.sum())
    if lost and not drop_final:
        raise DatasetError(
            f"{group.name} has no next_observations, so the frames behind the last "
            f"actions of its {lost:,} episodes are unknown, and with them these "
            "transitions, their rewards and ends. Give --drop-final to import the rest."
        )
    # row of frame i: i, and one more for each end before it whose frame is known
    extra = last if kept else np.zeros(num, np.bool_)
    frame = np.repeat(np.arange(num), 1 + extra)
    following = np.zeros(len(frame), np.bool_)
    following[1:] = frame[1:] == frame[:-1]
    begins = np.concatenate([[True], last[:-1]])
    first = begins[frame] & ~following
    # action i leads to the row behind that of frame i; nothing leads to a first row
    source = frame - ~following
    rows = {
        k: np.where(
            first.reshape(-1, *[1] * (x.ndim - 1)), np.zeros((), x.dtype), x[source]
        )
        for k, x in columns.items()
    }
    return Plan(frame, following, {"first": first, **rows}, lost)


def _first(
    layout: Layout, num: int, columns: Mapping[str, NDArray[Any]]
) -> NDArray[np.bool_]:
    """Where episodes begin, where nobody says so: in front, and behind each end."""
    first = np.full(num, layout is Layout.IMAGES)
    first[0] = True
    if layout is Layout.ROWS:
        first[1:] |= _ended(columns, num)[:-1]
    return first


def _check_first(
    where: str, first: NDArray[np.bool_], columns: Mapping[str, NDArray[Any]]
) -> None:
    """Refuse beginnings that do not fit what led to them, or the ends before them."""
    if not first[0]:
        raise DatasetError(
            f"{where}: `first` is false of the very first frame, so that it would "
            "follow on whatever comes before it. Set it there."
        )
    for what in ("reward", "terminated", "truncated"):
        if what in columns and columns[what][first].any():
            raise DatasetError(
                f"{where}: the first frame of an episode has {what} set, but "
                "nothing led to it. If these arrays belong to the transition away from "
                "each frame, give --layout transitions."
            )
    if (_ended(columns, len(first))[:-1] & ~first[1:]).any():
        raise DatasetError(
            f"{where}: an episode ends at a frame behind which none begins. Set "
            "`first` behind every end; or save the file without `first` and give "
            "--layout rows: then episodes begin behind each end."
        )


def _check_alike(group: ArrayGroup, obs: str, behind: str) -> None:
    one, two = group.arrays[obs], group.arrays[behind]
    if (one.shape, one.dtype) != (two.shape, two.dtype):
        raise DatasetError(
            f"{group.name}: {behind} is {two.dtype} {two.shape}, and {obs} "
            f"{one.dtype} {one.shape}: they must be alike."
        )


def _ends(columns: dict[str, NDArray[Any]], where: str) -> dict[str, NDArray[Any]]:
    """Both kinds of ends where one is known; Dreamer's `is_last` becomes truncation.

    `done` is any end, as old Gym has it: what is no truncation is then a termination,
    and the other way round where the terminations are known.
    """
    last, done = columns.pop("last", None), columns.pop("done", None)
    if done is not None and "terminated" not in columns:
        columns["terminated"] = done & ~columns.get("truncated", np.zeros_like(done))
    elif done is not None and "truncated" not in columns:
        last = done if last is None else last | done
    elif done is not None and (done & ~_ended(columns, len(done))).any():
        raise DatasetError(
            f"{where}: episodes are done that neither terminated nor were truncated. "
            "Save two of the three arrays, so that it is clear what is meant."
        )
    if last is not None and "truncated" not in columns:
        terminated = columns.get("terminated", np.zeros_like(last))
        columns["truncated"] = last & ~terminated
    for name, other in (("terminated", "truncated"), ("truncated", "terminated")):
        if name not in columns and other in columns:
            columns[name] = np.zeros_like(columns[other])
    return columns


def _ended(columns: Mapping[str, NDArray[Any]], num: int) -> NDArray[np.bool_]:
    if "terminated" not in columns:
        return np.zeros(num, np.bool_)
    ended: NDArray[np.bool_] = columns["terminated"] | columns["truncated"]
    return ended


def _plain(array: NDArray[Any], what: str, where: str) -> NDArray[Any]:
    """In the format's own dtype; refuses numbers that this would change."""
    if not is_number(array.dtype) or 0 in array.shape[1:]:
        raise DatasetError(
            f"{where}: {what} is {array.dtype} {array.shape}, where numbers are meant, "
            "of 64 bits at most."
        )
    if what == "action" and array.dtype.kind == "f":
        size = prod(array.shape[1:])
        return _as_float(array, what, where).reshape(len(array), size)
    if what == "action" and array.dtype.kind == "i" and array.min(initial=0) < 0:
        raise DatasetError(
            f"{where}: actions are whole numbers from {array.min()} to {array.max()}, "
            "and discrete ones are counted from 0. Save actions - actions.min(), or "
            "actions.astype(numpy.float32) if they are amounts."
        )
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DatasetError(
            f"{where}: {what} has shape {array.shape}, not a number a row"
        )
    if what == "reward":
        return _as_float(array, what, where)
    plain = array.astype(np.int64 if what == "action" else np.bool_)
    if not np.array_equal(plain, array):
        raise DatasetError(f"{where}: {what} has other values than {plain.dtype} holds")
    return plain


def _as_float(array: NDArray[Any], what: str, where: str) -> NDArray[np.float32]:
    """In float32, whose range not every number is in."""
    with np.errstate(over="ignore"):
        plain = array.astype(np.float32)
    if not np.isfinite(plain).all():
        bad = array[~np.isfinite(plain)][0]
        raise DatasetError(
            f"{where}: {what} has {bad}, which is no finite number of float32."
        )
    return plain


def _shifted(array: NDArray[Any]) -> NDArray[Any]:
    """From one per transition to one per row: nothing leads to the first."""
    nothing = np.zeros((1, *array.shape[1:]), array.dtype)
    return np.concatenate([nothing, array])
