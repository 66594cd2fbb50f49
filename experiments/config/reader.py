"""Standard output that loses its reader, or its disk, while a command is at work."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def outliving_readers() -> Iterator[None]:
    """Let no reader that has seen enough (`| head -1`) end what prints.

    Otherwise a run of hours would end with its log. What is printed from then on goes
    nowhere, and standard error says so once. Where standard output is no stream of the
    system, as in a notebook or a test, nothing is done; nor in processes that are
    forked inside.
    """
    _fill_gaps()
    before = sys.stdout
    if before is not sys.__stdout__ or not isinstance(before, io.TextIOWrapper):
        yield
        return
    before.flush()
    raw = _Outlived(before.fileno(), "wb", closefd=False)
    after = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding,
        errors=before.errors,
        line_buffering=True,
    )
    sys.stdout = after
    try:
        yield
    finally:
        after.flush()
        sys.stdout = before


class _Outlived(io.FileIO):
    """A file of the system; once it takes no more, it takes everything, and keeps none.

    A full disk behind `> log.txt` is one that takes no more, too.
    """

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except BlockingIOError:
            raise
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            with suppress(OSError, ValueError):  # it may have gone the same way
                print(
                    f"Standard output takes no more ({error.strerror}). The command "
                    "goes on without it; Ctrl-C stops it.",
                    file=sys.stderr,
                    flush=True,
                )
            return len(memoryview(data).cast("B"))


def _fill_gaps() -> None:
    """Open `/dev/null` for streams that are closed (`>&-`).

    The next file to be opened would get their number, and what libraries print to
    standard output would go into it: metrics, say.
    """
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            return
