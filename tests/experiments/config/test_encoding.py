"""What cannot be printed is paraphrased, and never raised."""

import sys
from io import BytesIO, TextIOWrapper

import pytest

from experiments.config.encoding import print_plainly

SAID = "3 · 1.5k … ≤ 2 × x² – “ü” ⠋ → ✓"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", SAID),
        ("ascii", '3 - 1.5k ... <= 2 x x2 - "u" ? -> ?'),
        ("latin-1", '3 · 1.5k ... <= 2 × x² - "ü" ? -> ?'),
    ],
)
def test_only_what_the_encoding_lacks_is_paraphrased(
    monkeypatch: pytest.MonkeyPatch, encoding: str, said: str
) -> None:
    heard = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(heard, encoding))
    print_plainly()
    print(SAID, end="", flush=True)
    assert heard.getvalue().decode(encoding) == said


def test_what_its_owner_has_decided_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = TextIOWrapper(BytesIO(), "ascii", errors="ignore")
    monkeypatch.setattr(sys, "stdout", stream)
    print_plainly()
    assert stream.errors == "ignore"
