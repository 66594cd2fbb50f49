"""Standard output whose reader goes, or whose disk is full, ends no command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRINTS = """
import sys
from experiments.config.program import run_as_program
def command(argv):
    for i in range(4):
        print("line", i, flush=True)
    open(argv[0], "w").write("to the end")
    return 0
sys.exit(run_as_program(command, sys.argv[1:]))
"""


def run(out: int, mark: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PRINTS, str(mark)],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_a_reader_that_has_gone_is_told_of_once(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = run(write, tmp_path / "mark")
    os.close(write)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mark").read_text() == "to the end"
    assert done.stderr == (
        "Standard output takes no more (Broken pipe). The command goes on without it; "
        "Ctrl-C stops it.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk of Linux")
def test_a_full_disk_behind_it_is_told_of_once(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(full.fileno(), tmp_path / "mark")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mark").read_text() == "to the end"
    assert done.stderr.count("No space left on device") == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_closed_output_lets_no_other_file_have_its_place(
    tmp_path: Path, number: int
) -> None:
    """Metrics would otherwise get what libraries print to file 1, or 2."""
    noise = f"import os; os.write({number}, b'noise'); "
    script = PRINTS.replace("print(", noise + "print(")
    line = f'"$0" -c "$1" "{tmp_path}/mark" {number}>&-'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, script],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mark").read_text() == "to the end"


@pytest.mark.slow
def test_training_outlives_head(tmp_path: Path) -> None:
    """`curious train … | head -1`: all of it is trained and saved."""
    words = "train ppo --size debug --world counting --num-envs 2 --video-steps 0"
    words += " --agent.ppo.num-steps 5 --env-steps 200 --agent.ppo.num-minibatches 1"
    line = f'"$0" -m experiments.cli {words} --runs "{tmp_path}" | head -1'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.stdout.startswith("Memory: ")
    assert done.stderr.count("Standard output takes no more") == 1
    [run_folder] = tmp_path.iterdir()
    [*_, last] = sorted((run_folder / "checkpoints").iterdir())
    assert int(last.stem.removeprefix("step-")) >= 200
    assert (run_folder / "plots" / "training.png").exists()
