"""Errors with a message for the user, which commands print before they end."""

from collections.abc import Sequence
from difflib import get_close_matches


class Refusal(Exception):
    """An error for the user: what cannot be done, why, and what to do.

    Every error that a person is to read, and no programmer has to mend, is one of
    these. Commands print any of them, without knowing which there are.
    """


class ConfigError(Refusal):
    """A config cannot be written, read or built; the message names the field."""


class DatasetError(Refusal):
    """A data set cannot be read or written; the message names the file and why."""


class TrainingDiverged(Refusal):
    """A number is not finite any more; the message says which, and what to try."""


def suggest(wrong: str, known: Sequence[str]) -> str:
    """` Did you mean 'x'?`, or a list of all names where none is near."""
    near = get_close_matches(wrong, known, n=1)
    if near:
        return f" Did you mean {near[0]!r}?"
    return f" Known: {', '.join(known)}." if known else ""
