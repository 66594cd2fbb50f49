import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.runs.folder import NotARun, RunFolder
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class Config:
    seed: int = 3


def test_a_run_holds_what_repeats_it(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "runs", "rnd my_worlds:Ring", 3, Config())
    assert run.path.parent == tmp_path / "runs"
    assert run.path.name[8] == "-"
    assert run.path.name.endswith("-rnd-my_worlds-Ring-s3")
    assert run.config() == Config()
    assert sorted(x.name for x in run.path.iterdir()) == [
        "checkpoints",
        "config.json",
        "plots",
        "tensorboard",
        "versions.json",
        "videos",
    ]
    assert json.loads((run.path / "versions.json").read_text())["python"]


def test_runs_of_the_same_second_do_not_meet(tmp_path: Path) -> None:
    runs = {RunFolder.create(tmp_path, "x", 0, Config()).path for _ in range(5)}
    assert len(runs) == 5
    assert all(x.is_dir() for x in runs)


def test_a_folder_that_cannot_be_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    for root in ("link", "file"):
        with pytest.raises(ConfigError, match=f"{root} is a file, or a link that"):
            RunFolder.create(tmp_path / root, "name", 0, Config())


def test_a_run_is_found_by_itself_and_by_what_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(tmp_path, "x", 0, Config())
    checkpoint = run.checkpoints / "step-000000000001.safetensors"
    checkpoint.touch()
    assert RunFolder.open(run.path) == run
    assert RunFolder.open(checkpoint) == run
    assert RunFolder.open(run.config_file) == run
    monkeypatch.chdir(run.checkpoints)
    assert RunFolder.open(Path(checkpoint.name)) == run


def test_what_is_not_a_run_is_told_apart(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path / "runs", "alpha", 0, Config())
    last = RunFolder.create(tmp_path / "runs", "beta", 0, Config())
    with pytest.raises(NotARun, match=f"folder of 2 runs.*newest: {last.path}"):
        RunFolder.open(tmp_path / "runs")
    mistyped = first.path.with_name(first.path.name.replace("alpha", "alhpa"))
    with pytest.raises(NotARun, match=f"no run at .*Did you mean '{first.path.name}'"):
        RunFolder.open(mistyped)
    with pytest.raises(NotARun, match="no run at"):
        RunFolder.open(tmp_path / "nowhere" / "at" / "all")
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "x.safetensors").touch()
    for path in (tmp_path / "else", tmp_path / "else" / "x.safetensors"):
        with pytest.raises(NotARun, match=r"no config\.json.*curious train"):
            RunFolder.open(path)


def test_a_config_that_cannot_be_written_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        RunFolder.create(tmp_path, "x", 0, {"seed": 3})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_config_is_an_error(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "x", 0, Config())
    run.config_file.write_text("{")
    with pytest.raises(ConfigError, match="not a JSON file"):
        run.config()
