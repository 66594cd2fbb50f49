import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from experiments.config.json import read_config, write_config
from experiments.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import RunFolder

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

PLAIN = (
    *("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10"),
    *("--world", "counting", "--video-steps", "0"),
)


def leaves(tree: Any, path: str = "") -> dict[str, Any]:
    """Every leaf of a state under its path."""
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list | tuple):
        items = list(enumerate(tree))
    else:
        return {path: tree}
    return {k: x for name, y in items for k, x in leaves(y, f"{path}/{name}").items()}


def assert_equal_states(one: RunFolder, two: RunFolder) -> None:
    states = [leaves(CheckpointFolder(x.checkpoints).load().state) for x in (one, two)]
    assert list(states[0]) == list(states[1])
    assert len(states[0]) > 40
    for name, value in states[0].items():
        other = states[1][name]
        if isinstance(value, Tensor):
            assert value.dtype == other.dtype, name
            assert torch.equal(value, other), name
        else:
            assert value == other, name


def test_n_and_resume_and_n_is_2n(curious: Command, key_door: Any, rows: Rows) -> None:
    config = str(key_door.run.path)
    half = curious("train", "--config", config, "--env-steps", "160")
    steps = [x["steps"] for x in rows(half.run)]
    assert steps[-2] < 160 <= steps[-1]  # rows of resets are no steps
    done = curious("train", "--resume", str(half.run.path), "--env-steps", "320")
    assert done.code == 0
    assert f"Run folder: {half.run.path}, going on at {steps[-1]}" in done.out
    assert rows(half.run) == rows(key_door.run)
    assert_equal_states(half.run, key_door.run)
    # config.json says how the run went on
    assert half.run.config() == replace(
        key_door.run.config(), runs=half.run.config().runs
    )


def test_the_same_from_an_older_checkpoint(
    curious: Command, undisturbed: Any, rows: Rows, tmp_path: Path
) -> None:
    run = copied(undisturbed.run, tmp_path)
    older = CheckpointFolder(run.checkpoints).paths()[6]
    last = rows(run)[-1]["steps"]
    done = curious("train", "--resume", str(older))
    assert done.code == 0
    assert f"Going back from {last} to {steps_of(older)} env steps" in done.out
    assert rows(run) == rows(undisturbed.run)
    assert_equal_states(run, undisturbed.run)


def start(argv: list[str], prefix: str = "") -> subprocess.Popen[str]:
    script = f"import sys, signal; {prefix}from experiments.cli import main; "
    return subprocess.Popen(
        [sys.executable, "-c", script + "sys.exit(main(sys.argv[1:]))", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not what():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.002)


KILLED = ["train", "rnd", *PLAIN, "--checkpoint-every", "40"]
KILLED += ["--curiosity.warm-up-steps", "2", "--curiosity.size", "40"]


@pytest.fixture(scope="module")
def undisturbed(curious: Command) -> Any:
    torch.set_num_threads(1)
    return curious(*KILLED, "--env-steps", "400", "--keep-checkpoints", "99")


@pytest.mark.slow
def test_a_killed_run_loses_at_most_one_interval(
    curious: Command, undisturbed: Any, rows: Rows, tmp_path: Path
) -> None:
    process = start([*KILLED, "--env-steps", "400", "--runs", str(tmp_path)])
    wait_for(lambda: len(list(tmp_path.glob("*/checkpoints/step*"))) >= 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    check_it_goes_on(curious, undisturbed, rows, tmp_path)


def test_a_run_killed_while_it_saves_loses_nothing_older(
    curious: Command, undisturbed: Any, rows: Rows, tmp_path: Path
) -> None:
    """Beyond a limit on the size of files, the kernel kills whoever writes on."""
    mortal = "signal.signal(signal.SIGXFSZ, signal.SIG_DFL); "
    argv = [*KILLED, "--env-steps", "400", "--runs", str(tmp_path)]
    process = start(argv, mortal)
    wait_for(lambda: any(tmp_path.glob("*/checkpoints/step*")), process)
    [first, *_] = sorted(tmp_path.glob("*/checkpoints/step*"))
    half = first.stat().st_size // 2
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (half, half))
    process.communicate()
    assert process.returncode == -signal.SIGXFSZ
    [partial] = hidden(first.parent)
    assert partial.stat().st_size <= half
    check_it_goes_on(curious, undisturbed, rows, tmp_path)
    assert hidden(first.parent) == []


def hidden(folder: Path) -> list[Path]:
    return [x for x in folder.iterdir() if x.name.startswith(".")]


def check_it_goes_on(
    curious: Command, undisturbed: Any, rows: Rows, runs: Path
) -> None:
    [path] = runs.iterdir()
    run = RunFolder(path)
    paths = CheckpointFolder(run.checkpoints).paths()
    for file in paths:
        load_checkpoint(file)  # whatever bears a final name is whole
    latest = steps_of(paths[-1])
    lines = run.metrics_file.read_text().splitlines()
    assert latest < 400
    beyond = [x for x in lines if json.loads(x)["steps"] > latest]
    assert len(beyond) <= 1  # at most one interval of one rollout
    done = curious("train", "--resume", str(path))
    assert done.code == 0, done.err
    assert rows(run) == rows(undisturbed.run)
    assert_equal_states(run, undisturbed.run)


def copied(run: RunFolder, to: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(run.path, to / "copy")))


