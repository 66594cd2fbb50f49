"""Costs as imagined by a model, receding horizons, and acting towards frames."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.evaluating import evaluating
from ssl_objectives.refusal import ConfigError
from tests.world_models.planning.problems import Continuous, Discrete
from world_models import presets
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.planning.cem import CemConfig
from world_models.planning.distance import LastStep, NearestStep, SumOfSteps
from world_models.planning.draws import SeededDraws
from world_models.planning.gaussian import GaussianPlan
from world_models.planning.goal_cost import GoalCost
from world_models.planning.goal_seeker import GoalSeeker
from world_models.planning.planner import ActionCost, Planner
from world_models.planning.receding_horizon import RecedingHorizon
from world_models.trajectory import Trajectory

SHAPE = (2, 20, 20)
EYES = MeNetConfig(5, (3,), 6, Precision.FLOAT32)
TWO, THREE = Continuous((-1.0, -1.0)), Discrete(3)


def model(config: Any = None, core: Any = None, actions: Any = TWO) -> LatentDynamics:
    torch.manual_seed(0)
    config = config or presets.jepa_vicreg(horizon=2)
    made: LatentDynamics = config.of(SHAPE, actions, EYES, core)
    return made.eval()


def frames(*shape: int) -> Tensor:
    drawn = torch.rand(*shape, *SHAPE, generator=torch.Generator().manual_seed(5))
    return (255 * drawn).byte()


def test_distances_by_hand() -> None:
    latent = torch.tensor([[[1.0, 2.0]], [[0.0, 5.0]]])  # two steps of one row
    goal = torch.tensor([[1.0, 1.0]])
    assert SumOfSteps()(latent, goal).tolist() == [1 + 17]
    assert LastStep()(latent, goal).tolist() == [17]
    assert NearestStep()(latent, goal).tolist() == [1]


@pytest.mark.parametrize("actions", [TWO, THREE], ids=["continuous", "discrete"])
@pytest.mark.parametrize("rows", [None, 4, 1])
def test_costs_are_those_of_one_sequence_after_another(
    rows: int | None, actions: Any, generator: torch.Generator
) -> None:
    it = model(actions=actions)
    cell: Any = it.open_loop.cell
    read: Any = it.predictor.layers
    belief = torch.randn(3, it.belief.size, generator=generator)
    goal = torch.randn(3, 5, generator=generator)
    action = 2 * torch.rand(4, 3, 6, 2, generator=generator) - 1
    if actions is THREE:
        action = torch.randint(3, (4, 3, 6), generator=generator)
    found = GoalCost(it, belief, goal, SumOfSteps(), rows)(action)
    assert not found.requires_grad
    for b in range(3):
        for n in range(6):
            here, total = belief[b : b + 1], 0.0
            for step in action[:, b, n]:
                embedded = it.belief.embedding(step.unsqueeze(0))
                here = cell.step(cell.gates(embedded), here)
                latent = read(here)
                total += float((latent - goal[b]).square().sum().detach())
            assert float(found[b, n]) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize(
    ("config", "core"),
    [
        (presets.jepa_vicreg(2), LatentCoreConfig()),
        (presets.byol_explore(2, standardized=3), LatentCoreConfig()),
        (presets.spr(2), LatentCoreConfig(num_frames=3)),
        (presets.jepa_sigreg(2), RecurrentConfig(7)),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_a_goal_is_what_predictions_of_standing_still_aim_at(
    config: Any, core: Any
) -> None:
    """The target of the last row, once the stack is full of the frame."""
    it = model(config, core)
    if it.settled is not None:
        it.settled.follow([torch.randn(40, 5)])
    goal = frames(4)
    rows = it.belief.num_frames
    still = goal.expand(rows, *goal.shape)
    first = torch.zeros(rows, 4, dtype=torch.bool)
    first[0] = True
    never = torch.zeros(rows - 1, 4, dtype=torch.bool)
    traj = Trajectory(
        torch.zeros(rows - 1, 4, 2),
        torch.zeros(rows - 1, 4),
        never,
        never,
        still,
        first,
    )
    wanted = it.targets(traj, it.start(4))[-1]
    wanted = wanted if it.settled is None else it.settled(wanted)
    torch.testing.assert_close(it.goal(goal), wanted)


class Counting(Planner[GaussianPlan]):
    """Plans 1, 2, 3 … H for the first env, tenths more for others; keeps its priors."""

    def __init__(self, horizon: int) -> None:
        self.horizon, self.priors = horizon, []  # type: ignore[var-annotated]

    def start(self, num_envs: int, device: torch.device) -> GaussianPlan:
        return GaussianPlan(torch.zeros(self.horizon, num_envs, 1))

    def __call__(self, cost: ActionCost, prior: Any, draws: Any) -> GaussianPlan:
        self.priors.append(prior.mean[:, :, 0].clone())
        step = torch.arange(1.0, self.horizon + 1).view(-1, 1, 1)
        env = torch.arange(prior.mean.shape[1]).view(1, -1, 1) / 10
        return GaussianPlan(step + env)


def test_a_receding_horizon_does_a_few_steps_and_plans_on() -> None:
    planner, asked = Counting(5), []
    horizon = RecedingHorizon(planner, 2, SeededDraws(0))

    def cost() -> Any:
        asked.append(True)
        return None

    def act(num_envs: int) -> list[float]:
        return horizon.act(cost, num_envs, torch.device("cpu")).flatten().tolist()

    assert [act(2)[0] for _ in range(3)] == [1, 2, 1]
    assert len(asked) == 2
    assert planner.priors[0].tolist() == [[0, 0]] * 5
    torch.testing.assert_close(
        planner.priors[1][:, 0], torch.tensor([3.0, 4.0, 5.0, 0.0, 0.0])
    )
    horizon.envs(torch.tensor([False, True]))
    assert act(1) == pytest.approx([2.1])
    act(1)
    torch.testing.assert_close(
        planner.priors[2][:, 0], torch.tensor([3.1, 4.1, 5.1, 0.0, 0.0])
    )


@pytest.mark.parametrize("execute", [0, 6])
def test_more_steps_than_are_planned_are_refused(execute: int) -> None:
    with pytest.raises(ConfigError, match="between 1 and the 5"):
        RecedingHorizon(Counting(5), execute, SeededDraws(0))


@pytest.mark.parametrize("core", [LatentCoreConfig(2), RecurrentConfig(7)])
def test_a_seeker_plans_from_what_it_has_seen(core: Any) -> None:
    """The same as by hand: beliefs over all rows, then a plan from the last one."""
    it = model(core=core)
    planner = CemConfig(6, 2, 2).of_actions(TWO, 3)
    seeker = GoalSeeker(it, planner, execute=1, draws=SeededDraws(3))
    goal, obs = frames(3), frames(2, 3).flip(0)
    seeker.aim(goal)
    first = torch.ones(3, dtype=torch.bool)
    actions = [seeker.act(obs[0], first), seeker.act(obs[1], ~first)]
    draws, plan = SeededDraws(3), planner.start(3, torch.device("cpu"))
    for row in range(2):
        begun = torch.stack([first, ~first])[: row + 1]
        done = torch.stack(actions)[:row]
        seen = it.belief.observe(obs[: row + 1], done, begun, it.start(3))
        cost = GoalCost(it, seen.belief[-1], it.goal(goal), SumOfSteps())
        plan = planner(cost, plan.shifted(row), draws)
        torch.testing.assert_close(actions[row], plan.action[0])


def test_a_seeker_goes_on_with_some(generator: torch.Generator) -> None:
    """Between plans, who is left does what it would have done."""
    it = model(core=RecurrentConfig(7))
    planner: Any = CemConfig(6, 2, 2).of_actions(TWO, 4)
    obs, first = frames(2, 3), torch.ones(3, dtype=torch.bool)
    some = torch.tensor([True, False, True])
    found = []
    for drop in (False, True):
        seeker = GoalSeeker(it, planner, execute=2, draws=SeededDraws(3))
        seeker.aim(frames(3))
        seeker.act(obs[0], first)
        if drop:
            seeker.envs(some)
        kept = some if drop else slice(None)
        action = seeker.act(obs[1][kept], ~first[kept])
        found.append(action if drop else action[some])
        carried = seeker.carry if drop else seeker.carry.envs(some.nonzero()[:, 0])
        found.append(carried.memory)
    torch.testing.assert_close(found[0], found[2])
    torch.testing.assert_close(found[1], found[3])


def test_whoever_is_left_plans_towards_goals_of_its_own() -> None:
    """The next plan is for beliefs and goals of the same envs."""
    it = model(core=RecurrentConfig(7))
    planner = CemConfig(6, 2, 2).of_actions(TWO, 3)
    goal, obs, first = frames(6)[3:], frames(2, 3), torch.ones(3, dtype=torch.bool)
    some = torch.tensor([False, True, True])
    seeker = GoalSeeker(it, planner, execute=1, draws=SeededDraws(3))
    seeker.aim(goal)
    done = seeker.act(obs[0], first)
    seeker.envs(some)
    found = seeker.act(obs[1][some], ~first[some])
    draws, whole = SeededDraws(3), torch.stack([first, ~first])
    seen = it.belief.observe(obs, done[None], whole, it.start(3))
    cost = GoalCost(it, seen.belief[0], it.goal(goal), SumOfSteps())
    plan = planner(cost, planner.start(3, torch.device("cpu")), draws)
    cost = GoalCost(it, seen.belief[1, some], it.goal(goal[some]), SumOfSteps())
    plan = planner(cost, plan.envs(some).shifted(1), draws)
    torch.testing.assert_close(found, plan.action[0])


def test_another_goal_is_planned_for_at_once_and_from_nothing() -> None:
    """Neither what is left of the last plan nor what was seen before it counts."""
    it = model(core=RecurrentConfig(7), actions=Continuous((-1.0,)))
    planner = Counting(4)
    seeker = GoalSeeker(it, planner, execute=3, draws=SeededDraws(0))
    obs, first = frames(2, 2), torch.ones(2, dtype=torch.bool)
    seeker.aim(frames(2))
    assert seeker.act(obs[0], first)[0].tolist() == [1]
    assert seeker.act(obs[1], ~first)[0].tolist() == [2]
    seeker.aim(frames(2).flip(0))
    assert seeker.act(obs[0], ~first)[0].tolist() == [1]
    assert len(planner.priors) == 2
    assert not planner.priors[1].any()
    fresh = GoalSeeker(it, Counting(4), execute=3, draws=SeededDraws(0))
    fresh.aim(frames(2))
    fresh.act(obs[0], ~first)
    torch.testing.assert_close(seeker.carry.memory, fresh.carry.memory)


def test_there_is_a_goal_and_latents_are_what_is_predicted() -> None:
    planner: Any = CemConfig(6, 2, 2).of_actions(TWO, 3)
    with pytest.raises(RuntimeError, match="aim"):
        GoalSeeker(model(), planner, execute=1).act(
            frames(1), torch.ones(1, dtype=torch.bool)
        )
    decodes = model(replace(presets.reconstruction(2)))
    with pytest.raises(ConfigError, match="jepa-vicreg"):
        GoalSeeker(decodes, planner, execute=1)


def test_planning_leaves_no_trace_in_the_model() -> None:
    it = model()
    before = {k: x.clone() for k, x in it.state_dict().items()}
    with evaluating(it):
        planner: Any = CemConfig(6, 2, 2).of_actions(TWO, 3)
        seeker = GoalSeeker(it, planner, execute=1)
        seeker.aim(frames(2))
        seeker.act(frames(2), torch.ones(2, dtype=torch.bool))
    assert all(torch.equal(x, before[k]) for k, x in it.state_dict().items())
    assert all(x.grad is None for x in it.parameters())
