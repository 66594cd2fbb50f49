"""Doom's archives, made here by hand."""

import struct

import pytest

from envs.doom.wad import Wad


def archive() -> bytes:
    """MAP01 (empty), ONE of three bytes and TWO of two, the directory in front."""
    header = b"PWAD" + struct.pack("<ii", 3, 12)
    entries = [(0, 0, b"MAP01"), (62, 3, b"ONE"), (60, 2, b"TWO")]
    directory = b"".join(
        struct.pack("<ii", at, size) + name.ljust(8, b"\0")
        for at, size, name in entries
    )
    return header + directory + b"zwabc"


def test_lumps_by_name_wherever_they_lie() -> None:
    assert Wad(archive()).lumps == {"MAP01": b"", "ONE": b"abc", "TWO": b"zw"}


def test_a_lump_is_replaced_and_the_others_stay() -> None:
    other = Wad(Wad(archive()).replaced({"ONE": b"longer than it was"}))
    assert list(other.lumps) == ["MAP01", "ONE", "TWO"]
    assert other.lumps["ONE"] == b"longer than it was"
    assert other.lumps["TWO"] == b"zw"
    assert Wad(archive()).replaced({})[:4] == b"PWAD"


def test_what_is_refused() -> None:
    for data in (b"", b"PK\3\4" + bytes(60)):
        with pytest.raises(ValueError, match="no WAD"):
            Wad(data)
    with pytest.raises(KeyError, match="THREE"):
        Wad(archive()).replaced({"THREE": b""})
