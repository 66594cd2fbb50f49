import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.runs.checkpoints.checkpoint import load_checkpoint
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.sweep.cell import Cell, expand
from experiments.sweep.cost import last_words
from experiments.sweep.folder import SweepFolder
from experiments.sweep.grid import read_grid

Command = Callable[..., Any]
Held = Callable[[Path], AbstractContextManager[int]]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

BASE = (
    'arguments = "--size debug --num-envs 4 --agent.ppo.num-steps 10 '
    '--checkpoint-every 40 --video-steps 0 --env-steps {env_steps}"\n'
)
SMALL = """
[axes.signal]
rnd = "rnd --world counting --curiosity.warm-up-steps 2 --curiosity.size 40"
bad = "ppo --world gymnasium --world.id NoSuchWorld-v0"
"""
LARGE = """
seeds = 3
[axes.world]
key-door = "--world key-door --world.max-episode-steps 17"
counting = "--world counting"
[axes.signal]
byol = "byol-explore"
rnd = "rnd --curiosity.warm-up-steps 2 --curiosity.size 40"
"""


@dataclass(frozen=True)
class Swept:
    """A sweep that was disturbed and then gone on with, and what that printed."""

    sweep: SweepFolder
    cells: dict[str, Cell]
    code: int
    out: str

    def run(self, name: str) -> RunFolder:
        """The one run of a cell."""
        [path] = self.sweep.cell(self.cells[name]).glob("*/config.json")
        return RunFolder(path.parent)


def write_grid(folder: Path, text: str, env_steps: int) -> Path:
    file = folder / "grid.toml"
    file.write_text(BASE.format(env_steps=env_steps) + text)
    return file


def checkpoints(sweep: SweepFolder, name: str = "*") -> list[Path]:
    return sorted(sweep.path.glob(f"cells/{name}/*/checkpoints/step*"))


def ended(sweep: SweepFolder, budget: int) -> list[Path]:
    """Checkpoints of cells that have made their steps: rollouts are made whole."""
    return [x for x in checkpoints(sweep) if int(x.stem.split("-")[1]) >= budget]


