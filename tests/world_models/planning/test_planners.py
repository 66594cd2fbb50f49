"""Planners on problems with known answers; all envs at once as one after another."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ssl_objectives.refusal import ConfigError
from tests.world_models.planning.problems import (
    Continuous,
    Discrete,
    Kept,
    Lqr,
    OfOneEnv,
)
from world_models.planning.categorical_cem import (
    CategoricalCemConfig,
    CategoricalPlan,
    drawn,
)
from world_models.planning.cem import CemConfig
from world_models.planning.draws import SeededDraws
from world_models.planning.gaussian import GaussianPlan
from world_models.planning.icem import IcemConfig, KeptPlan
from world_models.planning.mppi import MppiConfig
from world_models.planning.planner import Plan, Planner

CPU = torch.device("cpu")
ONE = Continuous((-1.0,))
GAUSSIAN = [
    CemConfig(300, 30, iterations=12, min_std=0.0),
    IcemConfig(300, 30, iterations=20, min_std=0.0, decay=1.0),
    MppiConfig(1000, iterations=20, temperature=0.05, min_std=0.0),
]


def lqr(generator: torch.Generator) -> Lqr:
    return Lqr(torch.rand(5, 2, generator=generator) - 0.5)


@pytest.mark.parametrize("config", GAUSSIAN, ids=lambda x: type(x).__name__)
def test_plans_approach_those_of_riccati(
    config: Any, generator: torch.Generator
) -> None:
    problem = lqr(generator)
    best = problem.best()
    assert float(best.abs().max()) < 0.95  # bounds play no part
    planner = config.of_actions(ONE, problem.horizon)
    start = planner.start(5, CPU)
    found = planner(problem, start, SeededDraws(1)).action
    least = problem(best.unsqueeze(2))[:, 0]
    cost = problem(found.unsqueeze(2))[:, 0]
    idle = problem(torch.zeros_like(best).unsqueeze(2))[:, 0]
    assert (cost >= least - 1e-6).all()
    assert float(((cost - least) / (idle - least)).max()) < 0.03
    assert float((found - best).abs().max()) < 0.15


def test_riccati_is_right(generator: torch.Generator) -> None:
    """The oracle itself: no gradient is left where it stands."""
    problem = lqr(generator)
    action = problem.best().requires_grad_()
    problem(action.unsqueeze(2)).sum().backward()
    assert action.grad is not None
    assert float(action.grad.abs().max()) < 1e-4


def hamming(secret: Tensor) -> Any:
    """How many actions of N sequences `[H, B, N]` differ from a secret `[H, B]`."""
    return lambda action: (action != secret.unsqueeze(2)).sum(0).float()


def test_categorical_cem_finds_a_secret(generator: torch.Generator) -> None:
    secret = torch.randint(4, (8, 6), generator=generator)
    planner = CategoricalCemConfig(100, 10, 12).of_actions(Discrete(4), 8)
    found = planner(hamming(secret), planner.start(6, CPU), SeededDraws(2))
    assert torch.equal(found.action, secret)
    again = planner(hamming(secret), found, SeededDraws(3))
    assert torch.equal(again.action, secret)


ALL = [
    (CemConfig(20, 4, 3, momentum=0.2), ONE),
    (IcemConfig(20, 4, 3, num_kept=2), ONE),
    (MppiConfig(20, 3), ONE),
    (CategoricalCemConfig(20, 4, 3), Discrete(3)),
]


@pytest.mark.parametrize(("config", "actions"), ALL, ids=lambda x: type(x).__name__)
def test_all_envs_at_once_as_one_after_another(
    config: Any, actions: Any, generator: torch.Generator
) -> None:
    """With the same draws; and with an earlier plan as the start, as well."""
    discrete = isinstance(actions, Discrete)
    secret = torch.randint(3, (6, 5), generator=generator)
    whole: Any = hamming(secret) if discrete else lqr(generator)
    planner: Planner[Plan] = config.of_actions(actions, 6)
    kept = Kept(4)
    first = planner(whole, planner.start(5, CPU), kept)
    both = planner(whole, first.shifted(2), kept)
    for env in range(5):
        here = slice(env, env + 1)
        alone: Any = hamming(secret[:, here]) if discrete else Lqr(whole.start[here])
        draws = OfOneEnv(kept, env)
        mine = planner(alone, planner.start(1, CPU), draws)
        torch.testing.assert_close(
            mine.action, first.action[:, here], atol=1e-6, rtol=0
        )
        mine = planner(alone, mine.shifted(2), draws)
        torch.testing.assert_close(mine.action, both.action[:, here], atol=1e-6, rtol=0)
        assert not draws.left


@pytest.mark.parametrize(("config", "actions"), ALL, ids=lambda x: type(x).__name__)
def test_some_envs_of_a_plan_are_theirs(
    config: Any, actions: Any, generator: torch.Generator
) -> None:
    problem: Any = lqr(generator)
    if isinstance(actions, Discrete):
        problem = hamming(torch.randint(3, (6, 5), generator=generator))
    planner: Planner[Plan] = config.of_actions(actions, 6)
    plan = planner(problem, planner.start(5, CPU), SeededDraws(1))
    index = torch.tensor([3, 0])
    assert torch.equal(plan.envs(index).action, plan.action[:, index])
    some = plan.shifted(2).envs(index).action
    assert torch.equal(some, plan.shifted(2).action[:, index])
    assert torch.equal(some[:4], plan.action[2:, index])


def test_a_warm_start_shifts_and_ends_in_ignorance() -> None:
    mean = torch.arange(1.0, 9).view(4, 2, 1) / 10
    shifted = GaussianPlan(mean).shifted(3)
    assert (
        shifted.mean[:, :, 0].tolist()
        == [[mean[3, 0, 0], mean[3, 1, 0]]] + [[0, 0]] * 3
    )
    kept = torch.stack([mean, -mean], 2)
    both = KeptPlan(mean, kept).shifted(1)
    assert torch.equal(both.kept[:3], kept[1:])
    assert not both.kept[3].any()
    assert torch.equal(both.action[:3], mean[1:])
    likely = torch.tensor([[[0.7, 0.3]], [[0.1, 0.9]]])
    then = CategoricalPlan(likely).shifted(1).probability
    assert torch.equal(then, torch.tensor([[[0.1, 0.9]], [[0.5, 0.5]]]))
    assert torch.equal(GaussianPlan(mean).shifted(9).mean, torch.zeros(4, 2, 1))


def test_a_warm_start_helps(generator: torch.Generator) -> None:
    """One iteration from the plan before is better than one from nothing."""
    problem = lqr(generator)
    planner = IcemConfig(30, 6, 1, std=0.3).of_actions(ONE, problem.horizon)
    cold = planner(problem, planner.start(5, CPU), SeededDraws(1))
    warm = cold
    for _ in range(5):
        warm = planner(problem, warm, SeededDraws(1))
    before = problem(cold.action.unsqueeze(2))
    assert (problem(warm.action.unsqueeze(2)) <= before + 1e-6).all()


def test_one_iteration_of_cem_by_hand() -> None:
    """The mean of the two best of four, clipped, samples."""
    noise = torch.tensor([-3.0, 0.5, 0.2, 0.8]).view(1, 1, 4, 1)

    class Told:
        def normal(self, *shape: int) -> Tensor:
            return noise

        uniform = normal

    config = CemConfig(4, 2, 1, std=1.0, momentum=0.25)
    planner = config.of_actions(ONE, 1)
    found = planner(
        lambda a: (a - 1).square().sum((0, 3)), planner.start(1, CPU), Told()
    )
    assert float(found.mean) == pytest.approx(0.75 * (0.5 + 0.8) / 2)
    mppi = MppiConfig(4, 1, temperature=0.5).of_actions(ONE, 1)
    found = mppi(lambda a: (a - 1).square().sum((0, 3)), mppi.start(1, CPU), Told())
    clipped = torch.tensor([-1.0, 0.5, 0.2, 0.8], dtype=torch.float64)
    weight = torch.exp(-(clipped - 1).square() / 0.5)
    assert float(found.mean) == pytest.approx(
        float((weight * clipped).sum() / weight.sum())
    )


def test_actions_are_drawn_by_their_probabilities(generator: torch.Generator) -> None:
    likely = torch.tensor([0.1, 0.0, 0.6, 0.3]).expand(1, 1, 4)
    share = torch.rand(1, 1, 20_000, generator=generator)
    counts = torch.bincount(drawn(likely, share).flatten(), minlength=4) / 20_000
    torch.testing.assert_close(counts, likely.flatten(), atol=0.02, rtol=0)
    assert not counts[1]
    edges = torch.tensor([[[0.0, 0.0999, 0.1001, 0.7001, 0.99999999]]])
    assert drawn(likely, edges).flatten().tolist() == [0, 0, 2, 3, 3]


def test_samples_become_fewer_and_never_too_few() -> None:
    config = IcemConfig(100, 20, 5, decay=2.0)
    assert [config.samples_of(i) for i in range(5)] == [100, 50, 40, 40, 40]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CemConfig(10, 11), "num_elites"),
        (lambda: CemConfig(iterations=0), "iterations"),
        (lambda: CemConfig(std=0.0), "std"),
        (lambda: CemConfig(min_std=2.0), "min_std"),
        (lambda: CemConfig(momentum=1.0), "momentum"),
        (lambda: MppiConfig(temperature=0.0), "temperature"),
        (lambda: IcemConfig(decay=0.5), "decay"),
        (lambda: IcemConfig(num_kept=21), "num_elites"),
        (lambda: CategoricalCemConfig(smoothing=1.0), "smoothing"),
        (lambda: CemConfig().of_actions(Discrete(3), 4), "categorical-cem"),
        (lambda: CategoricalCemConfig().of_actions(ONE, 4), "icem"),
    ],
)
def test_what_cannot_be_planned_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()
