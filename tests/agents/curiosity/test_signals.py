"""Signals by name: as logs, flags and checkpoints call them."""

from dataclasses import dataclass
from typing import Any

import pytest

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import Curiosity, CuriosityConfig, Surroundings
from agents.curiosity.signals import (
    SignalConfig,
    check_config,
    check_weight,
    named_signals,
)
from agents.policy.ppo import RewardStream
from ssl_objectives.refusal import ConfigError

STREAM = RewardStream(1.0, 0.9)


@dataclass(frozen=True)
class E3BConfig:
    def build(self, surroundings: Surroundings) -> Curiosity:
        raise NotImplementedError


@dataclass(frozen=True)
class Plain:
    def build(self, surroundings: Surroundings) -> Curiosity:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (RndConfig(), "rnd"),
        (PredictionErrorConfig(), "prediction-error"),
        (E3BConfig(), "e3b"),
        (Plain(), "plain"),
    ],
)
def test_a_class_gives_its_signal_a_name(config: CuriosityConfig, name: str) -> None:
    assert named_signals(config, STREAM) == {name: SignalConfig(config, STREAM)}
    assert named_signals(None, STREAM) == {}


def test_the_same_class_twice_is_numbered() -> None:
    also = [SignalConfig(RndConfig(size=3)), SignalConfig(Plain())]
    named = named_signals(RndConfig(), STREAM, [*also, SignalConfig(RndConfig())])
    assert list(named) == ["rnd", "rnd-2", "plain", "rnd-3"]
    assert named["rnd"].stream == STREAM
    assert named["rnd-2"].curiosity == RndConfig(size=3)
    assert not named["rnd-2"].stream.episodic


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("rnd", "cannot be 'rnd': give a config"),
        (RndConfig, r"make one: RndConfig\(\)"),
        ([RndConfig()], "WeightedSumConfig"),
        (None, "cannot be None"),
    ],
)
def test_what_is_no_signal_is_told_from_one(given: Any, told: str) -> None:
    check_config(RndConfig())
    with pytest.raises(ConfigError, match=told):
        check_config(given)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "1", None])
def test_weights_are_finite_numbers(weight: Any) -> None:
    check_weight("weight", -2)
    with pytest.raises(ConfigError, match="weight must be a finite number"):
        check_weight("weight", weight)
