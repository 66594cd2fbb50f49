"""Files become pictures on several threads, in the order of the files.

Pillow lets go of Python's lock while it decodes and resizes, so that threads do: they
need no copy of anything, and start at once.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ssl_objectives.images.watched import counting

PORTION = 64  # files that are waiting at once, for each thread

T = TypeVar("T")


def decoded(
    files: Sequence[Path], decode: Callable[[Path], T], workers: int = 0
) -> Iterator[T]:
    """What `decode` makes of each file, in their order, whatever the threads do.

    The first file in that order that cannot be decoded raises what it raises; at most
    a portion of those behind it has been read by then.

    Args:
        files: to decode.
        decode: is called on several threads at once.
        workers: threads; 0 takes one for each core this process may use.
    """
    count = workers or usable_cores()
    with counting("images", len(files)) as advance:
        if count == 1:
            for file in files:
                yield decode(file)
                advance(1)
            return
        with ThreadPoolExecutor(count, "decoding") as pool:
            for begin in range(0, len(files), PORTION * count):
                for made in pool.map(decode, files[begin : begin + PORTION * count]):
                    yield made
                    advance(1)


def usable_cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
