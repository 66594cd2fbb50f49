import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from rich.console import Console

from agents.curiosity import PredictionErrorConfig
from agents.rnd import RndConfig
from envs.gymnasium_env import GymnasiumConfig
from experiments.checkpoint import read_header
from experiments.checkpoint_folder import CheckpointFolder, env_steps_of
from experiments.health import TrainingDiverged
from experiments.interrupt import interruptible
from experiments.logger import MetricLogger, read_metrics
from experiments.parts import ConfigError
from experiments.presets import train_config
from experiments.progress import Progress
from experiments.run_folder import RunFolder
from experiments.train import build_agent, run_name, train
from experiments.train_config import TrainConfig, resolve_device
from experiments.train_loop import TrainLoop

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

SMALL = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10")
ALWAYS = {
    "loss/policy",
    "loss/value",
    "policy/entropy",
    "policy/kl",
    "policy/clip_fraction",
    "time/env_steps_per_second",
    "time/frames",
}
PROMISED = {
    "byol-explore": ALWAYS
    | {
        "intrinsic/reward_mean",
        "intrinsic/reward_std",
        "intrinsic/raw_mean",
        "loss/world_model",
        "world_model/effective_rank",
        "world_model/latent_spread",
        "world_model/updates",
    },
    "rnd": ALWAYS
    | {
        "intrinsic/reward_mean",
        "intrinsic/reward_std",
        "intrinsic/raw_mean",
        "loss/curiosity",
    },
    "ppo": ALWAYS,
}
EPISODE = {"episode/return", "episode/length"}
EVALUATION = {"return_mean", "return_max", "rooms", "cells"}


def test_a_run_leaves_all_that_it_promises(key_door: Any) -> None:
    run = key_door.run
    assert run.path.name.endswith("-KeyDoor-ByolExplore-s0")
    left = {x.name for x in run.path.iterdir()} - {"evaluations"}  # by other tests
    assert left == {
        "checkpoints",
        "config.json",
        "metrics.jsonl",
        "plots",
        "tensorboard",
        "versions.json",
        "videos",
    }
    assert run.config().world.max_episode_steps == 17
    assert (run.plots / "training.png").read_bytes()[:4] == b"\x89PNG"
    assert any(x.stat().st_size > 2_000 for x in run.tensorboard.iterdir())
    [video] = run.videos.glob("step-*.mp4")
    assert video.name == "step-000000000320.mp4"
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(video))
    assert frames == 13
    for line in (
        f"Run folder: {run.path}",
        f"plot    {run.plots}/training.png",
        f"video   {video}",
        f"next    curious evaluate {run.path}",
    ):
        assert line in key_door.out.splitlines()
    assert re.search(
        r"^Memory: about [\d.]+ MiB of the [\d.]+ GiB free on cpu$", key_door.out, re.M
    )


def test_the_best_checkpoint_holds_the_weights_that_were_evaluated(
    key_door: Any,
) -> None:
    paths = CheckpointFolder(key_door.run.checkpoints).paths()
    scores = {env_steps_of(x): read_header(x).score for x in paths}
    columns = read_metrics(key_door.run)
    evaluated = np.isfinite(columns["evaluate/return_mean"])
    assert columns["env_steps"][evaluated].tolist() == [160, 320]
    assert [k for k, x in scores.items() if x is not None] == [160, 320]
    assert 240 in scores


def names(run: RunFolder) -> set[str]:
    columns = read_metrics(run)
    for name, values in columns.items():
        assert np.isfinite(values).any(), name
    return set(columns) - {"env_steps", "wall_time"}


