"""Arrays of any dtype, shape, length and meaning, brought to `curious import`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ssl_objectives.images.frames import channels_last
from tests.fuzz.outcome import cases, check_kept, curious, held
from world_models.data.dataset import open_dataset

Arrays = Mapping[str, NDArray[Any]]

FRAMES = (
    *((8, 9), (8, 9, 3), (3, 8, 9), (8, 9, 1), (8, 9, 4), (4, 8, 9), (0, 9, 3), (1, 1)),
    *((2, 8, 9, 3), (), (5,), (3, 3, 3), (1, 1, 1)),
)
KINDS = ("u1", "u1", "u1", "i1", "f4", "f8", "u2", "?", "<U3", "c8")
NUMBERS = (
    *("f4", "f8", "f2", "i8", "i4", "u1", "u8", "?", ">f4", ">i8", "c16", "<U2", "S3"),
    *("M8[s]", "m8[s]", "i1", "O", "V4", "g"),
)
FLAGS = ("?", "u1", "i8", "f4", "f8", "<U2", "c8", "f2", ">i4")
FRAME_NAMES = ("obs", "observation", "observations", "image", "images", "frames")
NAMES = (
    *("action", "reward", "terminated", "truncated", "first", "last", "done"),
    *("dones", "timeouts", "terminals", "is_first", "next_obs", "label", "labels"),
    *("mine", "info/x", "ä", "observation"),
)


@dataclass(frozen=True)
class Given:
    """A file of arrays, and flags beside it; arrays are kept out of messages."""

    suffix: str
    flags: tuple[str, ...]
    arrays: Arrays = field(repr=False)

    @property
    def frames(self) -> NDArray[Any]:
        """What the importer takes for them."""
        wanted = ("image",) if "--obs=image" in self.flags else FRAME_NAMES
        return next(self.arrays[x] for x in wanted if x in self.arrays)

    def __str__(self) -> str:
        told = {k: f"{x.dtype}{x.shape}{x.ravel()[:3]}" for k, x in self.arrays.items()}
        return f"{self.suffix} {self.flags} {told}"


def _numbers(seed: int, kind: str, shape: tuple[int, ...], mood: str) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    if mood == "wild" and np.dtype(kind).kind in "fc":
        few = np.array([0.0, 1.0, np.nan, np.inf, -np.inf, 1e300, -1e39, 0.5])
        with np.errstate(all="ignore"):
            wild: NDArray[Any] = rng.choice(few, shape).astype(kind)
        return wild
    most = {"flags": 2, "small": 3, "wild": 120}[mood]
    values = rng.integers(0, most, shape)
    if np.dtype(kind).kind == "i" and mood == "wild":
        values = values - 60
    if np.dtype(kind).kind == "O":
        return np.array(values, object)
    if np.dtype(kind).kind == "V":
        return np.zeros(shape, kind)
    made: NDArray[Any] = np.asarray(values).astype(kind)
    return made


@st.composite
def fitting(draw: st.DrawFn) -> dict[str, NDArray[Any]]:
    """Arrays that fit together, in any of the layouts."""
    num, seed = draw(st.sampled_from((1, 2, 5, 8))), draw(st.integers(0, 99))
    frame = draw(st.sampled_from(((8, 9, 3), (3, 8, 9), (8, 9))))
    names = ("obs", "observations", "image", "frames")
    arrays = {draw(st.sampled_from(names)): _numbers(seed, "u1", (num, *frame), "wild")}
    layout = draw(st.sampled_from(("rows", "episode", "transitions", "frames")))
    if layout == "frames":
        if draw(st.booleans()):
            arrays["label"] = _numbers(seed, "i8", (num,), "small")
        return arrays
    length = num - (layout == "episode")
    real = draw(st.booleans())
    arrays["action"] = (
        _numbers(seed + 1, "f4", (length, 2), "small")
        if real
        else _numbers(seed + 1, "i8", (length,), "small")
    )
    arrays["reward"] = _numbers(seed + 2, "f8", (length,), "small")
    ends = _numbers(seed + 3, "?", (length,), "flags")
    if layout == "rows":
        first = np.roll(ends, 1)
        first[0] = True
        ends &= ~first
        arrays |= {"first": np.append(True, ends[:-1]), "terminated": ends}
        arrays["reward"][arrays["first"]] = 0
    elif layout == "transitions":
        arrays["terminals"] = ends
        arrays["next_obs"] = _numbers(seed + 4, "u1", (num, *frame), "wild")
    elif length and draw(st.booleans()):
        over = np.zeros(length, np.bool_)
        over[-1] = True
        arrays["dones"] = over
    if draw(st.booleans()):
        arrays["mine"] = _numbers(seed + 5, "i4", (num, 2), "wild")
    return arrays


@st.composite
def changed(draw: st.DrawFn, arrays: dict[str, NDArray[Any]]) -> None:
    """One array is another one now, or gone, or there is one more."""
    name = draw(st.sampled_from(sorted(arrays)))
    old = np.asarray(arrays[name])
    rows = len(old) if old.ndim else 1
    what = draw(
        st.sampled_from(("dtype", "numbers", "shape", "length", "name", "more"))
    )
    mood = draw(st.sampled_from(("flags", "small", "wild")))
    seed = draw(st.integers(0, 99))
    frames = name in FRAME_NAMES
    if what == "dtype":
        kind = draw(st.sampled_from(KINDS if frames else (*NUMBERS, *FLAGS)))
        arrays[name] = _numbers(seed, kind, old.shape, mood)
    elif what == "numbers":
        arrays[name] = _numbers(seed, old.dtype.str, old.shape, mood)
    elif what == "shape":
        more = draw(st.sampled_from(FRAMES if frames else ((1,), (2,), (3, 2), (0,))))
        arrays[name] = _numbers(seed, old.dtype.str, (*old.shape[:1], *more), mood)
        if draw(st.integers(0, 3)) == 0:
            arrays[name] = old[0] if old.ndim and rows else old
    elif what == "length":
        length = max(0, rows + draw(st.sampled_from((-1, 1, -99))))
        arrays[name] = _numbers(seed, old.dtype.str, (length, *old.shape[1:]), mood)
    elif what == "name":
        arrays[draw(st.sampled_from(NAMES))] = arrays.pop(name)
    else:
        kind = draw(st.sampled_from((*NUMBERS, *FLAGS)))
        arrays[draw(st.sampled_from(NAMES))] = _numbers(seed, kind, (rows,), mood)


@st.composite
def files(draw: st.DrawFn) -> Given:
    arrays = draw(fitting())
    for _ in range(draw(st.integers(0, 2))):
        draw(changed(arrays))
    options = st.sampled_from(
        (
            *("--layout=rows", "--layout=episode", "--layout=transitions"),
            *("--layout=sequence", "--layout=images", "--obs=image", "--no-facts"),
            *("--drop-final", "--num-actions=4", "--gray", "--size 4 5", "--sequence"),
        )
    )
    flags = draw(st.lists(options, max_size=draw(st.integers(0, 2)), unique=True))
    return Given(draw(st.sampled_from((".npz", ".npz", ".h5"))), (*flags,), arrays)


def write(path: Path, arrays: Arrays) -> bool:
    """Whether the kind of file can hold such arrays."""
    if path.suffix == ".npz":
        with path.open("wb") as file:
            np.savez(file, allow_pickle=True, **arrays)
        return True
    with h5py.File(path, "w") as hdf5:
        for name, array in arrays.items():
            try:
                hdf5[name] = array
            except TypeError:
                return False
    return True


def check(given: Given) -> None:
    """Every number that is imported is the one that was there; else a sentence."""
    with TemporaryDirectory(prefix="fuzz") as name:
        root = Path(name)
        file = root / f"given{given.suffix}"
        if not write(file, given.arrays):
            return
        before = held(root)
        words = [y for x in given.flags for y in x.split()]
        done = curious("import", str(file), "--out", str(root / "out"), *words)
        check_kept(before, root)
        if done.code == 0:
            check_same(given, root / "out")
            assert curious("import", str(root / "out"), "--verify").code == 0
        else:
            assert not (root / "out").exists() or "rows before it are in" in done.err


def check_same(given: Given, out: Path) -> None:
    """Frames, facts, actions and rewards are those of the arrays, in their order."""
    dataset = open_dataset(out)
    blocks = [x for _, x in dataset.reader.blocks()]
    rows = {k: np.concatenate([x[k] for x in blocks]) for k in blocks[0]}
    frames = given.frames
    as_they_were = dataset.num_rows == len(frames)
    if as_they_were and not {"--gray", "--size 4 5"} & {*given.flags}:
        wanted = channels_last(frames).transpose(0, 3, 1, 2)
        assert np.array_equal(rows["obs"], wanted)
    first = rows["first"]
    assert first[0]
    assert not (rows.get("terminated", first & ~first) & first).any()
    for name in ("reward", "action"):
        if name in rows:
            own, found = given.arrays[name], rows[name][~first]
            assert np.isfinite(found.astype(np.float64)).all(), name
            there = own.astype(found.dtype).reshape(len(own), *found.shape[1:])
            assert {x.tobytes() for x in found} <= {x.tobytes() for x in there}, name
    for name in dataset.spec.facts:
        names = ("label", "labels") if name == "label" else (name.replace(".", "/"),)
        own = next(given.arrays[x] for x in names if x in given.arrays)
        there = rows[f"facts/{name}"]
        if as_they_were:
            assert np.array_equal(there, own, equal_nan=own.dtype.kind == "f"), name


CASES = files()


@cases(20, repeated=True)
@given(files())
def test_a_few_files_of_arrays(given: Given) -> None:
    check(given)


@pytest.mark.slow
@cases(400, repeated=False)
@given(files())
def test_many_files_of_arrays(given: Given) -> None:
    check(given)
