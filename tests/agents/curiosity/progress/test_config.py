"""How long γ-Progress remembers, and what is refused."""

from typing import Any

import pytest

from agents.curiosity.normalize import EmaRmsScale
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.frozen_features import ChangeOfFeaturesConfig
from agents.curiosity.progress.old_weights import GeometricMean, StepsAgo
from agents.curiosity.signals import SignalConfig, build_signal, named_signals
from agents.policy.ppo import RewardStream
from tests.agents.curiosity.progress.tiny import SPEC, B, around, model_of

STREAM = RewardStream(1.0, 0.9)


@pytest.mark.parametrize(
    ("memory", "updates", "remembered"),
    [(0.18, 2750, 495.0), (0.5, 1000, 500.0), (0.18, 4, 2.0), (0.18, 0, 2.0)],
)
def test_gamma_follows_from_the_updates_of_the_run(
    memory: float, updates: int, remembered: float
) -> None:
    """`1 / (1 - γ)` is a share of them; 2 at least, so that there is something old."""
    config = GammaProgressConfig(memory=memory)
    assert 1 / (1 - config.gamma_for(updates)) == pytest.approx(remembered)
    signal = config.build(around(model_of(), updates))
    assert isinstance(signal.old, GeometricMean)
    assert signal.old.setting == config.gamma_for(updates)
    assert signal.settled() == {
        "γ": config.gamma_for(updates),
        "updates remembered": pytest.approx(remembered),
        "updates planned": updates,
        "paid from model update": 100,
    }


def test_a_run_that_ends_before_it_pays_is_told_so() -> None:
    config = GammaProgressConfig(warm_start=100)
    for updates, said in ((18, True), (100, True), (101, False), (None, False)):
        signal = GammaProgressConfig(100, gamma=0.9).build(around(model_of(), updates))
        caution = signal.caution()
        assert (caution is not None) == said
        if caution is not None:
            assert f"this run has {updates}: nothing will be paid" in caution
    assert config.build(around(model_of(), 500)).caution() is None


def test_memory_is_a_share() -> None:
    for memory in (0.0, -0.5, 1.5):
        with pytest.raises(ValueError, match="share of the run"):
            GammaProgressConfig(memory=memory)


def test_gamma_can_be_set_outright() -> None:
    assert GammaProgressConfig(gamma=0.5).gamma_for(None) == 0.5
    assert GammaProgressConfig(gamma=0.5).gamma_for(10_000) == 0.5


def test_updates_that_nobody_knows_are_asked_for() -> None:
    with pytest.raises(ValueError, match=r"give it, --curiosity.gamma 0.998"):
        GammaProgressConfig().build(around(model_of()))


def test_a_saved_gamma_outlives_another_budget() -> None:
    """A run that goes on with more updates goes on with the γ it began with."""
    signal, longer = (
        GammaProgressConfig().build(around(model_of(), x)) for x in (1000, 9000)
    )
    assert signal.old.setting != longer.old.setting
    longer.load_state_dict(signal.state_dict())
    assert longer.old.setting == signal.old.setting
    told = dict(longer.settled())
    assert told.pop("updates planned") == 9000
    assert told.items() < signal.settled().items()


def test_a_signal_learns_of_the_updates_when_it_is_built() -> None:
    config = SignalConfig(GammaProgressConfig(), STREAM)
    model = model_of()
    built = build_signal(config, SPEC, model.belief, model, updates=2750).curiosity
    assert built.settled()["updates planned"] == 2750


def test_config_chooses_the_parts() -> None:
    config = DeltaProgressConfig(7, delta=3, ema_decay=0.5, clip=2.0)
    signal = config.build(around(model_of()))
    assert isinstance(signal.old, StepsAgo)
    assert isinstance(signal.scale, EmaRmsScale)
    assert (signal.old.warm_start, signal.old.setting) == (7, 3)
    assert (signal.scale.moments.decay, signal.scale.clip) == (0.5, 2)
    assert signal.settled() == {"δ": 3, "paid from model update": 7}
    assert len(signal.old.copies) == 4
    assert signal.carry.memory.shape == (B, 11)


def test_names_in_logs() -> None:
    named = named_signals(
        GammaProgressConfig(), STREAM, [SignalConfig(DeltaProgressConfig())]
    )
    assert list(named) == ["gamma-progress", "delta-progress"]


@pytest.mark.parametrize(
    "config", [GammaProgressConfig(gamma=0.9), DeltaProgressConfig()]
)
def test_without_a_model_there_is_no_progress(config: Any) -> None:
    with pytest.raises(ValueError, match="there is none: add --model byol-explore"):
        config.build(around(None))


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (GammaProgressConfig, {"memory": 0.0}, "memory is a share"),
        (GammaProgressConfig, {"gamma": 1.0}, "at least 0 and below 1, not 1.0"),
        (GammaProgressConfig, {"warm_start": 0}, "warm_start must be at least 1"),
        (GammaProgressConfig, {"ema_decay": 1.0}, "ema_decay must be at least 0"),
        (DeltaProgressConfig, {"clip": 0.0}, "clip must be above 0, not 0.0"),
        (DeltaProgressConfig, {"delta": 0}, "delta must be at least 1, not 0"),
        (ChangeOfFeaturesConfig, {"size": 0}, "size must be at least 1, not 0"),
        (ChangeOfFeaturesConfig, {"scale": 0.0}, "scale must be above 0, not 0.0"),
    ],
)
def test_numbers_out_of_range_are_refused(
    kind: Any, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**wrong)
