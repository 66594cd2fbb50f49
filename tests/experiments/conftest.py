"""Runs that several files look at: made once, by the command itself."""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.cli import main
from experiments.runs.folder import RunFolder

SMALL = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10")


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, what it printed, and its newest run."""

    code: int
    out: str
    err: str
    runs: Path

    @property
    def run(self) -> RunFolder:
        return RunFolder(sorted(self.runs.iterdir())[-1])


Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def _one_thread(_quiet_threads: None) -> None:
    """Sums split over threads are not bound to an order, and cores are few."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def curious(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs the command in this process; `train` into `runs`, or a new folder."""

    def run(*argv: str, runs: Path | None = None) -> Done:
        runs = runs or tmp_path_factory.mktemp("runs")
        extra: tuple[str, ...] = ()
        if argv[0] in ("train", "pretrain", "train-model") and "--resume" not in argv:
            extra = ("--runs", str(runs))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*argv, *extra])
        return Done(code, out.getvalue(), err.getvalue(), runs)

    return run


@pytest.fixture(scope="session")
def key_door(curious: Command) -> Done:
    """BYOL-Explore for eight rollouts of 40 steps, with evaluations and a video."""
    torch.set_num_threads(1)
    done = curious(
        *("train", "byol-explore", *SMALL, "--world", "key-door"),
        *("--env-steps", "320", "--checkpoint-every", "80"),
        *("--evaluate-every", "160", "--evaluate-episodes", "2"),
        *("--world.max-episode-steps", "17", "--video-steps", "12"),
    )
    assert done.code == 0, done.err
    return done


@pytest.fixture
def importable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], Path]]:
    """Writes a module into a folder, which becomes the current one."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        return file

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def held() -> Callable[[Path], contextlib.AbstractContextManager[int]]:
    """Has another process hold the lock of a file, and gives its id."""

    @contextlib.contextmanager
    def hold(file: Path) -> Iterator[int]:
        code = (
            "import sys; from pathlib import Path; from world_models.data.lock import *"
        )
        code += "\nwith locked(Path(sys.argv[1])): print('held', flush=True); input()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process.pid
        finally:
            process.communicate(b"\n")

    return hold


@pytest.fixture(scope="session")
def rows() -> Callable[[RunFolder], list[dict[str, Any]]]:
    """Rows of `metrics.jsonl` without what clock and system decide."""

    def read(run: RunFolder) -> list[dict[str, Any]]:
        read = [json.loads(x) for x in run.metrics_file.read_text().splitlines()]
        for row in read:
            metrics = row["metrics"]
            del row["wall_time"], metrics["time/steps_per_second"]
            del metrics["memory/peak_gib"]
        return read

    return read