def test_metrics_of_byol_explore(key_door: Any) -> None:
    evaluated = {f"evaluate/{x}" for x in EVALUATION}
    assert names(key_door.run) == PROMISED["byol-explore"] | EPISODE | evaluated
    columns = read_metrics(key_door.run)
    assert columns["env_steps"].tolist() == list(range(40, 321, 40))
    # two epochs of two minibatches
    assert columns["world_model/updates"].tolist() == list(range(4, 33, 4))
    for name in sorted(PROMISED["byol-explore"]):
        assert np.isfinite(columns[name]).all(), name
    # all four episodes of 17 steps end together
    ended = np.isfinite(columns["episode/length"])
    assert columns["episode/length"][ended].tolist() == [17.0] * 4
    rooms = columns["evaluate/rooms"][[3, 7]]
    cells = columns["evaluate/cells"][[3, 7]]
    assert ((rooms >= 1) & (rooms <= 2) & (cells >= rooms) & (cells <= 36)).all()


@pytest.mark.parametrize("preset", ["rnd", "ppo"])
def test_metrics_of_the_other_presets(curious: Command, preset: str) -> None:
    argv = [*SMALL, "--world", "counting", "--env-steps", "120", "--video-steps", "0"]
    if preset == "rnd":
        argv += ["--curiosity.warm-up-steps", "3"]
    done = curious("train", preset, *argv)
    assert done.code == 0
    assert names(done.run) == PROMISED[preset] | EPISODE
    for name, values in read_metrics(done.run).items():
        if name not in EPISODE:
            assert len(values) == 3, name
            assert np.isfinite(values).all(), name


def test_a_config_repeats_a_run_and_evaluation_leaves_no_trace_in_it(
    curious: Command, key_door: Any, rows: Rows
) -> None:
    config = str(key_door.run.path)
    quiet = curious(
        "train", "--config", config, "--evaluate-every", "0", "--video-steps", "0"
    )
    disturbed = rows(key_door.run)
    for row in disturbed:
        for name in EVALUATION:
            row["metrics"].pop(f"evaluate/{name}", None)
    assert rows(quiet.run) == disturbed
    assert list(quiet.run.videos.iterdir()) == []


def test_several_seeds_are_several_runs(curious: Command, rows: Rows) -> None:
    done = curious(
        *("train", "ppo", *SMALL, "--world", "counting", "--seed", "3"),
        *("--seeds", "2", "--env-steps", "40", "--video-steps", "0"),
    )
    assert done.code == 0
    runs = [RunFolder(x) for x in sorted(done.runs.iterdir())]
    assert [x.path.name[-3:] for x in runs] == ["-s3", "-s4"]
    assert [x.config().seed for x in runs] == [3, 4]
    assert [x.config().seeds for x in runs] == [1, 1]
    first, second = (rows(x) for x in runs)
    assert first != second


def test_in_python_and_in_another_thread(tmp_path: Path) -> None:
    config = replace(
        train_config("rnd", "debug", "counting"),
        num_envs=2,
        env_steps=30,
        runs=tmp_path,
        video_steps=0,
        curiosity=RndConfig(size=8, warm_up_steps=2),
    )
    results: list[Any] = []
    console = Console(file=StringIO())
    work = threading.Thread(target=lambda: results.extend(train(config, None, console)))
    work.start()
    work.join()
    [result] = results
    assert result.finished
    assert result.env_steps == 40
    assert result.run.config() == config


def test_runs_are_named_by_what_they_are() -> None:
    config = train_config("byol-explore", "debug")
    assert run_name(config) == "MontezumaRevenge-ByolExplore"
    assert run_name(replace(config, curiosity=None)) == (
        "MontezumaRevenge-ByolExplore-Ppo"
    )
    assert run_name(replace(config, curiosity=RndConfig())) == (
        "MontezumaRevenge-ByolExplore-Rnd"
    )
    assert run_name(train_config("rnd", "debug", "pixel-maze")) == "PixelMaze-Rnd"
    config = train_config("ppo", "debug", "gymnasium")
    assert run_name(config) == "CartPole-v1-Ppo"
    world = GymnasiumConfig("ALE/Pong-v5")
    config = replace(config, world=world, curiosity=PredictionErrorConfig())
    assert run_name(config) == "ALE/Pong-v5-PredictionError"


