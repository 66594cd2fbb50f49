"""Who speaks for several processes that torchrun started, before torch is imported."""

import json
import os
import time
from contextlib import suppress

_PATIENCE = 30.0
"""seconds; the first process may still be importing what refuses"""


def by_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ and "RANK" in os.environ


def num_started() -> int:
    """Processes that torchrun started; 1 where nobody did."""
    return int(os.environ.get("WORLD_SIZE", "1")) if by_torchrun() else 1


def speaks() -> bool:
    """Whether this process is the first, or alone."""
    return not by_torchrun() or os.environ["RANK"] == "0"


def await_the_first(patience: float | None = None) -> None:
    """In any other process, wait before something is said that the first says as well.

    torchrun ends the others as soon as the first has ended. Whoever is still there
    after so many seconds was refused alone, and has to say it.
    """
    if not speaks():
        time.sleep(_PATIENCE if patience is None else patience)


def tell_torchrun(message: str) -> None:
    """Let the last lines that torchrun prints say why this process ended."""
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if not by_torchrun() or file is None:
        return
    extra = {"py_callstack": message, "timestamp": str(int(time.time()))}
    content = {"message": {"message": message, "extraInfo": extra}}
    with suppress(OSError), open(file, "w", encoding="utf-8") as lines:
        json.dump(content, lines)
