"""`--imitation`: a policy that has seen demonstrations before it plays."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from rich.console import Console

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.ppo.cloning import Cloning
from envs.tiles.key_door import KeyDoorConfig
from experiments.cli import main
from experiments.record.recording import RecordConfig, record
from experiments.runs.folder import RunFolder
from experiments.sources.recorded import DatasetConfig
from experiments.train.imitation import ImitationConfig, imitate
from tests.agents.small import small
from world_models.presets import byol_explore

Command = Callable[..., Any]

SEA = ("--world", "deep-sea", "--world.size", "5")
RUN = (
    *("ppo", *SEA, "--encoder", "patch", "--agent.encoder.patch", "1"),
    *("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "12"),
    *("--agent.ppo.num-minibatches", "2", "--video-steps", "0", "--env-steps", "90"),
)
ELSEWHERE = ("--world", "key-door", "--world.size", "5")
BRIEFLY = ("--imitation.batch", "8", "--imitation.num-steps", "6")


def metrics(run: RunFolder) -> list[dict[str, float]]:
    lines = run.metrics_file.read_text("utf-8").splitlines()
    return [json.loads(x)["metrics"] for x in lines]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demonstrations") / "data"
    said = ("record", *SEA, "--policy", "expert", "--steps", "1500", "--out", str(out))
    assert main(said) == 0
    return out


def test_a_run_begins_with_what_was_shown(data: Path, curious: Command) -> None:
    asked = ("--imitation.path", str(data), "--imitation.steps", "60", *BRIEFLY)
    watched = ("--evaluate-every", "90", "--evaluate-episodes", "8")
    done = curious("train", *RUN, *asked, "--imitation.learning-rate", "1e-2", *watched)
    assert done.code == 0, done.err
    told = metrics(done.run)[0]
    assert told["imitation/agreement"] > 0.95
    assert told["imitation/loss"] < 0.3
    assert "Imitated, on windows kept back: loss" in done.out
    assert told["imitation/return"] > 0.5  # 1 in 32 at random
    assert "Imitation alone returns" in done.out
    returns = [x.get("episode/return") for x in metrics(done.run)]
    assert next(x for x in returns if x is not None) > 0.5  # 1 in 32 at random
    # what was imitated is in the weights: going on needs no demonstrations
    data.rename(data.with_name("elsewhere"))
    try:
        again = curious("train", "--resume", str(done.run.path), "--env-steps", "180")
    finally:
        data.with_name("elsewhere").rename(data)
    assert again.code == 0, again.err
    assert "imitation/loss" not in metrics(done.run)[-1]


@pytest.mark.parametrize("rl_gradient", [True, False])
def test_it_is_cloning_by_all_its_settings(tmp_path: Path, rl_gradient: bool) -> None:
    """The same windows, steps and means as of a loop that is written here."""
    world = KeyDoorConfig(max_episode_steps=7, varied_layouts=True)
    quiet = Console(quiet=True)
    record(RecordConfig(world=world, out=tmp_path / "x", steps=600, num_envs=4), quiet)
    config = ImitationConfig(tmp_path / "x", 3, 6, 4, 3, 3e-3, 0.05)
    ours, theirs = (
        small(0, byol_explore(2), PredictionErrorConfig(), rl_gradient=rl_gradient)
        for _ in range(2)
    )
    told = imitate(ours, config, world, 7, quiet)
    cloning = Cloning(theirs.actor, 3e-3, 0.05, 3, rl_gradient)
    source = DatasetConfig(config.path).open(3 + 4, 6, 7, torch.device("cpu"))
    for _ in range(3):
        cloning.step(source.next())
    kept = [cloning.measure(x) for part in (0, 1) for x in source.held_out(6, part)]
    assert len(kept) > 1
    for name, value in told.items():
        assert value == pytest.approx(fmean(float(x[name]) for x in kept), rel=1e-6)
    learned = theirs.actor.state_dict()
    for name, weight in ours.actor.state_dict().items():
        assert torch.equal(weight, learned[name]), name


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("--world.size", "6"), "their frames are"),
        (("--policy", "dqn"), "Only --policy ppo imitates"),
        (("--imitation.path", "nowhere"), "nowhere"),
        (("--imitation.num-steps", "4000"), "too few"),
        (("--imitation.steps", "-1"), "steps"),
    ],
)
def test_what_cannot_be_imitated_is_refused(
    data: Path, curious: Command, changed: tuple[str, ...], message: str
) -> None:
    flags = [x for x in RUN if not (x.startswith("--agent.ppo") and "dqn" in changed)]
    if "dqn" in changed:
        flags = [*RUN[: RUN.index("--agent.ppo.num-steps")], "--env-steps", "90"]
    done = curious("train", *flags, "--imitation.path", str(data), *BRIEFLY, *changed)
    assert done.code in (1, 2)
    assert message in done.err
    assert "Traceback" not in done.err


def test_demonstrations_of_another_world_are_refused(
    data: Path, curious: Command
) -> None:
    flags = ("ppo", *ELSEWHERE, *RUN[1 + len(SEA) :])
    done = curious("train", *flags, "--imitation.path", str(data), *BRIEFLY)
    assert done.code == 1
    assert "of another world: of DeepSeaConfig, and here is KeyDoorConfig" in done.err


def test_without_demonstrations_nothing_is_imitated(curious: Command) -> None:
    done = curious("train", *RUN)
    assert done.code == 0, done.err
    assert not any(x.startswith("imitation") for x in metrics(done.run)[0])
