"""Help and refusals need no torch, whose import takes longer than all the rest."""

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
PLAIN = ("evaluate", "sweep", "import", "report", "benchmark")


def fresh(*argv: str) -> tuple[int, str, bool]:
    """Exit code, all that was printed, and whether torch was imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *argv],
        cwd=Path(__file__).parents[2],
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