def test_a_damaged_checkpoint_is_refused_and_the_one_before_offered(
    curious: Command, undisturbed: Any, tmp_path: Path
) -> None:
    run = copied(undisturbed.run, tmp_path)
    *_, before, latest = CheckpointFolder(run.checkpoints).paths()
    content = latest.read_bytes()
    latest.write_bytes(content[: len(content) // 2])
    argv = ["train", "--resume", str(run.path), "--env-steps", "440"]
    done = curious(*argv)
    assert done.code == 1
    assert f"{latest} is cut off" in done.err
    assert f"--resume {before}" in done.err
    torch.save({"a": torch.zeros(3)}, latest)
    done = curious(*argv)
    assert (done.code, f"--resume {before}" in done.err) == (1, True)
    assert "is a pickle" in done.err
    assert before.exists()
    assert curious("train", "--resume", str(before), "--env-steps=440").code == 0


def test_a_run_that_had_its_budget_says_so(curious: Command, undisturbed: Any) -> None:
    path = undisturbed.run.path
    before = sorted((x, x.stat().st_mtime_ns) for x in path.rglob("*"))
    done = curious("train", "--resume", str(path))
    assert done.code == 0
    steps = steps_of(CheckpointFolder(path / "checkpoints").latest())
    assert f"has had {steps} env steps, its budget is 400" in done.out
    assert f"curious train --resume {path} --env-steps {2 * steps}" in done.out
    assert sorted((x, x.stat().st_mtime_ns) for x in path.rglob("*")) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--agent.encoder.size 32", "--agent.encoder.size 32 (was 64)"),
        ("--num-envs 2 --seed 4", "--num-envs 2 (was 4); --seed 4 (was 0)"),
        ("--curiosity.size 41", "--curiosity.size 41 (was 40)"),
        ("--agent.replay.capacity 3", "--agent.replay.capacity 3 (was 0)"),
    ],
)
def test_other_networks_cannot_go_on(
    curious: Command, undisturbed: Any, flags: str, message: str
) -> None:
    path = undisturbed.run.path
    before = (path / "config.json").read_bytes()
    done = curious("train", "--resume", str(path), "--env-steps=900", *flags.split())
    assert done.code == 1
    assert f"cannot go on with {message}" in done.err
    assert (path / "config.json").read_bytes() == before


def test_what_several_processes_saved_is_gone_on_with_by_as_many(
    curious: Command, undisturbed: Any, tmp_path: Path
) -> None:
    run = copied(undisturbed.run, tmp_path)
    latest = CheckpointFolder(run.checkpoints).latest()
    saved = load_checkpoint(latest)
    state = {**saved.state, "own": 2 * saved.state["own"]}
    save_checkpoint(latest, state, saved.header.steps)
    done = curious("train", "--resume", str(run.path), "--env-steps", "440")
    assert done.code == 1
    assert "was saved by 2 processes, and here is 1: go on with as many" in done.err
    assert "Memory:" not in done.out  # nothing was built


def test_an_edited_config_is_found_out(
    curious: Command, undisturbed: Any, tmp_path: Path
) -> None:
    run = copied(undisturbed.run, tmp_path)
    config = run.config()
    core = replace(config.agent.core, size=47)
    write_config(
        run.config_file, replace(config, agent=replace(config.agent, core=core))
    )
    done = curious("train", "--resume", str(run.path), "--env-steps", "440")
    assert done.code == 1
    assert "holds other networks than its config says" in done.err
    assert "actor.model.core.cell.from_memory.bias ([144], needed: [141])" in done.err


def test_what_a_finished_run_does_not_take_up_is_said(
    curious: Command, undisturbed: Any
) -> None:
    path = str(undisturbed.run.path)
    done = curious("train", "--resume", path, "--agent.ppo.learning-rate", "1e-5")
    assert done.code == 0
    said = "Nothing was done with --agent.ppo.learning-rate 1e-05 (was 0.00025)"
    assert said in done.out
    assert "Nothing was done" not in curious("train", "--resume", path).out


def test_a_slower_learner_may_go_on(
    curious: Command, undisturbed: Any, tmp_path: Path
) -> None:
    run = copied(undisturbed.run, tmp_path)
    rate = "--agent.ppo.learning-rate"
    argv = ["train", "--resume", str(run.path), "--env-steps", "440"]
    assert curious(*argv, rate, "1e-5").code == 0
    assert read_config(run.config_file).agent.ppo.learning_rate == 1e-5
    state = CheckpointFolder(run.checkpoints).load().state
    assert [x["lr"] for x in state["learner"]["param_groups"]] == [1e-5]


def test_resume_brings_its_own_config(curious: Command, undisturbed: Any) -> None:
    path = str(undisturbed.run.path)
    done = curious("train", "--resume", path, "--config", path)
    assert done.code == 1
    assert "--resume brings its own config" in done.err
    done = curious("train", "--resume", path, "--world", "key-door")
    assert done.code == 2
    assert "already says what world is" in done.err.replace("\n", " ")
    assert curious("train", "--resume").code == 2
    done = curious("train", "--resume", path + "x")
    assert done.code == 1
    assert f"Did you mean '{undisturbed.run.path.name}'?" in done.err


def test_atari_goes_on_with_fresh_episodes(curious: Command, rows: Rows) -> None:
    done = curious(
        *("train", "ppo", "--size", "debug", "--world.game", "Pong"),
        *("--num-envs", "2", "--agent.ppo.num-steps", "11", "--env-steps", "22"),
        *("--video-steps", "3"),
    )
    assert done.code == 0
    [video] = done.run.videos.iterdir()
    assert video.stat().st_size > 1000
    more = curious("train", "--resume", str(done.run.path), "--env-steps", "44")
    assert more.code == 0
    assert [x["steps"] for x in rows(done.run)] == [22, 44]
    [own] = CheckpointFolder(done.run.checkpoints).load().state["own"]
    state = own["collector"]
    assert state["env"] is None
    assert state["length"].tolist() == [11.0, 11.0]