@contextmanager
def signals(begun: Callable[[], bool], *numbers: int) -> Iterator[None]:
    """Sends real signals to this process, once something has begun."""
    over = threading.Event()

    def send() -> None:
        while not begun() and not over.wait(0.01):
            pass
        for number in numbers:
            over.wait(0.1)
            if not over.is_set():
                os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_with_a_checkpoint(
    curious: Command, rows: Rows, tmp_path: Path, number: int
) -> None:
    argv = ["train", "ppo", *SMALL, "--world", "counting", "--env-steps", "100000"]
    before = signal.getsignal(number)
    with signals(lambda: any(tmp_path.glob("*/metrics.jsonl")), number):
        done = curious(*argv, "--seeds", "3", runs=tmp_path)
    assert signal.getsignal(number) is before
    assert done.code == 130
    [folder] = tmp_path.iterdir()
    lines = done.out.splitlines()
    stopped = [x for x in lines if x.startswith("Stopped at ")]
    assert stopped[0].endswith(f"Go on with: curious train --resume {folder}")
    assert f"train --config {folder} --seed 1 --seeds 2" in lines[-1]
    steps = rows(RunFolder(folder))[-1]["env_steps"]
    assert env_steps_of(CheckpointFolder(folder / "checkpoints").latest()) == steps
    assert list((folder / "videos").iterdir()) == []
    done = curious(
        *("train", "--resume", str(folder), "--env-steps", str(steps + 40)),
        *("--video-steps", "0"),
    )
    assert done.code == 0
    assert rows(RunFolder(folder))[-1]["env_steps"] == steps + 40


def test_ctrl_c_does_not_wait_for_an_evaluation(
    curious: Command, rows: Rows, tmp_path: Path
) -> None:
    argv = ["train", "ppo", *SMALL, "--world", "key-door", "--env-steps", "100000"]
    argv += ["--world.max-episode-steps", "1000000", "--evaluate-every", "40"]
    with signals(lambda: any(tmp_path.iterdir()), signal.SIGINT):
        done = curious(*argv, runs=tmp_path)
    assert done.code == 130
    assert "evaluating at 40 env steps" in done.out
    [row] = rows(done.run)
    assert "evaluate/return_mean" not in row["metrics"]
    latest = CheckpointFolder(done.run.checkpoints).latest()
    assert env_steps_of(latest) == row["env_steps"] == 40
    assert read_header(latest).score is None


def test_a_second_ctrl_c_insists(curious: Command, tmp_path: Path) -> None:
    argv = ["train", "ppo", *SMALL, "--world", "counting", "--env-steps", "100000"]
    argv += ["--agent.ppo.num-steps", "1000"]  # a step of many seconds
    begun = time.monotonic()
    with signals(lambda: any(tmp_path.iterdir()), signal.SIGINT, signal.SIGINT):
        done = curious(*argv, runs=tmp_path)
    assert time.monotonic() - begun < 20
    assert done.code == 130
    assert "Stopped at once" in done.err
    assert CheckpointFolder(done.run.checkpoints).paths() == []


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_worker_processes_leave_interruption_to_their_parent() -> None:
    with interruptible() as interrupted:
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(7)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert ended == -signal.SIGTERM
        assert not interrupted.is_set()


def diverged(done: Any) -> str:
    assert done.code == 1
    assert "Training has diverged" in done.err
    assert "Traceback" not in done.err
    return str(done.err)


def test_an_absurd_learning_rate_is_reported(curious: Command) -> None:
    done = curious(
        *("train", "byol-explore", *SMALL, "--world", "counting"),
        *("--agent.ppo.learning-rate", "1e38"),
    )
    message = diverged(done)
    assert "loss/" in message
    assert "No checkpoint had been saved yet." in message
    assert f"curious train --config {done.run.path} --agent.ppo" in message
    assert "nan" in done.run.metrics_file.read_text().splitlines()[-1]


