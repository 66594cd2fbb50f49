"""The package of docs/extend.md: built from the page, installed, trained with."""

import importlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.cli import main
from experiments.config.choices import Row
from experiments.config.json import read_config
from experiments.parts.models import OBJECTIVES
from experiments.parts.worlds import WORLDS
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.train.command import COMMAND
from experiments.train.tables import CURIOSITY, MODELS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "extend.md").read_text("utf-8")
TABLES: dict[str, Any] = {
    "WORLDS": WORLDS,
    "MODELS": MODELS,
    "OBJECTIVES": OBJECTIVES,
    "CURIOSITY": CURIOSITY,
}
PARTS = ("world", "encoder", "objective", "model", "curiosity")


def write_package(folder: Path) -> None:
    """Every code block that begins with a file name becomes that file."""
    blocks = re.findall(r"^```\w+\n(# ([\w/.]+)\n.*?)^```", PAGE, re.M | re.S)
    for text, name in blocks:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    names = {name for _, name in blocks}
    assert names >= {f"my_parts/{x}.py" for x in PARTS}
    (folder / "my_parts" / "__init__.py").write_text("")


def commands() -> list[list[str]]:
    """Words of the `curious …` lines of the page."""
    lines = [x for x in PAGE.splitlines() if x.startswith("curious ")]
    return [shlex.split(x, comments=True)[1:] for x in lines]


def call(*words: str, folder: Path, site: Path | None = None) -> None:
    """Run a module of Python in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(site or "")}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_installed_package_trains_resumes_and_is_evaluated(tmp_path: Path) -> None:
    source, site, elsewhere = (tmp_path / x for x in ("source", "site", "elsewhere"))
    for folder in (source, elsewhere):
        folder.mkdir()
    write_package(source)
    pip = "pip install --quiet --no-deps --no-build-isolation --no-index"
    call(*pip.split(), "--target", str(site), str(source), folder=tmp_path)

    train, resume, evaluate, _ = commands()
    small = ["--env-steps", "120", "--video-steps", "3"]
    assert importlib.util.find_spec("my_parts") is None  # only where it was installed
    call("experiments.cli", *train, *small, folder=elsewhere, site=site)
    [path] = (elsewhere / "runs").iterdir()
    assert "Corridor-Deep-SignCounts" in path.name
    before = CheckpointFolder(path / "checkpoints").load().state["modules"]

    def on(words: list[str], *more: str) -> None:
        words = [x.replace("runs/RUN", str(path)) for x in words]
        call("experiments.cli", *words, *more, folder=elsewhere, site=site)

    on(resume, "--env-steps", "240", "--video-steps", "0")
    on(evaluate, "--episodes", "2", "--max-steps", "9", "--video-steps", "3")

    data = RunFolder(path).config_file.read_text()
    for part in PARTS:
        assert f'"type": "my_parts.{part}:' in data, part
    loaded = CheckpointFolder(path / "checkpoints").load()
    steps = loaded.state["env_steps"]
    assert steps >= 240
    after = loaded.state["modules"]
    # what the flags say is what was built, and went on
    assert after["actor.model.belief.encoder.body.0.weight"].shape == (6, 1, 5, 5)
    assert after["signals.sign-counts.counts"].shape == (2**6,)
    counts = "signals.sign-counts.counts"
    assert 0 < before[counts].sum() < after[counts].sum() == steps  # one each
    variance = "actor.model.objective.variance"
    assert not torch.equal(after[variance], torch.ones_like(after[variance]))
    assert not torch.equal(after[variance], before[variance])
    assert len(list((path / "videos").glob("*.mp4"))) == 2
    assert list((path / "evaluations").glob("*.json"))


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, importable in this process."""
    known = set(sys.modules)
    write_package(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("my_parts"):
            del sys.modules[name]


def test_what_the_page_calls_a_test_passes(parts: Path) -> None:
    text = (parts / "tests" / "test_my_parts.py").read_text()
    namespace: dict[str, Any] = {}
    exec(compile(text, "docs/extend.md", "exec"), namespace)
    tests = [x for name, x in namespace.items() if name.startswith("test_")]
    assert len(tests) == len(PARTS)
    for test in tests:
        test()


def test_one_row_makes_a_part_known_by_name(
    parts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = re.findall(r"^(\".+\": Row\(.*\)), +# in ([A-Z]+)$", PAGE, re.M)
    known: dict[str, Any] = {"Row": Row}
    for part in PARTS:
        known |= vars(importlib.import_module(f"my_parts.{part}"))
    for row, table in rows:
        for name, made in eval(f"{{{row}}}", known).items():
            monkeypatch.setitem(TABLES[table].rows, name, made)
    assert {table for _, table in rows} == TABLES.keys()

    named = "--size debug --world corridor --model deep --objective scaled-distance"
    argv = [*named.split(), "--curiosity", "sign-counts"]
    config = COMMAND.read([*argv, "--world.length=9", "--model.objective.decay=0.5"])
    world, model, signal = config.world, config.model, config.curiosity
    assert world == known["CorridorConfig"](9)
    objective = known["ScaledDistanceConfig"](0.5)
    assert model == known["DeepConfig"](4, objective=objective)  # 4: of --size debug
    assert signal == known["SignCountsConfig"]()
    assert main(["train", *argv, "--help"]) == 0
    shown = re.sub(r"\s+", " ", re.sub(r"[│|]", " ", capsys.readouterr().out))
    for line in (
        "corridor A corridor",
        "deep A deeper, normalised predictor, and a slower target",
        "scaled-distance Distances in units of the targets' spread",
        "sign-counts Reward frames whose hash was seen seldom",
        "--curiosity.bits INT",
    ):
        assert line in shown


def test_flags_are_in_the_help_and_repeated_by_config(
    parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, _, _, shows = commands()
    assert main(shows) == 0
    assert "--world.length INT" in capsys.readouterr().out
    chosen = train[: train.index("--world.length")]
    assert main([*chosen, "--help"]) == 0
    out = capsys.readouterr().out
    given = {x for x in train[len(chosen) :] if x.startswith("--")}
    assert len(given) == 5
    for flag in given:
        assert flag in out
    assert "cells from one end to the other" in out

    few = ["--num-envs", "2", "--agent.ppo.num-steps", "6", "--video-steps", "0"]
    assert main([*train, *few, "--env-steps", "12"]) == 0
    [path] = Path("runs").iterdir()
    assert main(["train", "--config", str(path), "--seed", "1"]) == 0
    [again] = (x for x in Path("runs").iterdir() if x != path)
    one, two = read_config(path), read_config(again)
    assert one.world.length == two.world.length == 9
    assert (one.world, one.model, one.agent) == (two.world, two.model, two.agent)
    assert one.model.objective.decay == 0.9
    assert (one.seed, two.seed) == (0, 1)
