"""SGD beside its equation, and what all optimisers' numbers must be."""

import pytest
import torch
from torch import nn

from ssl_objectives.learn.decay import Decayed
from ssl_objectives.learn.lars import LarsConfig
from ssl_objectives.learn.optimizer import AdamWConfig, OptimizerConfig
from ssl_objectives.learn.pace import set_pace, set_rate
from ssl_objectives.learn.schedule import Stairs
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.refusal import ConfigError

CONFIGS = [AdamWConfig, SgdConfig, LarsConfig]


def test_it_is_its_equation() -> None:
    config = SgdConfig(0.2, momentum=0.8, weight_decay=0.3, fall=Stairs((0.5,), 0.1))
    x = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    layer = nn.ParameterList([x])
    optimizer = config.build(layer)
    w, v = x.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for step in range(20):
        rate = config.rate((step + 0.5) / 20)
        set_rate(optimizer, rate)
        x.grad = x.detach() - 3
        v = 0.8 * v + (w - 3) + 0.3 * w
        w = w - rate * v
        optimizer.step()
        torch.testing.assert_close(x.detach(), w, rtol=0, atol=1e-12)


def test_paces_and_decay_are_kept_apart() -> None:
    made = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    set_pace(made[0], 0.1)
    config = SgdConfig(weight_decay=0.5, decayed=Decayed.MATRICES)
    found = {
        (group["pace"], group["weight_decay"], x.ndim)
        for group in config.build(made).param_groups
        for x in group["params"]
    }
    assert found == {(0.1, 0.5, 2), (0.1, 0.0, 1), (1.0, 0.5, 2), (1.0, 0.0, 1)}
    by_all = SgdConfig(weight_decay=0.5).build(made).param_groups
    assert {(x["pace"], x["weight_decay"]) for x in by_all} == {(0.1, 0.5), (1.0, 0.5)}


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("learning-rate", 0.0),
        ("learning-rate", float("nan")),
        ("weight-decay", -1.0),
        ("warm-up", 1.0),
        ("warm-up", float("nan")),
        ("max-norm", -0.1),
    ],
)
def test_optimisers_look_after_their_numbers(
    config: type[AdamWConfig], flag: str, value: float
) -> None:
    with pytest.raises(ConfigError, match=f"--optimizer.{flag} must be"):
        config(**{flag.replace("-", "_"): value})  # type: ignore[arg-type]


@pytest.mark.parametrize("config", [SgdConfig, LarsConfig])
@pytest.mark.parametrize("momentum", [-0.1, 1.0, float("nan")])
def test_a_momentum_that_is_none_is_refused(
    config: type[SgdConfig], momentum: float
) -> None:
    with pytest.raises(ConfigError, match=r"--optimizer\.momentum must be at least 0"):
        config(momentum=momentum)


@pytest.mark.parametrize("config", CONFIGS)
def test_each_is_an_optimiser(config: type[AdamWConfig]) -> None:
    assert isinstance(config(), OptimizerConfig)