BROKEN = '''
from dataclasses import dataclass
import torch
from envs.counting import CountingWorld
from envs.native_env import NativeVectorEnv

class Rich(CountingWorld):
    """Pays without bound from a certain step of the third episode on."""
    def transition(self, state, action, generator):
        out = super().transition(state, action, generator)
        rich = (state.episode == 6) & (state.step == 2)
        return out._replace(reward=out.reward.masked_fill(rich, float("inf")))

@dataclass(frozen=True)
class Config:
    def build(self, num_envs, device):
        return NativeVectorEnv(Rich(), num_envs, device)
'''


def test_an_infinite_reward_stops_training_and_the_last_checkpoint_is_good(
    curious: Command, importable: Callable[[str, str], Path]
) -> None:
    importable("rich_world", BROKEN)
    done = curious(
        *("train", "ppo", *SMALL, "--world", "rich_world:Config"),
        *("--checkpoint-every", "40", "--env-steps", "4000"),
    )
    assert "episode/return is inf" in diverged(done)
    latest = CheckpointFolder(done.run.checkpoints).latest()
    assert f"The last good checkpoint is {latest.name}." in done.err
    assert f"curious train --resume {done.run.path} --agent.ppo" in done.err
    state = CheckpointFolder(done.run.checkpoints).load().state["modules"]
    assert all(bool(x.isfinite().all()) for x in state.values())


def test_broken_weights_are_never_saved(tmp_path: Path) -> None:
    config = replace(train_config("ppo", "debug", "counting"), num_envs=2, env_steps=1)
    agent = build_agent(config)
    agent.begin()
    agent.env_steps = 1  # nothing is left to train: only the last save
    run = RunFolder.create(tmp_path, "x", 0, config)
    checkpoints = CheckpointFolder(run.checkpoints)
    progress = Progress(1, console=Console(file=StringIO()))
    logger = MetricLogger(run)
    loop = TrainLoop(
        config, agent, run, checkpoints, logger, progress, threading.Event()
    )
    loop.run()
    [good] = checkpoints.paths()
    with torch.no_grad():
        agent.policy.actor.weight[0, 0] = float("nan")
    agent.env_steps = 2
    with pytest.raises(TrainingDiverged, match=r"actor.policy.actor.weight is nan"):
        loop.run()
    logger.close()
    assert checkpoints.paths() == [good]


