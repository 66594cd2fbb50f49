"""Paths as they are typed."""

from pathlib import Path

import pytest

from experiments.config.command_line import parse_plain
from experiments.config.paths import quoted, typed_path
from experiments.report.config import ReportConfig
from experiments.runs.folder import NotARun
from experiments.runs.resume_flag import take_resume
from experiments.train.command import COMMAND


def test_home_is_found_where_no_shell_did_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert COMMAND.read(["ppo", "--runs=~/x"]).runs == tmp_path / "x"
    assert COMMAND.read(["ppo", "--runs", "x~/~"]).runs == Path("x~/~")
    read = parse_plain(["r", "--out=~/x"], ReportConfig, prog="curious report")
    assert read.out == tmp_path / "x"
    with pytest.raises(NotARun, match=f"no run at {tmp_path}/gone"):
        take_resume(["--resume=~/gone"])


def test_a_home_of_nobody_is_left_as_it_was_typed() -> None:
    assert typed_path("~nobody-has-this-name/x") == Path("~nobody-has-this-name/x")


def test_paths_in_commands_are_quoted_where_they_must_be() -> None:
    assert quoted(Path("runs/a-1")) == "runs/a-1"
    assert quoted(Path("my runs/$x")) == "'my runs/$x'"
