"""`--noise`: runs in noisy worlds, which go on, are evaluated and recorded in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from envs.noise.config import NoisyConfig
from envs.noise.frame_layer import FrameLayerConfig
from envs.noise.tv import TvConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from experiments.evaluate.evaluation import load_agent
from experiments.record.choices import from_choices
from experiments.train.command import COMMAND
from experiments.train.presets import train_config
from experiments.train.task import run_name
from world_models.data.dataset import open_dataset

Command = Callable[..., Any]

SMALL = (
    *("rnd", "--size", "debug", "--num-envs", "2", "--agent.ppo.num-steps", "6"),
    *("--curiosity.warm-up-steps", "2", "--video-steps", "0"),
    *("--world", "pixel-maze", "--world.max-episode-steps", "9"),
)


def test_flags_are_those_of_the_noise() -> None:
    config = COMMAND.read(
        ["--world", "pixel-maze", "--noise", "tv", "--noise.height", "0.25"]
    )
    assert config.noise == TvConfig(height=0.25)
    assert config.place == NoisyConfig(PixelMazeConfig(), TvConfig(height=0.25))
    assert run_name(config).startswith("PixelMaze-Tv-")
    assert train_config().noise is None


def test_a_noisy_run_goes_on_is_evaluated_and_recorded_with_its_noise(
    curious: Command, rows: Any, tmp_path: Path
) -> None:
    noise = ("--noise", "tv", "--noise.width", "0.25")
    done = curious("train", *SMALL, *noise, "--env-steps", "24")
    assert done.code == 0
    path = str(done.run.path)
    last = rows(done.run)[-1]["metrics"]
    shares = last["event/tv/steps"], last["event/noise/steps"]
    assert shares[0] == shares[1]
    more = curious("train", "--resume", path, "--env-steps", "48")
    assert more.code == 0
    _, config = load_agent(path, "cpu")
    assert config.noise == TvConfig(width=0.25)
    assert config.place.build(1, "cpu").spec.actions.n == 6  # type: ignore[union-attr]
    played = curious(
        *("evaluate", path, "--episodes", "1", "--max-steps", "5"),
        *("--video-steps", "2"),
    )
    assert played.code == 0
    out = tmp_path / "played"
    recorded = curious(
        *("record", "--policy", path, "--steps", "20", "--num-envs", "2"),
        *("--out", str(out), "--facts"),
    )
    assert recorded.code == 0
    assert {"room", "noise", "tv"} <= set(open_dataset(out).spec.facts)


def test_recordings_take_the_noise_that_is_asked_for() -> None:
    assert from_choices(None, {"noise": "layer"}).noise == FrameLayerConfig()
    assert from_choices(None, {"world": "pixel-maze"}).noise is None
