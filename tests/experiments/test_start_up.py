"""Help and refusals need no torch, whose import takes longer than all the rest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from experiments.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code or 0
print("torch" in sys.modules)
sys.exit(code)
"""
PLAIN = ("evaluate", "watch", "sweep", "import", "report", "benchmark")
REMEMBERED = ("train", "pretrain", "train-model", "picture", "record")


def fresh(*argv: str, cache: Path | None = None) -> tuple[int, str, bool]:
    """Exit code, all that was printed, and whether torch was imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *argv],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **({} if cache is None else {"CURIOUS_CACHE": str(cache)})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    *lines, torch = done.stdout.splitlines()
    return done.returncode, "\n".join(lines), torch == "True"


@pytest.mark.parametrize("name", PLAIN)
def test_help_needs_no_torch(name: str) -> None:
    code, printed, torch = fresh(name, "--help")
    assert (code, torch) == (0, False)
    assert f"usage: curious {name}" in printed


@pytest.mark.parametrize("name", PLAIN)
def test_a_mistyped_flag_needs_no_torch(name: str) -> None:
    needed = () if name == "benchmark" else ("something",)
    code, printed, torch = fresh(name, *needed, "--no-such-flag")
    assert (code, torch) == (2, False)
    assert "--no-such-flag" in printed


@pytest.fixture(scope="module")
def warmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which `make setup` has had everything remembered."""
    cache = tmp_path_factory.mktemp("cache")
    subprocess.run(
        [sys.executable, "-m", "experiments.remember"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CURIOUS_CACHE": str(cache)},
        check=True,
    )
    return cache


@pytest.mark.parametrize("name", REMEMBERED)
@pytest.mark.parametrize(
    ("argv", "expected", "words"),
    [
        ("--help", 0, "usage: curious"),
        ("--no-such-flag", 2, "--no-such-flag"),
        ("--seed many", 2, "--seed: 'many' is"),
    ],
)
def test_flags_that_are_remembered_need_no_torch(
    warmed: Path, name: str, argv: str, expected: int, words: str
) -> None:
    code, printed, torch = fresh(name, *argv.split(), cache=warmed)
    assert (code, torch) == (expected, False)
    assert words in printed


def test_what_was_asked_once_needs_no_torch_again(tmp_path: Path) -> None:
    argv = ("train", "rnd", "--world", "key-door", "--size", "debug", "--help")
    first, second = (fresh(*argv, cache=tmp_path) for _ in range(2))
    assert (first[2], second[2]) == (True, False)
    assert first[:2] == second[:2]
    assert "--world.varied-layouts" in second[1]


def test_without_a_place_to_remember_all_is_as_before(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):
        code, printed, torch = fresh("record", "--help", cache=tmp_path / "file")
        assert (code, torch) == (0, True)
        assert "usage: curious record" in printed


@pytest.mark.parametrize(
    ("argv", "expected", "words"),
    [
        ("--help", 0, "usage: curious reward fit"),
        ("show --help", 0, "usage: curious reward show"),
        ("show a b --no-such-flag", 2, "--no-such-flag"),
        ("fit --help", 0, "usage: curious reward fit"),
        ("fit data/x --no-such-flag", 2, "--no-such-flag"),
    ],
)
def test_both_halves_of_reward_need_no_torch(
    warmed: Path, argv: str, expected: int, words: str
) -> None:
    code, printed, torch = fresh("reward", *argv.split(), cache=warmed)
    assert (code, torch) == (expected, False)
    assert words in printed