def wait_for(happened: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    while not happened():
        assert process.poll() is None, "the process ended too early"
        time.sleep(0.01)


def assert_undisturbed(swept: Swept, name: str, curious: Command, rows: Rows) -> None:
    """The same rows and the same state as of a run that nobody disturbed."""
    torch.set_num_threads(1)
    alone = curious("train", *swept.cells[name].arguments)
    assert alone.code == 0, alone.err
    run, budget = swept.run(name), swept.cells[name].budget
    assert rows(run) == rows(alone.run)
    assert rows(run)[-2]["steps"] < budget <= rows(run)[-1]["steps"]
    states = [
        load_checkpoint(CheckpointFolder(x.checkpoints).latest()).state
        for x in (run, alone.run)
    ]
    assert count_equal(*states) > 40


def count_equal(one: Any, two: Any) -> int:
    """Leaves, all of which must be equal."""
    if isinstance(one, dict):
        assert one.keys() == two.keys()
        return sum(count_equal(one[x], two[x]) for x in one)
    if isinstance(one, list | tuple):
        return sum(count_equal(x, y) for x, y in zip(one, two, strict=True))
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    else:
        assert one == two
    return 1


@pytest.fixture(scope="module")
def swept(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """One cell begun from a file of commands, killed, and then the whole sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    grid, sweep = write_grid(folder, SMALL, 400), SweepFolder(folder / "a sweep")
    cells = {x.name: x for x in expand(read_grid(grid))}
    [line, _] = commands(curious, grid, sweep)
    process = start_shell(line)
    wait_for(lambda: bool(checkpoints(sweep)), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not any("000400" in x.name for x in checkpoints(sweep))
    options = ("--processes", "2", "--threads", "1", "--retries", "0")
    done = curious("sweep", str(sweep.path), *options)
    return Swept(sweep, cells, done.code, done.out)


def commands(curious: Command, grid: Path, sweep: SweepFolder) -> list[str]:
    file = grid.with_name("commands.sh")
    out = ("--out", str(sweep.path), "--commands", str(file))
    written = curious("sweep", str(grid), *out)
    assert written.code == 0, written.err
    return file.read_text().splitlines()


def start_shell(line: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        line,
        shell=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def test_a_killed_cell_ends_as_an_undisturbed_one(
    swept: Swept, curious: Command, rows: Rows
) -> None:
    assert_undisturbed(swept, "rnd+s0", curious, rows)


def test_a_cell_that_always_fails_stops_no_other(swept: Swept) -> None:
    assert swept.code == 1
    assert "failed    bad+s0 (exit code 1)\n" in swept.out
    assert "done      rnd+s0\n" in swept.out
    log = swept.sweep.log(swept.cells["bad+s0"])
    assert log.read_text().count("--cell bad+s0") == 1
    assert "failed: bad+s0\nerror: Gymnasium knows no env 'NoSuchWorld-v0'" in swept.out
    assert f"log: {log}\n" in swept.out
    assert "1 of 2 cells done.\n" in swept.out
    assert f"curious sweep {shlex.quote(str(swept.sweep.path))}\n" in swept.out
    data = json.loads(swept.sweep.cells_file.read_text())
    assert [x["state"] for x in data["cells"]] == ["done", "failed"]


@pytest.mark.slow
def test_what_was_run_by_hand_is_done_and_failures_are_tried_again(
    curious: Command, tmp_path: Path
) -> None:
    grid, sweep = write_grid(tmp_path, SMALL, 80), SweepFolder(tmp_path / "sweep")
    [line, _] = commands(curious, grid, sweep)
    assert start_shell(line).wait() == 0
    before = checkpoints(sweep)
    [bad] = commands(curious, grid, sweep)
    assert bad.endswith(f"sweep {sweep.path} --cell bad+s0")
    done = curious("sweep", str(grid), "--out", str(sweep.path), "--retries", "1")
    assert "(2 cells, 1 of them done)" in done.out
    assert "failed    bad+s0 (exit code 1); will be tried again\n" in done.out
    assert "failed    bad+s0 (exit code 1)\n" in done.out
    assert [x.exists() for x in map(sweep.log, expand(read_grid(grid)))] == [0, 1]
    assert checkpoints(sweep) == before


def test_a_dry_run_lists_cells_and_costs_and_does_nothing(
    swept: Swept, curious: Command
) -> None:
    file = swept.sweep.grid_file
    file.write_text(f"seeds = [0, 5]\n{file.read_text()}")
    before = {x: x.stat().st_mtime_ns for x in swept.sweep.path.rglob("*")}
    done = curious("sweep", str(swept.sweep.path), "--dry-run", "--processes", "2")
    assert done.code == 0, done.err
    assert {x: x.stat().st_mtime_ns for x in swept.sweep.path.rglob("*")} == before
    table = {
        line.split("│")[1].strip(): [x.strip() for x in line.split("│")[2:-1]]
        for line in done.out.splitlines()
        if "│" in line and "┃" not in line
    }
    assert list(table) == ["rnd+s0", "bad+s0", "rnd+s5", "bad+s5"]
    assert table["rnd+s0"][:3] == ["done", "400", "0"]
    assert table["bad+s0"][:3] == ["failed", "400", "400"]
    assert table["rnd+s5"][:3] == ["waiting", "400", "400"]
    assert table["rnd+s5"][4] == "1 run here"
    assert re.fullmatch(r"\d+ s", table["rnd+s5"][3])
    assert table["bad+s5"][3:] == ["–", "–"]
    assert "4 cells, 1 done; 1.20k env steps left." in done.out
    assert "How long 2 of them take is not known yet" in done.out
    assert "of training for the others; 2 at once" in done.out


def test_a_second_sweep_in_the_same_folder_is_refused(
    held: Held, curious: Command, tmp_path: Path
) -> None:
    grid, sweep = write_grid(tmp_path, SMALL, 80), SweepFolder(tmp_path / "sweep")
    sweep.path.mkdir()
    with held(sweep.lock) as number:
        done = curious("sweep", str(grid), "--out", str(sweep.path))
    assert done.code == 1
    assert f"{sweep.path} is in use by process {number} on" in done.err
    assert list(sweep.path.iterdir()) == [sweep.lock]


def test_a_cell_that_another_process_runs_is_refused(
    held: Held, curious: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.sweep.worker.PATIENCE", 0.2)
    grid, sweep = write_grid(tmp_path, SMALL, 80), SweepFolder(tmp_path / "sweep")
    out = ("--out", str(sweep.path))
    curious("sweep", str(grid), *out, "--commands", str(tmp_path / "commands.sh"))
    lock = sweep.cell_lock(sweep.find("rnd+s0"))
    lock.parent.mkdir(parents=True)
    with held(lock) as number:
        done = curious("sweep", str(sweep.path), "--cell", "rnd+s0")
    assert done.code == 1
    assert f"The cell rnd+s0 is being run by process {number} on" in done.err
    assert checkpoints(sweep) == []


def test_commands_may_go_to_a_pipe(curious: Command, tmp_path: Path) -> None:
    """What is no file is written to, not replaced."""
    grid, pipe = write_grid(tmp_path, SMALL, 80), tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    out = ("--out", str(tmp_path / "sweep"))
    assert curious("sweep", str(grid), *out, "--commands", str(pipe)).code == 0
    assert reader.communicate()[0].count(" --cell ") == 2
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (("--retries", "-1"), 2, "--retries must be at least 0"),
        (("--measure",), 2, "--measure belongs to --dry-run"),
        (("--dry-run", "--ray"), 2, "Give one of"),
        (("--ray", "--devices", "0"), 2, "--ray chooses devices itself"),
        (("--processes", "0"), 1, "--processes must be at least 1"),
        (("--devices", "99"), 1, "PyTorch sees no GPU 99"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    curious: Command, tmp_path: Path, argv: tuple[str, ...], code: int, says: str
) -> None:
    grid, folder = write_grid(tmp_path, SMALL, 80), tmp_path / "sweep"
    done = curious("sweep", str(grid), "--out", str(folder), *argv)
    assert done.code == code
    assert says in done.err
    assert not folder.exists()


def test_the_last_words_of_a_log_are_its_error() -> None:
    assert last_words("one\ntwo\n\nthree\nfour\n") == "two\nthree\nfour"
    log = "error: old\nx\nerror: what\n\nand what to do\n"
    assert last_words(log) == "error: what\nand what to do"
    assert last_words("") == ""


@pytest.mark.slow
def test_measuring_tries_each_combination(curious: Command, tmp_path: Path) -> None:
    grid, folder = write_grid(tmp_path, SMALL, 4000), tmp_path / "sweep"
    options = ("--dry-run", "--measure", "--processes", "1", "--threads", "1")
    done = curious("sweep", str(grid), "--out", str(folder), *options)
    assert done.code == 1  # one of them cannot even begin
    assert not folder.exists()
    [measured] = [x for x in done.out.splitlines() if "rnd+s0" in x]
    # six rollouts' worth of steps; resets are none, so that it takes one more
    assert "7 rollouts now" in measured
    assert "failed when tried: bad\nerror: Gymnasium knows no env" in done.out


def start_sweep(sweep: SweepFolder, grid: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "experiments.cli", "sweep", str(grid)]
    command += ["--out", str(sweep.path), "--processes", "2", "--threads", "1"]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=Path(__file__).parents[3],
    )


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(x) for x in file.read_text().split()]


@pytest.mark.slow
def test_a_sweep_killed_twice_is_as_an_undisturbed_one(
    curious: Command, rows: Rows, tmp_path: Path
) -> None:
    """2 worlds × 2 signals × 3 seeds; `kill -9` for all, then for the sweep alone."""
    grid, sweep = write_grid(tmp_path, LARGE, 480), SweepFolder(tmp_path / "sweep")
    cells = {x.name: x for x in expand(read_grid(grid))}
    assert len(cells) == 12
    first = start_sweep(sweep, grid)
    wait_for(lambda: bool(ended(sweep, 480)), first)
    for number in [first.pid, *children(first)]:
        os.kill(number, signal.SIGKILL)
    first.communicate()
    assert 0 < len(ended(sweep, 480)) < 12

    second = start_sweep(sweep, grid)
    wait_for(lambda: any(checkpoints(sweep, "key-door+*+s1")), second)
    orphans = children(second)
    second.kill()
    second.communicate()
    end = time.monotonic() + 600  # of a machine that has other things to do
    while any(Path(f"/proc/{x}/stat").exists() and alive(x) for x in orphans):
        assert time.monotonic() < end, "cells outlive their sweep"
        time.sleep(0.1)
    assert len(ended(sweep, 480)) < 12

    third = start_sweep(sweep, grid)
    out = third.communicate()[0].decode()
    assert third.returncode == 0, out
    assert "12 of 12 cells done." in out
    swept = Swept(sweep, cells, third.returncode, out)
    for name in cells:
        assert_undisturbed(swept, name, curious, rows)


def alive(number: int) -> bool:
    """Not a process that has ended and waits for somebody to notice."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_ctrl_c_saves_every_cell(curious: Command, rows: Rows, tmp_path: Path) -> None:
    grid, sweep = write_grid(tmp_path, LARGE, 4000), SweepFolder(tmp_path / "sweep")
    process = start_sweep(sweep, grid)
    wait_for(lambda: any(checkpoints(sweep)), process)
    cells = children(process)
    process.send_signal(signal.SIGINT)
    out = process.communicate()[0].decode()
    assert process.returncode == 130
    assert not any(map(alive, cells))
    assert "stopped   " in out
    assert "0 of 12 cells done." in out
    assert f"To go on: curious sweep {sweep.path}" in out
    [*saved] = {x.parent.parent for x in checkpoints(sweep)}
    for run in map(RunFolder, saved):
        latest = load_checkpoint(CheckpointFolder(run.checkpoints).latest())
        logged = [x["steps"] for x in rows(run)]
        if latest.state[
            "rollouts"
        ]:  # else stopped at once, or while it played at random
            assert latest.header.steps == logged[-1]
        else:
            assert not logged


@pytest.mark.slow
def test_ray_runs_the_same_cells(
    tmp_path: Path,
) -> None:
    pytest.importorskip("ray")
    grid, sweep = write_grid(tmp_path, SMALL, 80), SweepFolder(tmp_path / "sweep")
    command = [sys.executable, "-m", "experiments.cli", "sweep", str(grid), "--ray"]
    done = subprocess.run(
        [*command, "--out", str(sweep.path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "done      rnd+s0" in done.stdout
    assert "failed    bad+s0 (see its log); will be tried again" in done.stdout
    assert "1 of 2 cells done." in done.stdout
    assert len([x for x in checkpoints(sweep, "rnd+s0") if "0080" in x.name]) == 1


def test_without_ray_it_says_what_to_install(
    curious: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    grid = write_grid(tmp_path, SMALL, 80)
    done = curious("sweep", str(grid), "--out", str(tmp_path / "sweep"), "--ray")
    assert done.code == 1
    assert "pip install 'curious-worlds[sweep]'" in done.err


def test_a_file_of_somebody_is_no_place_for_commands(
    curious: Command, tmp_path: Path
) -> None:
    grid, file = write_grid(tmp_path, SMALL, 40), tmp_path / "thesis.tex"
    file.write_text("all I have\n")
    words = ("sweep", str(grid), "--out", str(tmp_path / "out"), "--commands")
    done = curious(*words, str(file))
    assert done.code == 1
    assert "holds something else than commands of a sweep" in done.err
    assert file.read_text() == "all I have\n"
    for _ in range(2):  # its own it may write again
        assert curious(*words, str(tmp_path / "commands.sh")).code == 0


def test_links_that_lead_nowhere_are_no_place_for_commands(
    curious: Command, tmp_path: Path
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text('arguments = "ppo --size debug --world counting"\nseeds = [0]\n')
    for target in ("itself", "nowhere"):
        link = tmp_path / "itself"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        out = ("--out", str(tmp_path / "out"))
        done = curious("sweep", str(grid), *out, "--commands", str(link))
        assert done.code == 1
        assert "is a link that leads nowhere" in done.err
        assert link.is_symlink()
