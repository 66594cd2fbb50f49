"""Plain data is read from pickles of any age; nothing that they ask for is run."""

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssl_objectives.images.cifar.plain_pickle import read_plain
from ssl_objectives.refusal import DatasetError

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def python_2(array: np.ndarray, **more: bytes) -> bytes:
    """As Python 2 and NumPy 1 wrote: strings are bytes, protocol 2."""

    def text(x: bytes) -> bytes:
        return b"U" + bytes([len(x)]) + x

    out = b"\x80\x02}" + text(b"data") + b"cnumpy.core.multiarray\n_reconstruct\n"
    out += b"cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    shape = b"".join(b"K" + bytes([x]) for x in array.shape)
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    raw = array.tobytes()
    data = b"T" + struct.pack("<i", len(raw)) + raw
    out += b"(K\x01" + shape + b"\x86" + dtype + b"\x89" + data + b"tbs"
    for name, value in more.items():
        out += text(name.encode()) + value + b"s"
    return out + b"."


def read(tmp_path: Path, data: bytes) -> Any:
    (tmp_path / "file").write_bytes(data)
    return read_plain(tmp_path / "file", 10_000)


def test_python_2_is_read(tmp_path: Path) -> None:
    data = python_2(PIXELS, labels=b"]K\x03a", label_names=b"]U\x03cata")
    held = read(tmp_path, data)
    assert np.array_equal(held[b"data"], PIXELS)
    assert held[b"labels"] == [3]
    assert held[b"label_names"] == [b"cat"]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_what_python_3_writes_is_read(tmp_path: Path, protocol: int) -> None:
    given = {"data": PIXELS, b"names": ["cat", b"dog"], "n": (1, 2.5, None, True)}
    held = read(tmp_path, pickle.dumps(given, protocol))
    assert np.array_equal(held.pop("data"), PIXELS)
    assert held == {k: v for k, v in given.items() if k != "data"}


class Runs:
    """Runs a command when it is unpickled."""

    def __init__(self, function: Any, *given: Any) -> None:
        self.made = (function, given)

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize(
    ("evil", "named"),
    [
        (Runs(os.system, "touch ran"), r"(posix|nt)\.system"),
        (Runs(eval, "open('ran', 'w')"), r"__builtin__\.eval"),
        (Runs(getattr, "", "join"), r"__builtin__\.getattr"),
        (Runs(np.load, "ran"), r"numpy.*load"),
        (np.array([{}], dtype=object), "an array of 'O8'"),
        (np.float64(1.0), r"numpy.*scalar"),
        (np.dtype([("a", "u1")]), "an array of 'V1'"),
    ],
)
def test_nothing_else_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evil: Any, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=rf"asks for {named}.*Nothing of it was run"):
        read(tmp_path, pickle.dumps({"data": evil}, 2))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cnumpy\ndtype\n(NU\x01a\x85}U\x08functionNstb.",  # changes what is called
        b"cnumpy\nndarray\n(K\xffK\xffK\xfft\x85R.",  # calls the class itself
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\xff\xff\xff\x7f\x85"
        b"U\x01b\x87R.",  # begins with a large array
        b"\x80\x02U\x03abcQ.",  # persistent
        b"\x80\x02\x82\x01.",  # of an extension
        b"no pickle",
        b"",
    ],
)
def test_whatever_it_does_it_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DatasetError):
        read(tmp_path, data)
    # and the next file is read as ever
    assert np.array_equal(read(tmp_path, python_2(PIXELS))[b"data"], PIXELS)


def test_files_that_are_cut_off_or_too_large(tmp_path: Path) -> None:
    data = python_2(PIXELS)
    for length in range(len(data)):
        with pytest.raises(DatasetError, match="cut off or damaged"):
            read(tmp_path, data[:length])
    with pytest.raises(DatasetError, match=r"has 10,001 bytes.*at most 10,000"):
        read(tmp_path, bytes(10_001))
    with pytest.raises(DatasetError, match="There is no other in"):
        read_plain(tmp_path / "other", 1)
