"""Tensors and a JSON description in one file: safetensors, checked when it is read.

A file appears under its final name complete or not at all, says of what kind it is and
in which version of its format, and has a CRC32 of its description and of every tensor.
Nothing in it is ever executed.
"""

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

UNFINISHED = ".unfinished"  # suffix of files that are still being written
_PICKLES = (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True)
class TensorFile:
    """A kind of file, and what is raised where one cannot be read.

    Args:
        noun: what it is, in messages.
        kind: what its metadata says it is.
        version: of its format; others are refused.
        error: raised with a message that says what is wrong.
    """

    noun: str
    kind: str
    version: int
    error: type[Exception]

    def write(
        self, path: Path, tensors: Mapping[str, Tensor], content: Mapping[str, Any]
    ) -> None:
        """Write `path`, replacing what was there only once all is on disk.

        Args:
            path: final name; its folder must exist.
            tensors: on the CPU, contiguous.
            content: the description, without NaN.

        Raises:
            OSError, SafetensorError: the disk is full or not writable; no partial file
                is left, and what was there is untouched.
            KeyError: a dtype that the format does not have.
        """
        crc32 = {key: _crc32(key, x) for key, x in tensors.items()}
        text = json.dumps({**content, "crc32": crc32}, allow_nan=False)
        metadata = {
            "kind": self.kind,
            "format_version": str(self.version),
            "content": text,
            "content_crc32": str(zlib.crc32(text.encode())),
        }
        # In the same folder, since a rename is atomic only within one file system.
        unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
        try:
            save_file(dict(tensors), unfinished, metadata)
            # written for the owner alone; whoever may read the folder shall read it
            unfinished.chmod(path.parent.stat().st_mode & 0o666)
            _to_disk(unfinished)
            os.replace(unfinished, path)
            _to_disk(path.parent)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise

    def describe(self, path: Path) -> dict[str, Any]:
        """The description, without the tensors being read.

        Raises:
            Exception: `error`, where the file is missing, foreign, cut off, damaged in
                front, or of another version.
        """
        if not path.is_file():
            raise self.error(f"There is no {self.noun} at {path}.")
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
        except (OSError, SafetensorError) as error:
            if _is_pickle(path):
                raise self.error(
                    f"{path} is a pickle (as torch.save writes), not a {self.noun} of "
                    "Curious Worlds. Pickles can run code and are never opened."
                ) from error
            raise self.error(
                f"{path} is cut off, damaged or no {self.noun} at all ({error})."
            ) from error
        if metadata.get("kind") != self.kind:
            raise self.error(
                f"{path} is a safetensors file, but not a {self.noun} of Curious "
                f"Worlds (its kind is {metadata.get('kind')!r}, not {self.kind!r})."
            )
        version = metadata.get("format_version", "")
        if version != str(self.version):
            raise self.error(
                f"{path} has format version {version}; this curious-worlds reads "
                f"version {self.version}. Install the version that wrote it."
            )
        text = metadata.get("content", "")
        if str(zlib.crc32(text.encode())) != metadata.get("content_crc32"):
            raise self.error(f"{path} is damaged: checksum mismatch in its header.")
        content: dict[str, Any] = json.loads(text)
        return content

    def read(self, path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The description and all tensors, verified, on the CPU.

        Raises:
            Exception: `error`, as for `describe`, and where bytes of a tensor are not
                those that were written.
        """
        content = self.describe(path)
        crc32, tensors = content.pop("crc32"), {}
        try:
            with safe_open(path, framework="pt") as file:
                for key in crc32:
                    # A copy, since the file is memory-mapped and may be deleted.
                    tensors[key] = file.get_tensor(key).clone()
        except SafetensorError as error:
            raise self.error(f"{path} is damaged ({error}).") from error
        for key, tensor in tensors.items():
            if _crc32(key, tensor) != crc32[key]:
                raise self.error(
                    f"{path} is damaged: the bytes of {key!r} are not those that were "
                    "written (checksum mismatch)."
                )
        return content, tensors


def _is_pickle(path: Path) -> bool:
    """Whether a file looks like one.

    Safetensors may begin with the same two bytes: there they are the length of the
    header, which begins at byte 8.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(9)
    except OSError:
        return False
    return start[:2] in _PICKLES and start[8:] != b"{"


def _crc32(key: str, tensor: Tensor) -> int:
    """Checksum of a tensor's place, dtype, shape and bytes."""
    about = f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode()
    data = tensor.reshape(-1).view(torch.uint8).numpy().data
    return zlib.crc32(data, zlib.crc32(about))


def _to_disk(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
