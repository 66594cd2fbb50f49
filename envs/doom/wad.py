"""Doom's archives: what lies in a WAD, and the same WAD with something else in it."""

import struct
from collections.abc import Mapping
from typing import final

_HEADER = struct.Struct("<4sii")  # kind, number of lumps, where the directory begins
_ENTRY = struct.Struct("<ii8s")  # where a lump begins, its bytes, its name


@final
class Wad:
    """Lumps by name, in their order; the names of one map's lumps differ.

    Args:
        data: the bytes of a file.

    Raises:
        ValueError: they are no WAD.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size or data[1:4] != b"WAD":
            raise ValueError("These bytes are no WAD")
        self._kind, count, start = _HEADER.unpack_from(data)
        self.lumps: dict[str, bytes] = {}
        for i in range(count):
            begin, size, name = _ENTRY.unpack_from(data, start + i * _ENTRY.size)
            lump = data[begin : begin + size]
            self.lumps[name.rstrip(b"\0").decode("ascii")] = lump

    def replaced(self, lumps: Mapping[str, bytes]) -> bytes:
        """The bytes of this WAD with other lumps in place of those of the same name.

        Raises:
            KeyError: there is no lump of such a name.
        """
        for name in lumps:
            if name not in self.lumps:
                raise KeyError(name)
        body, entries = b"", b""
        for name, lump in {**self.lumps, **lumps}.items():
            begin = _HEADER.size + len(body)
            entries += _ENTRY.pack(begin, len(lump), name.encode("ascii"))
            body += lump
        header = _HEADER.pack(self._kind, len(self.lumps), _HEADER.size + len(body))
        return header + body + entries
