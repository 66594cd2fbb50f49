"""What is refused, and what may have been meant."""

from collections.abc import Sequence
from difflib import get_close_matches


class ConfigError(Exception):
    """A config cannot be written, read or built; the message names the field."""


def suggest(wrong: str, known: Sequence[str]) -> str:
    """` Did you mean 'x'?`, or a list of all names where none is near."""
    near = get_close_matches(wrong, known, n=1)
    if near:
        return f" Did you mean {near[0]!r}?"
    return f" Known: {', '.join(known)}." if known else ""
