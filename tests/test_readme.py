"""What the README shows, run: its Python as it stands, its commands made small."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.cli import COMMANDS, main
from experiments.model.command import COMMAND as TRAIN_MODEL
from experiments.train.presets import CHOICES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

# Two rollouts of a handful of steps: whatever else a command says is left as it is.
SMALL = {
    "--size": "debug",
    "--num-envs": "2",
    "--env-steps": "12",
    "--agent.ppo.num-steps": "6",
    "--video-steps": "2",
}
ON = {"--env-steps": "24", "--video-steps": "0"}  # of a run that goes on
PLAYED = {"--episodes": "1", "--max-steps": "5", "--video-steps": "2"}


def blocks(*languages: str) -> list[str]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", README, re.M | re.S)
    return [text for language, text in found if language in languages]


def commands() -> list[list[str]]:
    """Words of every `curious …` line of the README, and of the Makefile."""
    lines = [x for block in blocks("sh", "bash") for x in block.splitlines()]
    lines += [
        x.replace("$(BIN)/", "").strip()
        for x in MAKEFILE.splitlines()
        if x.startswith("\t$(BIN)/curious ")
    ]
    return [
        shlex.split(x, comments=True)[1:] for x in lines if x.startswith("curious ")
    ]


def with_flags(words: list[str], flags: dict[str, str]) -> list[str]:
    """The command with these flags instead of its own values for them."""
    kept = [
        word
        for i, word in enumerate(words)
        if word not in flags and (i == 0 or words[i - 1] not in flags)
    ]
    return kept + [x for pair in flags.items() for x in pair]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def test_there_is_something_to_run() -> None:
    assert blocks("python")
    assert {words[0] for words in commands()} >= {"train", "evaluate"}


def test_the_python_runs() -> None:
    namespace: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["envs"].metrics["intrinsic/rnd/reward_mean"] > 0  # SB3's are paid


def test_from_a_world_to_the_gradient_in_ten_lines() -> None:
    """Without config classes, and without the commands' package."""
    [block] = [x for x in blocks("python") if "jepa_vicreg" in x]
    lines = [x for x in block.splitlines() if x.strip()]
    assert len(lines) <= 10
    assert "Config" not in block
    assert "experiments" not in block
    namespace: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), namespace)
    reached = [x.grad for x in namespace["model"].belief.encoder.parameters()]
    assert all(x is not None and x.isfinite().all() for x in reached)
    assert any(x.any() for x in reached)


def test_curiosity_in_a_loop_of_ones_own_in_ten_lines() -> None:
    [block] = [x for x in blocks("python") if "curious.rollout" in x]
    assert len([x for x in block.splitlines() if x.strip()]) <= 10
    assert "experiments" not in block
    namespace: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["bonus"].shape == (16, 8)
    assert (namespace["bonus"] > 0).any()
    assert "loss/rnd" in namespace["curious"].metrics


def test_the_commands_run(capsys: pytest.CaptureFixture[str]) -> None:
    run = Path("runs/RUN")
    for words in sorted(commands(), key=lambda x: any("RUN" in y for y in x)):
        said = " ".join(words)
        runs = sorted(x for x in Path("runs").glob("*") if x.is_dir())
        words = [x.replace(str(run), str(runs[0]) if runs else x) for x in words]
        if "--help" in words:
            assert main(words) == 0, said
            continue
        if words[0] == "train":
            goes_on = "--resume" in words
            several = {"--seeds": "2"} if "--seeds" in words else {}
            watched = {}  # random play is part of the budget
            if words[1] == "rnd":
                watched = {"--curiosity.warm-up-steps": "2"}
            elif "--also" in words:
                watched = {"--also.0.curiosity.warm-up-steps": "2"}
            small = SMALL | several | watched
            if "--policy" in words:  # of its own: windows fit into rollouts
                small = {x: y for x, y in small.items() if ".ppo." not in x}
                small |= {
                    "--agent.num-steps": "9",
                    "--agent.study.learning-starts": "9",
                }
            words = with_flags(words, ON if goes_on else small)
        elif words[0] == "evaluate":
            words = with_flags(words, PLAYED)
        elif words[0] == "train-model":
            if "recorded" in words:  # by a command that is too long to run here
                TRAIN_MODEL.read(words[1:])
                continue
            words = with_flags(words, {"--size": "debug"})
        else:  # too long to run here: its flags exist at least
            assert main([words[0], "--help"]) == 0
            out = capsys.readouterr().out
            assert all(x in out for x in words if x.startswith("--")), said
            continue
        assert main(words) == 0, said
        capsys.readouterr()


def test_targets_of_make_exist() -> None:
    lines = "\n".join(blocks("sh", "bash"))
    words = [
        shlex.split(x, comments=True) for x in lines.splitlines() if x[:5] == "make "
    ]
    targets = {x[1] for x in words}
    assert targets <= set(re.findall(r"^(\w+):", MAKEFILE, re.M))


def test_the_table_of_choices_is_that_of_the_command() -> None:
    rows = dict(re.findall(r"^\| `?-{0,2}([a-z]+)`? \| (.*) \|$", README, re.M))
    names = {x.name: list(x.table.rows) for x in CHOICES if x.name in rows}
    assert names
    for choice, listed in names.items():
        if not rows[choice].startswith("the same"):
            assert re.findall(r"`([a-z-]+)`", rows[choice]) == listed, choice


def test_commands_that_are_named_exist() -> None:
    named = set(re.findall(r"`?curious ([a-z-]+)", README))
    assert named
    assert named <= set(COMMANDS)