def test_a_policy_that_stops_trying_is_warned_of(curious: Command) -> None:
    done = curious(
        *("train", "ppo", *SMALL, "--world", "counting", "--env-steps", "400"),
        *("--agent.ppo.learning-rate", "0.3", "--agent.ppo.entropy-coeff", "-1"),
        *("--agent.ppo.max-grad-norm", "100", "--video-steps", "0"),
    )
    assert "warning: The policy has all but stopped" in done.out
    assert done.code == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--world.game Pongg", "no Atari game 'Pongg'. Did you mean pong"),
        ("--world gymnasium --world.id CartPol-v1", "Did you mean CartPole-v1"),
        ("--world key-door --num-envs 7", "7 envs cannot be split into 2"),
        ("--world key-door --device tpu", "--device: there is no 'tpu'"),
        ("ppo --world key-door --curiosity prediction-error", "needs a world model"),
        (
            "--world key-door --model.horizon 0",
            "config.model: horizon must be at least 1",
        ),
        ("--agent.ppo.num-epochs 0", "agent.ppo: num_epochs must be at least 1"),
        ("--world key-door --model.horizon 22", "needs rollouts of at least 21"),
        ("--world nowhere:World", "cannot import 'nowhere'"),
    ],
)
def test_what_does_not_fit_is_one_message(
    curious: Command, argv: str, message: str
) -> None:
    words = argv.split()
    preset = [] if words[0].startswith("-") else [words.pop(0)]
    done = curious("train", *preset, "--size", "debug", *words)
    assert done.code in (1, 2)
    assert message in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
    assert list(done.runs.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_one_message(curious: Command) -> None:
    done = curious("train", "--size", "debug", "--device", "cuda")
    assert (done.code, done.out) == (1, "")
    assert "PyTorch sees no GPU here" in done.err
    assert resolve_device("auto") == torch.device("cpu")


def test_a_runs_folder_that_cannot_be_made_is_one_message(
    curious: Command, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    done = curious("train", "ppo", *SMALL, "--world", "counting", runs=file)
    assert done.code == 1
    assert f"error: Not a directory: {file}" in done.err


def test_what_cannot_fit_is_refused_before_anything_is_allocated(
    curious: Command,
) -> None:
    begun = peak()
    for world in ("key-door", "counting", "pixel-maze", "atari"):
        done = curious("train", "--world", world, "--num-envs", "4000000000")
        assert done.code == 1
        assert "but only" in done.err
        assert "rollout frames" in done.err
        assert "Lower --num-envs" in done.err
    assert peak() - begun < 400 << 20


def peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) << 10


def test_a_full_disk_ends_a_run_with_one_message(tmp_path: Path) -> None:
    """A limit on the size of files is what a full disk is to the one who writes."""
    script = (
        "import resource, sys; from experiments.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "sys.exit(main(sys.argv[1:]))"
    )
    argv = ["train", "ppo", *SMALL, "--world", "counting", "--runs", str(tmp_path)]
    argv += ["--checkpoint-every", "40"]
    ran = subprocess.run(
        [sys.executable, "-c", script, *argv],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 1
    assert "Could not write" in ran.stderr
    assert "Free some disk space" in ran.stderr
    assert "Traceback" not in ran.stderr
    [run] = tmp_path.iterdir()
    assert list((run / "checkpoints").iterdir()) == []


OWN = '''
from dataclasses import dataclass
from envs.counting import CountingWorld
from envs.native_env import NativeVectorEnv

class Odd(CountingWorld):
    fails = False
    def render(self, state):
        if self.fails:
            return 1 // 0
        return super().render(state)

@dataclass(frozen=True)
class Config:
    fails: bool = False
    """Whether it is broken."""
    def build(self, num_envs, device):
        world = Odd()
        world.fails = self.fails
        return NativeVectorEnv(world, num_envs, device)
'''


def test_a_world_from_outside_trains_and_resumes(
    curious: Command, importable: Callable[[str, str], Path], rows: Rows
) -> None:
    importable("own_world", OWN)
    done = curious(
        *("train", "ppo", *SMALL, "--world", "own_world:Config"),
        *("--env-steps", "40", "--video-steps", "5"),
    )
    assert done.code == 0
    assert "own_world:Config" in done.run.config_file.read_text()
    more = curious("train", "--resume", str(done.run.path), "--env-steps", "80")
    assert more.code == 0
    assert [x["env_steps"] for x in rows(done.run)] == [40, 80]
    with pytest.raises(ZeroDivisionError):  # a bug is not hidden behind a message
        curious("train", "ppo", *SMALL, "--world", "own_world:Config", "--world.fails")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_envs", 0),
        ("env_steps", 0),
        ("seed", -1),
        ("keep_checkpoints", 0),
        ("evaluate_every", -1),
        ("video_steps", -1),
    ],
)
def test_numbers_out_of_range_are_refused(
    curious: Command, name: str, value: int
) -> None:
    flag = "--" + name.replace("_", "-")
    with pytest.raises(ConfigError, match=f"{flag} must be at least {value + 1}"):
        TrainConfig(**{name: value})  # type: ignore[arg-type]
    done = curious("train", flag, str(value))
    assert done.code == 2
    assert f"{flag} must be at least" in " ".join(done.err.split())
