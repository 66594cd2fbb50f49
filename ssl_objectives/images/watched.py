"""Whoever waits for many images to be read can be told how far that is.

Nothing here prints: who opens images says by `watched_by` how people are told, and who
reads them says by `counting` how many are done.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar

Advance = Callable[[int], None]
Watcher = Callable[[str, int], AbstractContextManager[Advance]]
"""From what is counted, and how many there are, to what is told how many are done."""

PATIENCE = 1.0  # seconds after which people want to know

_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Inside, `watcher` shows whatever takes longer than a second."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


@contextmanager
def counting(what: str, total: int, patience: float = PATIENCE) -> Iterator[Advance]:
    """Yields what is to be told how many more of `total` are done.

    Args:
        what: is counted, such as `images`.
        total: how many there will be.
        patience: seconds before anybody is told.
    """
    watcher, begin, done = _WATCHER.get(), time.monotonic(), 0
    told: Advance | None = None
    with ExitStack() as stack:

        def advance(number: int) -> None:
            nonlocal told, done
            done += number
            if told is not None:
                told(number)
            elif watcher is not None and time.monotonic() - begin >= patience:
                told = stack.enter_context(watcher(what, total))
                told(done)

        yield advance
