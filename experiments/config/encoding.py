"""Terminals and log files that know few characters: what they lack is paraphrased."""

import codecs
import io
import sys
import unicodedata

_PLAIN = "curious-plain"  # by which Python knows the handler of errors
_SIGNS = {
    "·": "-",
    "–": "-",
    "—": "-",
    "−": "-",
    "•": "*",
    "×": "x",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}


def print_plainly() -> None:
    """Let no character that standard output or error lacks end what prints it.

    Python refuses to print `·` where the encoding is ASCII: a progress line would end a
    run. What can be printed stays as it is.
    """
    codecs.register_error(_PLAIN, _paraphrased)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors=_PLAIN)


def _paraphrased(error: UnicodeError) -> tuple[str, int]:
    """ASCII for what cannot be encoded: `…` is `...`, `é` is `e`, others are `?`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    words = (_plain(x) for x in error.object[error.start : error.end])
    return "".join(words), error.end


def _plain(character: str) -> str:
    parts = unicodedata.normalize("NFKD", _SIGNS.get(character, character))
    return parts.encode("ascii", "ignore").decode() or "?"
