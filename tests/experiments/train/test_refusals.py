"""What goes wrong in training, and what is said about it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.config.device import resolve_device
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import ConfigError

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

SMALL = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10")


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
    smaller = "--agent.ppo.learning-rate 2e+37"
    assert f"curious train --config {done.run.path} {smaller}" in message
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
    assert done.code == 1
    assert "The world gives rewards that are not finite." in done.err
    latest = CheckpointFolder(done.run.checkpoints).latest()
    assert f"The last good checkpoint is {latest.name}." in done.err
    assert f"curious train --resume {done.run.path}\n" in done.err
    state = CheckpointFolder(done.run.checkpoints).load().state["modules"]
    assert all(bool(x.isfinite().all()) for x in state.values())


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
        ("rnd --world key-door --env-steps 500", "watches 512 env steps of random"),
        ("--world key-door --curiosity.term spread", "has no term 'spread', only"),
        (
            "--world key-door --curiosity hindsight-error",
            "a --model that has it ('invariance': byol-hindsight)",
        ),
        ("--world key-door --also rdn", "there is no 'rdn'. Did you mean 'rnd'?"),
        ("--world key-door --device tpu", "--device: there is no 'tpu'"),
        (
            "ppo --world key-door --curiosity prediction-error",
            "and there is none: add --model",
        ),
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
    assert f"error: {file} is a file, or a link that leads nowhere." in done.err


@pytest.mark.slow
def test_what_cannot_fit_is_refused_before_anything_is_allocated(
    curious: Command,
) -> None:
    begun = peak()
    for world in ("key-door", "counting", "pixel-maze", "atari"):
        done = curious("train", "--world", world, "--num-envs", "4000000000")
        assert done.code == 1
        assert "but only" in done.err
        assert "rollout  " in done.err
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
    steps = [x["steps"] for x in rows(done.run)]
    assert steps == sorted(steps)
    assert steps[-2] < 80 <= steps[-1]
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


NAN = '''
from dataclasses import dataclass, replace

from envs import VectorEnv
from envs.counting import CountingConfig


@dataclass(frozen=True)
class NanConfig:
    """Pays what is no number."""

    def build(self, num_envs: int, device: str) -> VectorEnv:
        env = CountingConfig().build(num_envs, device)
        step = env.step
        env.step = lambda action: spoiled(step(action))
        return env


def spoiled(row):
    return replace(row, reward=row.reward * float("nan"))
'''


@pytest.mark.parametrize("agent", [("ppo",), ("byol-explore", "--policy", "dqn")])
def test_a_world_that_pays_no_numbers_is_blamed_for_it(
    curious: Command, importable: Callable[[str, str], Path], agent: tuple[str, ...]
) -> None:
    importable("pays_nan", NAN)
    done = curious(
        *("train", *agent, "--size", "debug", "--num-envs", "2"),
        *("--world", "pays_nan:NanConfig", "--env-steps", "4000"),
    )
    assert done.code == 1
    assert "The world gives rewards that are not finite." in done.err
    assert "-learning-rate" not in done.err
    assert "diverged" not in done.err


NAN_VECTOR = '''
from dataclasses import dataclass, replace

import torch

from envs import VectorEnv
from envs.attention.config import AttentionConfig


@dataclass(frozen=True)
class NanConfig:
    """Shows what is no number in its third step, and never again."""

    def build(self, num_envs: int, device: str) -> VectorEnv:
        env = AttentionConfig().build(num_envs, device)
        step, taken = env.step, []
        def spoiled(action):
            taken.append(1)
            row = step(action)
            bad = torch.full_like(row.vector, float("nan"))
            return replace(row, vector=bad) if len(taken) == 3 else row
        env.step = spoiled
        return env
'''


def test_a_vector_that_was_no_number_once_is_blamed(
    curious: Command, importable: Callable[[str, str], Path]
) -> None:
    importable("shows_nan", NAN_VECTOR)
    done = curious(
        *("train", "byol-explore", "--size", "debug", "--num-envs", "2"),
        *("--world", "shows_nan:NanConfig", "--encoder", "vector"),
        *("--agent.ppo.num-minibatches", "1", "--env-steps", "200"),
    )
    assert done.code == 1
    assert "The world gives vectors that are not finite." in done.err
