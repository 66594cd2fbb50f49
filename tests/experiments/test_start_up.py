"""Help and refusals need no torch, whose import takes longer than all the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Each command line in a process of its own, all of which begin with what every command
# imports: Python, rich and tyro start once.
PROGRAM = """
import json, os, sys
import rich, tyro
from experiments.cli import main
for line in json.loads(sys.argv[1]):
    out, told = os.pipe()
    if os.fork() == 0:
        os.dup2(told, 1), os.dup2(told, 2), os.close(out), os.close(told)
        try:
            code = main(line)
        except SystemExit as end:
            code = end.code or 0
        print(json.dumps([code, "torch" in sys.modules]), flush=True)
        os._exit(0)
    os.close(told)
    with open(out) as lines:
        said = lines.read()
    os.wait()
    print(json.dumps(said), flush=True)
"""
Outcome = tuple[int, str, bool]
PLAIN = ("evaluate", "watch", "sweep", "import", "report", "benchmark")
REMEMBERED = ("train", "pretrain", "train-model", "picture", "record")


def fresh(*lines: str, cache: Path | None = None) -> dict[str, Outcome]:
    """Of each line: exit code, all that was printed, and whether torch was imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([x.split() for x in lines])],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **({} if cache is None else {"CURIOUS_CACHE": str(cache)})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    outcomes = {}
    for line, said in zip(lines, done.stdout.splitlines(), strict=True):
        *printed, told = json.loads(said).splitlines()
        code, torch = json.loads(told)
        outcomes[line] = code, "\n".join(printed), torch
    return outcomes


def mistyped(name: str) -> str:
    needed = "" if name == "benchmark" else "something "
    return f"{name} {needed}--no-such-flag"


@pytest.fixture(scope="module")
def plain() -> dict[str, Outcome]:
    helped = [f"{x} --help" for x in PLAIN]
    return fresh(*helped, *map(mistyped, PLAIN))


@pytest.mark.parametrize("name", PLAIN)
def test_help_needs_no_torch(plain: dict[str, Outcome], name: str) -> None:
    code, printed, torch = plain[f"{name} --help"]
    assert (code, torch) == (0, False)
    assert f"usage: curious {name}" in printed


@pytest.mark.parametrize("name", PLAIN)
def test_a_mistyped_flag_needs_no_torch(plain: dict[str, Outcome], name: str) -> None:
    code, printed, torch = plain[mistyped(name)]
    assert (code, torch) == (2, False)
    assert "--no-such-flag" in printed


@pytest.fixture(scope="module")
def warmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What is said once `make setup` has had everything remembered."""
    cache = tmp_path_factory.mktemp("cache")
    subprocess.run(
        [sys.executable, "-m", "experiments.remember"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CURIOUS_CACHE": str(cache)},
        check=True,
    )
    lines = [f"{name} {argv}" for name in REMEMBERED for argv, *_ in ASKED]
    halves = [f"reward {argv}" for argv, *_ in ASKED_OF_REWARD]
    return fresh(*lines, *halves, cache=cache)


ASKED = [
    ("--help", 0, "usage: curious"),
    ("--no-such-flag", 2, "--no-such-flag"),
    ("--seed many", 2, "--seed: 'many' is"),
]
ASKED_OF_REWARD = [
    ("--help", 0, "usage: curious reward fit"),
    ("show --help", 0, "usage: curious reward show"),
    ("show a b --no-such-flag", 2, "--no-such-flag"),
    ("fit --help", 0, "usage: curious reward fit"),
    ("fit data/x --no-such-flag", 2, "--no-such-flag"),
]


@pytest.mark.parametrize("name", REMEMBERED)
@pytest.mark.parametrize(("argv", "expected", "words"), ASKED)
def test_flags_that_are_remembered_need_no_torch(
    warmed: dict[str, Outcome], name: str, argv: str, expected: int, words: str
) -> None:
    code, printed, torch = warmed[f"{name} {argv}"]
    assert (code, torch) == (expected, False)
    assert words in printed


def test_what_was_asked_once_needs_no_torch_again(tmp_path: Path) -> None:
    line = "train rnd --world key-door --size debug --help"
    first, second = (fresh(line, cache=tmp_path)[line] for _ in range(2))
    assert (first[2], second[2]) == (True, False)
    assert first[:2] == second[:2]
    assert "--world.varied-layouts" in second[1]


def test_without_a_place_to_remember_all_is_as_before(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):
        line = "record --help"
        code, printed, torch = fresh(line, cache=tmp_path / "file")[line]
        assert (code, torch) == (0, True)
        assert "usage: curious record" in printed


@pytest.mark.parametrize(("argv", "expected", "words"), ASKED_OF_REWARD)
def test_both_halves_of_reward_need_no_torch(
    warmed: dict[str, Outcome], argv: str, expected: int, words: str
) -> None:
    code, printed, torch = warmed[f"reward {argv}"]
    assert (code, torch) == (expected, False)
    assert words in printed
