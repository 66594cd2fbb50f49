"""A sum of signals beside these signals by themselves."""

from copy import deepcopy
from itertools import islice

import pytest
import torch

from agents.check.curiosity import check_curiosity
from agents.curiosity.counts.counts import HashCountsConfig
from agents.curiosity.embeddings.dynamics import DynamicsConfig
from agents.curiosity.episodic.e3b import E3bConfig
from agents.curiosity.icm import IcmConfig
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.weighted_sum import WeightedConfig, WeightedSumConfig
from ssl_objectives.refusal import ConfigError
from tests.agents.curiosity.made import (
    EYES,
    SHAPE,
    around,
    goes_on,
    learning_of,
    rollouts,
    some,
    total,
)
from tests.agents.curiosity.progress import tiny

CONFIG = WeightedSumConfig(
    (
        WeightedConfig(HashCountsConfig(bits=6, grid=4), 0.5),
        WeightedConfig(E3bConfig(EYES, hidden=9), -2.0),
        WeightedConfig(IcmConfig(DynamicsConfig(EYES, hidden=9))),
    )
)


def test_rewards_and_losses_are_summed() -> None:
    signal = CONFIG.build(around())
    one, two, three = deepcopy(list(signal._signals))
    for scored in some(rollouts(), 2):
        for x in (signal, one, two, three):
            x.warm_up(scored.traj.obs)
        paid = signal.reward(scored)
        each = [x.reward(scored) for x in (one, two, three)]
        want = 0.5 * each[0].reward - 2.0 * each[1].reward + each[2].reward
        torch.testing.assert_close(paid.reward, want)
        mean = (-2.0 * each[1].reward)[scored.valid].mean()
        torch.testing.assert_close(paid.told["e3b/reward_mean"], mean)
        assert paid.told["hash-counts/distinct"] == each[0].told["distinct"]
        loss = total(signal.loss(learning_of(scored)))
        own = [total(x.loss(learning_of(scored))) for x in (two, three)]
        torch.testing.assert_close(loss, own[0] + own[1])


def test_it_says_of_itself_what_its_parts_say() -> None:
    signal = CONFIG.build(around())
    assert signal.warm_up_steps == 128
    assert signal.across_processes
    assert not signal.needs_model
    error = WeightedSumConfig((WeightedConfig(PredictionErrorConfig()),))
    assert error.build(around()).needs_model
    assert error.build(around()).loss(learning_of(next(rollouts()))) is None


def test_signals_that_compare_weights_follow_the_models() -> None:
    """Progress in a sum is what it is by itself, and not nothing."""
    config = GammaProgressConfig(warm_start=1, gamma=0.5)
    model = tiny.model_of()
    by_itself = config.build(tiny.around(model))
    torch.manual_seed(0)
    signal = WeightedSumConfig((WeightedConfig(config, 3.0),)).build(tiny.around(model))
    signal.parts[0].load_state_dict(by_itself.state_dict())
    paid = []
    for i, scored in enumerate(islice(tiny.Rollouts(model), 3)):
        want = by_itself.reward(scored).reward
        paid.append(signal.reward(scored).reward)
        torch.testing.assert_close(paid[-1], 3.0 * want)
        tiny.perturb(model, seed=i)
        for x in (by_itself, signal):
            x.after_update(model)
    assert paid[-1].any()


def test_contract_and_resume() -> None:
    check_curiosity(CONFIG.build, SHAPE)
    goes_on(lambda: CONFIG.build(around()))


def test_a_sum_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one signal and a weight for each"):
        WeightedSumConfig().build(around())


def test_two_of_a_kind_have_names_apart() -> None:
    counts = WeightedConfig(HashCountsConfig(bits=6, grid=4))
    signal = WeightedSumConfig((counts, counts)).build(around())
    assert signal.names == ("hash-counts", "hash-counts-2")
    told = signal.reward(next(rollouts())).told
    assert {"hash-counts/distinct", "hash-counts-2/reward_mean"} <= set(told)


def test_weights_are_finite_numbers() -> None:
    with pytest.raises(ConfigError, match="weight must be a finite number"):
        WeightedConfig(HashCountsConfig(), float("nan"))
