"""Planted faults must be seen: a copy of the packages, one change, the tests fail.

Slow: each fault is a pytest of its own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.faults import FAULTS

ROOT = Path(__file__).parents[2]
PARTS = (
    "agents",
    "docs",
    "envs",
    "experiments",
    "ssl_objectives",
    "tests",
    "world_models",
)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's packages, apart from those that are installed."""
    place = tmp_path_factory.mktemp("mutant")
    for part in PARTS:
        shutil.copytree(
            ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def run_tests(place: Path, test: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_planted(name: str) -> None:
    fault = FAULTS[name]
    text = (ROOT / fault.file).read_text("utf-8")
    assert text.count(fault.right) == 1, f"{fault.file} has changed: move the fault"
    assert (ROOT / fault.test).exists()


@pytest.mark.slow
@pytest.mark.parametrize("test", sorted({x.test for x in FAULTS.values()}))
def test_without_a_fault_all_is_well(copied: Path, test: str) -> None:
    done = run_tests(copied, test)
    assert done.returncode == 0, done.stdout[-2_000:]


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_seen(copied: Path, name: str) -> None:
    fault = FAULTS[name]
    path = copied / fault.file
    text = path.read_text("utf-8")
    try:
        path.write_text(text.replace(fault.right, fault.wrong), "utf-8")
        done = run_tests(copied, fault.test)
    finally:
        path.write_text(text, "utf-8")
    assert done.returncode == 1, done.stdout[-2_000:]  # 1: tests failed, not pytest
