"""Numbers that no part can have: refused where they stand, and by the command."""

from collections.abc import Callable
from typing import Any

import pytest

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.build import PpoAgentConfig, ReplayConfig
from experiments.config.json import from_json, to_json
from experiments.train.presets import train_config
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.refusal import ConfigError
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import LatentDynamicsConfig
from world_models.predictor import LatentHeadConfig

Command = Callable[..., Any]

# The part, the field, a value it cannot have, and one at the edge that it can.
RANGES: list[tuple[type, str, Any, Any]] = [
    (NatureConfig, "size", 0, 1),
    (ImpalaConfig, "size", 0, 1),
    (ImpalaConfig, "widths", (), (1,)),
    (ImpalaConfig, "widths", (4, 0), (4, 1)),
    (PatchConfig, "size", 0, 1),
    (PatchConfig, "patch", 0, 1),
    (PatchConfig, "width", 0, 1),
    (PatchConfig, "depth", 0, 1),
    (RecurrentConfig, "size", 0, 1),
    (RecurrentConfig, "num_frames", 0, 1),
    (FrameStackConfig, "num_frames", 0, 1),
    (ReplayConfig, "capacity", -1, 0),
    (ReplayConfig, "updates_per_rollout", -1, 0),
    (PpoAgentConfig, "action_size", 0, 1),
    (PpoConfig, "num_steps", 0, 1),
    (PpoConfig, "num_epochs", 0, 1),
    (PpoConfig, "learning_rate", -1e-9, 0.0),
    (PpoConfig, "clip", -0.1, 0.0),
    (PpoConfig, "max_grad_norm", -0.1, 0.0),
    (PpoConfig, "num_minibatches", 0, 1),
    (LatentDynamicsConfig, "horizon", 0, 1),
    (LatentHeadConfig, "hidden", -1, 0),
    (LatentDynamicsConfig, "ema_decay", 1.1, 1.0),
    (LatentDynamicsConfig, "ema_decay", -0.1, 0.0),
    (RndConfig, "size", 0, 1),
    (RndConfig, "share", 0.0, 1.0),
    (RndConfig, "share", 1.1, 0.01),
    (RndConfig, "warm_up_steps", -1, 0),
    (PredictionErrorConfig, "ema_decay", 1.0, 0.0),
]


@pytest.mark.parametrize(("kind", "name", "wrong", "right"), RANGES)
def test_a_part_refuses_what_it_cannot_be(
    kind: Any, name: str, wrong: Any, right: Any
) -> None:
    assert getattr(kind(**{name: right}), name) == right
    with pytest.raises(ValueError, match=name):
        kind(**{name: wrong})


@pytest.mark.parametrize("name", ["discount", "trace"])
def test_streams_refuse_what_diverges(name: str) -> None:
    fine: dict[str, Any] = {"weight": 1.0, "discount": 0.9, "trace": 0.9}
    assert RewardStream(**fine | {name: 1.0})
    with pytest.raises(ValueError, match=f"{name} must be between 0 and 1, not 1.01"):
        RewardStream(**fine | {name: 1.01})


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--agent.ppo.num-steps 0", "config.agent.ppo: num_steps must be at least 1"),
        ("--agent.encoder.size 0", "config.agent.encoder: size must be at least 1"),
        ("--agent.core.size -3", "config.agent.core: size must be at least 1, not -3"),
        ("--agent.action-size 0", "config.agent: action_size must be at least 1"),
        ("--agent.replay.capacity -1", "agent.replay: capacity must be at least 0"),
        ("--agent.intrinsic.discount 2", "agent.intrinsic: discount must be between"),
        ("--model.horizon 0", "config.model: horizon must be at least 1, not 0"),
        ("--curiosity.ema-decay 1", "config.curiosity: ema_decay must be at least 0"),
        ("--seeds 0", "--seeds must be at least 1, not 0"),
    ],
)
def test_the_command_refuses_before_anything_starts(
    curious: Command, argv: str, message: str
) -> None:
    done = curious("train", "--size", "debug", "--world", "counting", *argv.split())
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
    assert not done.out
    assert not list(done.runs.iterdir())


def test_config_files_are_held_to_it_too() -> None:
    data = to_json(train_config(size="debug"))
    data["agent"]["ppo"]["num_minibatches"] = 0
    with pytest.raises(
        ConfigError, match=r"^agent.ppo: num_minibatches must be at least 1, not 0$"
    ):
        from_json(data)
