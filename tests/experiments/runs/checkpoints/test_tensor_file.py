"""A file of tensors is what it says it is; checkpoints and encoders test the rest."""

import os
from pathlib import Path

import pytest
import torch

from experiments.runs.checkpoints.tensor_file import TensorFile


class Refused(Exception):
    pass


FORMAT = TensorFile("thing", "tests/thing", 1, Refused)
TENSORS = {"x": torch.arange(3), "y": torch.zeros(0, 2)}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    FORMAT.write(tmp_path / "a", TENSORS, {"note": "λ", "more": [1, None]})
    content, tensors = FORMAT.read(tmp_path / "a")
    assert content == {"note": "λ", "more": [1, None]}
    assert {k: x.tolist() for k, x in tensors.items()} == {"x": [0, 1, 2], "y": []}
    assert FORMAT.describe(tmp_path / "a").items() > content.items()
    assert [x.name for x in tmp_path.iterdir()] == ["a"]


def test_bytes_are_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the name, too, in the end: after a power cut there is one whole file."""
    done: list[tuple[str, int]] = []
    rename = os.replace

    def replace(one: Path, two: Path) -> None:
        assert one != two
        assert one.parent == two.parent == tmp_path
        done.append(("named", one.stat().st_ino))
        rename(one, two)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(
        os, "fsync", lambda x: done.append(("kept", os.fstat(x).st_ino))
    )
    FORMAT.write(tmp_path / "a", TENSORS, {})
    file, folder = (tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino
    assert done == [("kept", file), ("named", file), ("kept", folder)]


@pytest.mark.parametrize("start", [b"PK", b"\x80\x02", b"\x80\x05"])
def test_a_header_may_be_as_long_as_a_pickle_begins(
    start: bytes, tmp_path: Path
) -> None:
    """The first bytes are the header's length, whatever else begins like that."""
    file, wanted = tmp_path / "a", int.from_bytes(start, "little")
    note = 0
    for _ in range(20):
        FORMAT.write(file, TENSORS, {"note": "x" * note})
        length = int.from_bytes(file.read_bytes()[:8], "little")
        if length == wanted:
            break
        note += wanted - length
    assert file.read_bytes()[:2] == start
    assert FORMAT.read(file)[0]["note"] == "x" * note
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(Refused, match="cut off, damaged or no thing"):
        FORMAT.read(file)


def test_a_pickle_is_called_one(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    for zipped in (True, False):
        torch.save(TENSORS, file, _use_new_zipfile_serialization=zipped)
        with pytest.raises(Refused, match=r"is a pickle .*not a thing"):
            FORMAT.read(file)


def test_one_kind_is_not_another(tmp_path: Path) -> None:
    file = tmp_path / "a"
    TensorFile("other", "tests/other", 1, Refused).write(file, TENSORS, {})
    with pytest.raises(Refused, match=r"not a thing .*'tests/other', not 'tests/thi"):
        FORMAT.read(file)
    TensorFile("thing", "tests/thing", 2, Refused).write(file, TENSORS, {})
    with pytest.raises(Refused, match=r"format version 2; this .* version 1"):
        FORMAT.describe(file)
    with pytest.raises(Refused, match="There is no thing at"):
        FORMAT.read(tmp_path / "nothing")
