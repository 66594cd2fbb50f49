"""What `curious train` leaves behind, and that it can be repeated."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
from rich.console import Console

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from envs.gym.env import GymnasiumConfig
from experiments.runs.checkpoints.checkpoint import read_header
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from experiments.runs.playing import evaluate_random
from experiments.train.presets import train_config
from experiments.train.task import run_name, train

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

SMALL = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10")
ALWAYS = {
    "loss/policy",
    "loss/value",
    "policy/entropy",
    "policy/kl",
    "policy/clip_fraction",
    "time/steps_per_second",
    "time/frames",
    "memory/peak_gib",
}
PROMISED = {
    "byol-explore": ALWAYS
    | {
        "intrinsic/prediction-error/reward_mean",
        "intrinsic/prediction-error/reward_std",
        "intrinsic/prediction-error/raw_mean",
        "intrinsic/prediction-error/raw_std",
        "loss/world_model",
        "world_model/effective_rank",
        "world_model/latent_spread",
        "world_model/latent_scale",
        "world_model/updates",
    },
    "rnd": ALWAYS
    | {
        "intrinsic/rnd/reward_mean",
        "intrinsic/rnd/reward_std",
        "intrinsic/rnd/raw_mean",
        "intrinsic/rnd/raw_std",
        "loss/rnd",
    },
    "ppo": ALWAYS,
}
EPISODE = {"episode/return", "episode/length"}
METRICS = (
    *("return_mean", "return_max", "cut_off"),
    *("rooms", "cells", "rooms_per_episode", "cells_per_episode"),
)
EVALUATION = {
    f"{player}/{what}" for player in ("evaluate", "random") for what in METRICS
}


def test_a_run_leaves_all_that_it_promises(key_door: Any) -> None:
    run = key_door.run
    assert run.path.name.endswith("-KeyDoor-ByolExplore-s0")
    left = {x.name for x in run.path.iterdir()} - {"evaluations"}  # by other tests
    assert left == {
        "checkpoints",
        "config.json",
        "lock",
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
    steps = int(read_metrics(run)["steps"][-1])
    assert video.name == f"step-{steps:012d}.mp4"
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
    scores = {steps_of(x): read_header(x).score for x in paths}
    columns = read_metrics(key_door.run)
    evaluated = np.isfinite(columns["evaluate/return_mean"])
    steps = columns["steps"].astype(int).tolist()
    due = [next(x for x in steps if x >= least) for least in (160, 320)]
    assert columns["steps"][evaluated].tolist() == due
    assert [k for k, x in scores.items() if x is not None] == due
    assert next(x for x in steps if x >= 240) in scores


def names(run: RunFolder) -> set[str]:
    columns = read_metrics(run)
    for name, values in columns.items():
        assert np.isfinite(values).any(), name
    return set(columns) - {"steps", "wall_time"}


def test_metrics_of_byol_explore(key_door: Any) -> None:
    assert names(key_door.run) == PROMISED["byol-explore"] | EPISODE | EVALUATION
    columns = read_metrics(key_door.run)
    # 40 rows a rollout; of the 4 episodes' resets, every 18 rows, none is a step
    resets = [4 * (row // 18) for row in range(10, 101, 10)]
    want = [40 * (i + 1) - x for i, x in enumerate(resets)]
    rollouts = len(columns["steps"])
    assert columns["steps"].tolist() == want[:rollouts]
    assert want[rollouts - 2] < 320 <= want[rollouts - 1]
    # two epochs of two minibatches
    updates = list(range(4, 4 * rollouts + 1, 4))
    assert columns["world_model/updates"].tolist() == updates
    for name in sorted(PROMISED["byol-explore"]):
        assert np.isfinite(columns[name]).all(), name
    # all four episodes of 17 steps end together
    ended = np.isfinite(columns["episode/length"])
    assert columns["episode/length"][ended].tolist() == [17.0] * (rollouts * 10 // 18)
    evaluated = np.isfinite(columns["evaluate/rooms"])
    rooms, cells = (columns[f"evaluate/{x}"][evaluated] for x in ("rooms", "cells"))
    assert ((rooms >= 1) & (rooms <= 2) & (cells >= rooms) & (cells <= 36)).all()
    each = columns["evaluate/rooms_per_episode"][evaluated]
    assert ((each >= 1) & (each <= rooms)).all()
    config = key_door.run.config()
    random = evaluate_random(config.world, config.evaluate_episodes, config.seed, "cpu")
    for name, value in random.items():
        assert set(columns[name][evaluated].tolist()) == {value}


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
            assert len(values) == 4 - (preset == "rnd"), name
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
            row["metrics"].pop(name, None)
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
    assert result.steps == 40
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
