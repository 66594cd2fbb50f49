"""One process at a time; the lock ends with its process, however that ends."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class IsLocked(Exception):
    """Somebody else holds the lock; the message says who."""


@contextmanager
def locked(file: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of `file`, which is made if missing and stays.

    Locks are those of `fcntl.lockf`: of a process, not of its children, and known on
    all machines that share the file system, where that is able to.

    Args:
        file: in a folder that exists.
        patience: seconds to wait for another process.

    Raises:
        IsLocked: another process holds it.
    """
    end = time.monotonic() + patience
    with file.open("a+", encoding="utf-8") as held:
        while True:
            try:
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, PermissionError):
                if time.monotonic() > end:
                    held.seek(0)
                    raise IsLocked(held.read().strip() or "another process") from None
            time.sleep(0.1)
        held.truncate(0)
        held.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        held.flush()
        yield


def is_locked(file: Path) -> bool:
    """Whether another process holds the lock. Not to be asked by who holds it."""
    try:
        with file.open("rb") as looked_at:
            fcntl.lockf(looked_at, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except (BlockingIOError, PermissionError):
        return True
    return False
