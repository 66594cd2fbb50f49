import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import pytest

from experiments.cli import COMMANDS, main

Command = Callable[..., Any]


def plain(text: str) -> str:
    """Without boxes and line breaks."""
    return re.sub(r"[\s│─╭╮╰╯]+", " ", text)


def test_curious_alone_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    usage = capsys.readouterr().out
    assert main(["--help"]) == main(["-h"]) == 0
    assert capsys.readouterr().out == 2 * usage
    assert usage.startswith("usage: curious COMMAND")
    for name, (_, about) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(about)}$", usage, re.M)


def test_a_mistyped_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian", "--size", "debug"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "error: There is no command 'trian'. Did you mean 'train'?\n",
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(curious: Command, name: str) -> None:
    done = curious(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"usage: curious {name}" in done.out
    assert f"\n  curious {name}" in done.out  # an example at least


def test_help_of_train_says_what_there_is_to_choose(curious: Command) -> None:
    text = plain(curious("train", "rnd", "--world", "key-door", "--help").out)
    for words in (
        "byol-explore reward what a K-step latent model failed to predict",
        "--size SIZE One dial for networks, envs and budget",
        "laptop about five minutes on two CPU cores",
        "--world WORLD Where the agent lives. (default: atari)",
        "--encoder ENCODER How it sees",
        "--resume RESUME Go on with a run (or one of its checkpoints).",
        "--config FILE Start from the config.json of a run",
        "--num-envs INT B, worlds stepped in parallel (default: 16)",
        "--world.varied-layouts, --world.no-varied-layouts",
        "--curiosity.warm-up-steps INT",
        "curious train --resume runs/RUN --env-steps 200000",
    ):
        assert words in text, words
    assert "--model.horizon" not in text  # RND has no world model
    assert "--world.game STR" not in text


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        ("train --env-step 3", "--env-steps INT"),
        ("train --resmue runs/x", "--resume RESUME"),
        ("train --wrold key-door", "--world WORLD"),
        ("train rdn", "Did you mean 'rnd'?"),
        ("train --world key-dor", "Did you mean 'key-door'?"),
        ("train --agent.ppo.learning-rte 1", "--agent.ppo.learning-rate FLOAT"),
        ("train --env-steps many", "--env-steps: 'many' is no whole"),
        ("evaluate runs/x --epsiodes 3", "--episodes INT"),
    ],
)
def test_mistyped_flags_are_refused_with_a_suggestion(
    curious: Command, argv: str, hint: str
) -> None:
    done = curious(*argv.split())
    assert (done.code, done.out) == (2, "")
    assert hint in plain(done.err)
    assert list(done.runs.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_modules_are_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """What `python -m experiments.train` runs."""
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    module = name.replace("-", "_")
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"experiments.{module}", run_name="__main__")
    assert end.value.code in (0, None)
    assert f"usage: curious {name}" in capsys.readouterr().out


def test_the_installed_command_is_this_one() -> None:
    [script] = entry_points(group="console_scripts", name="curious")
    assert script.load() is main


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"curious-worlds \d+\.\d+\S*\n", capsys.readouterr().out)


def test_a_reader_of_the_help_may_leave_early() -> None:
    argv = [sys.executable, "-m", "experiments.cli", "train", "--help"]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_stops_while_it_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.cli.importlib.import_module", interrupted)
    assert main(["train"]) == 130
    assert capsys.readouterr().err == "error: Stopped before it began, as asked.\n"
