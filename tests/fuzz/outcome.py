"""What a command did with whatever it was given, and what it may do with it."""

import io
import json
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from experiments.cli import main

_LEAKED = (
    *("Traceback", "NoneType", "has no attribute", "unexpected keyword", "KeyError"),
    *("IndexError", "AssertionError", "RuntimeError", "not subscriptable"),
)
"""words of an interpreter that no sentence for people has"""

_KEPT_OUT = ("lock",)
"""files that say who is at work, not what was done"""


def cases(number: int, *, repeated: bool) -> Callable[[Any], Any]:
    """How many cases a property is tried with; `repeated`: the same ones each time."""
    made: Callable[[Any], Any] = settings(
        max_examples=number,
        derandomize=repeated,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    return made


@dataclass(frozen=True)
class Outcome:
    """Exit code, and what was printed."""

    code: int
    out: str
    err: str


def curious(*argv: str) -> Outcome:
    """Run a command in this process; it ends in success or in one sentence."""
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)  # Gymnasium's advice for authors
        try:
            code = main(list(argv))
        except SystemExit as end:
            raise AssertionError(f"it ended Python: {end.code!r}") from end
    done = Outcome(code, out.getvalue(), err.getvalue())
    check_told(done)
    return done


def check_told(done: Outcome) -> None:
    """Success says no error; all else says one, in words, with an exit code."""
    lines = [x.strip(" │") for x in done.err.splitlines()]
    errors = sum(x.startswith("error: ") for x in lines)
    boxes = sum(x.startswith(("For full helptext", "For all options")) for x in lines)
    assert (errors, boxes) == {0: (0, 0), 1: (1, 0), 2: (0, 1)}[done.code], done
    words = " ".join(lines)
    assert done.code == 0 or len(words) > 20, done.err
    assert not [x for x in _LEAKED if x in words], done.err


def held(folder: Path) -> Mapping[str, str]:
    """Every file below a folder, by name, as a hash of its bytes; links by target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name in _KEPT_OUT:
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = sha256(path.read_bytes()).hexdigest()
        elif path.is_dir():
            found[name] = "folder"
    return found


def check_kept(before: Mapping[str, str], folder: Path) -> None:
    """All that was there is there, to the byte."""
    now = held(folder)
    changed = [x for x in before if now.get(x) != before[x]]
    assert not changed, changed


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
