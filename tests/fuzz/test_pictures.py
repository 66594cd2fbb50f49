"""Folders of pictures with odd names, links, modes and damage, for two commands."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz.outcome import cases, check_kept, curious, held
from tests.fuzz.values import NAMES
from world_models.data.dataset import open_dataset

MODES = (*["RGB"] * 12, "L", "1", "P", "RGBA", "LA", "CMYK", "I", "F", "I;16")
SUFFIXES = (
    *([".png"] * 12),
    *(".jpg", ".JPG", ".bmp", ".webp", ".tif", ".tiff"),
    *(".gif", "", ".txt", ".png.bak"),
)
DAMAGE = (*["none"] * 16, "empty", "cut", "flipped", "text", "other")


@dataclass(frozen=True)
class Pictures:
    """Files by path, links by path, and the words of a command."""

    files: Mapping[str, bytes] = field(repr=False)
    links: Mapping[str, str]
    words: tuple[str, ...]

    def __str__(self) -> str:
        sizes = {k: (len(x), x[:8]) for k, x in self.files.items()}
        return f"{self.words} {self.links} {sizes}"


@st.composite
def picture(draw: st.DrawFn, suffix: str) -> bytes:
    """The bytes of a file, mostly of a picture."""
    mode, damage = draw(st.sampled_from(MODES)), draw(st.sampled_from(DAMAGE))
    size = draw(st.sampled_from((*[(9, 8)] * 12, (1, 1), (30, 2), (8, 9))))
    pixels = np.random.default_rng(draw(st.integers(0, 9))).integers(
        0, 256, (*size[::-1], 3)
    )
    image = Image.fromarray(pixels.astype(np.uint8)).convert(
        "L" if mode == "I;16" else mode
    )
    kinds = {".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".tif": "TIFF"}
    kinds |= {".tiff": "TIFF", ".webp": "WEBP", ".gif": "GIF"}
    kind = kinds.get(suffix.lower(), "PNG")
    if damage == "other":
        kind = "GIF"
    out = io.BytesIO()
    try:
        if mode == "I;16":
            image = image.convert("I")
        image.save(out, kind)
    except (OSError, ValueError):  # that kind cannot hold this mode
        out = io.BytesIO()
        image.convert("RGB").save(out, kind)
    data = bytearray(out.getvalue())
    if damage == "empty":
        return b""
    if damage == "text":
        return b"no picture\n"
    if damage == "cut":
        return bytes(data[: draw(st.integers(1, len(data)))])
    if damage == "flipped":
        for _ in range(draw(st.integers(1, 4))):
            data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@st.composite
def folders(draw: st.DrawFn) -> Pictures:
    parts = NAMES.filter(lambda x: x not in ("", ".", "..") and len(x.encode()) < 250)
    top = draw(
        st.lists(
            st.one_of(parts, st.sampled_from(("cat", "dog", "train", "test"))),
            min_size=1,
            max_size=3,
        )
    )
    base = draw(st.sampled_from((".", top[0])))
    files: dict[str, bytes] = {}
    for _ in range(draw(st.integers(0, 6))):
        where = draw(st.sampled_from((*top, *top, *top, base, f"{top[0]}/{top[-1]}")))
        stem = draw(
            st.one_of(st.sampled_from("abcdef"), parts.filter(lambda x: len(x) < 200))
        )
        suffix = draw(st.sampled_from(SUFFIXES))
        name = f"{where}/{stem.strip('/')}{suffix}".removeprefix("./")
        if not any(name.startswith(f"{x}/") or x.startswith(f"{name}/") for x in files):
            files[name] = draw(picture(suffix))
    links = {}
    if draw(st.integers(0, 3)) == 0:
        targets = ("..", ".", "nowhere", *files)
        links[draw(st.sampled_from(("link", "link.png", f"{top[0]}/link.png")))] = draw(
            st.sampled_from(targets)
        )
    options = ("--size 6 7", "--gray", "--sequence", "--no-facts", "--layout=images")
    words = draw(st.lists(st.sampled_from(options), max_size=2, unique=True))
    return Pictures(files, links, tuple(words))


def write(root: Path, given: Pictures) -> bool:
    """Whether the file system can hold it: a name may be a file and a folder."""
    root.mkdir()
    try:
        for name, data in given.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        for name, target in given.links.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(target)
    except OSError:
        return False
    return True


def check(given: Pictures) -> None:
    """Each picture that is found is a row, in the order of names; else a sentence."""
    with TemporaryDirectory(prefix="fuzz") as name:
        root = Path(name)
        if not write(root / "mine", given):
            return
        before = held(root)
        words = [y for x in given.words for y in x.split()]
        done = curious("import", f"{root}/mine", "--out", f"{root}/out", *words)
        check_kept(before, root)
        if done.code == 0:
            check_rows(given, root, done.out)
        elif "rows before it are in" not in done.err:
            assert not (root / "out").exists()


def check_rows(given: Pictures, root: Path, said: str) -> None:
    """As many as there are pictures in sight; whatever is left out is told of."""
    known = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
    seen = [
        x
        for x in given.files
        if Path(x).suffix.lower() in known
        and not any(part.startswith(".") for part in Path(x).parts)
    ]
    rows = open_dataset(root / "out").num_rows
    if not seen:  # a folder of films
        return
    if not given.links:
        assert rows == len(seen)
        assert ("Left out" in said) == (len(seen) < len(given.files))
    if rows == 1 and len(seen) == 1 and not given.words:
        block = next(x for _, x in open_dataset(root / "out").reader.blocks())
        with Image.open(root / "mine" / seen[0]) as image:
            if image.mode == "RGB" and image.format in ("PNG", "BMP"):
                wanted = np.asarray(image).transpose(2, 0, 1)
                assert np.array_equal(block["obs"][0], wanted)


CASES = folders()


@cases(12, repeated=True)
@given(folders())
def test_a_few_folders_of_pictures(given: Pictures) -> None:
    check(given)


@pytest.mark.slow
@cases(200, repeated=False)
@given(folders())
def test_many_folders_of_pictures(given: Pictures) -> None:
    check(given)
