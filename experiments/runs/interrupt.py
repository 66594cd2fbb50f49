"""Ctrl-C asks politely the first time, and insists the second time."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Yields an event that the first Ctrl-C (or SIGTERM) sets; heed it at a good time.

    The second one raises KeyboardInterrupt wherever the program is. Worker processes
    that are forked inside ignore Ctrl-C, which a terminal sends to them as well: their
    end is for this process to decide.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals reach the main thread only
        return
    owner = os.getpid()

    def ask(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        with suppress(OSError):  # print() may be what was interrupted
            os.write(2, b"\nStopping after this step. Once more stops at once.\n")

    kept = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
