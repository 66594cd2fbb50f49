"""One process at a time; the lock ends with its process, however that ends."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_HELD: set[tuple[int, Path]] = set()  # by this process: the system lets it lock twice
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)


class IsLocked(Exception):
    """Somebody else holds the lock; the message says who."""


@contextmanager
def locked(file: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of `file`, which is made if missing and stays.

    Locks are those of `fcntl.lockf`: of a process, not of its children, and known on
    all machines that share the file system, where that is able to. Where it has no
    locks at all, nobody is kept out.

    Args:
        file: in a folder that exists.
        patience: seconds to wait for another process.

    Raises:
        IsLocked: another process holds it, or this one does already.
    """
    end = time.monotonic() + patience
    mine = os.getpid(), file.resolve()
    if mine in _HELD:  # closing the file a second time would end the first lock
        raise IsLocked(f"this very process ({os.getpid()})")
    while True:
        with file.open("a+", encoding="utf-8") as held:
            _wait_for(held, end)
            if not _is_still(file, held):  # whoever held it took it away: there is
                continue  # another file now, for others to lock
            held.truncate(0)
            held.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            held.flush()
            _HELD.add(mine)
            try:
                yield
            finally:
                _HELD.discard(mine)
            return


def _wait_for(held: TextIO, end: float) -> None:
    """Lock an open file, or say who has it when the time is over."""
    while True:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except (BlockingIOError, PermissionError):
            if time.monotonic() > end:
                held.seek(0)
                raise IsLocked(held.read().strip() or "another process") from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return
        time.sleep(0.1)


def _is_still(file: Path, held: TextIO) -> bool:
    """Whether an open file is the one of that name."""
    try:
        return os.path.samestat(file.stat(), os.fstat(held.fileno()))
    except FileNotFoundError:
        return False


def is_locked(file: Path) -> bool:
    """Whether another process holds the lock. Not to be asked by who holds it."""
    try:
        with file.open("rb") as looked_at:
            fcntl.lockf(looked_at, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return False
