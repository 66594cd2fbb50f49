"""One training step of an off-policy agent: who is shown what, in which order."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.curiosity.normalize import ReturnStdScale
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RandomNetworkDistillation, RndConfig
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.curiosity.signals import SignalConfig
from agents.off_policy.agent import OffPolicyAgent
from agents.off_policy.schooling import PAID
from agents.off_policy.study import StudyConfig
from agents.policy.dqn import Dqn
from agents.policy.ppo import RewardStream
from agents.policy.wanderer import DwellConfig, UniformConfig
from envs.counting import decode
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from tests.agents.coded import CodedConfig, code
from tests.agents.heard import Heard, HeardConfig, behind
from tests.agents.lock import MODEL, dqn, off_policy
from tests.agents.off_policy.counting import T, counting
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

RND = RndConfig(PatchConfig(8, patch=2, precision=Precision.FLOAT32), 9, 0.5, 4)


def weights(agent: OffPolicyAgent) -> dict[str, Tensor]:
    return {n: p.clone() for n, p in agent.modules.named_parameters()}


def moved(agent: OffPolicyAgent, before: dict[str, Tensor]) -> set[str]:
    """Parts whose weights are others now: the first two words of their names."""
    now = dict(agent.modules.named_parameters())
    names = [n for n, p in before.items() if not torch.equal(p, now[n])]
    return {".".join(n.split(".")[:2]) for n in names}


class Noting(Curiosity):
    """Pays 1, learns a number, and notes when it was asked what."""

    needs_model = True

    def __init__(self) -> None:
        super().__init__()
        self.number = torch.nn.Parameter(torch.ones(()))
        self.events: list[tuple[str, int]] = []
        self.learned: list[Learning] = []
        self.scored: list[Scored] = []
        self.model: list[LatentDynamics] = []

    def reward(self, scored: Scored) -> IntrinsicReward:
        self.scored.append(scored)
        self.events.append(("reward", int(self.model[0].updates)))
        paid = torch.ones_like(scored.traj.reward).masked_fill(~scored.valid, 0.0)
        return IntrinsicReward(paid, paid)

    def loss(self, learning: Learning) -> Loss:
        self.learned.append(learning)
        self.events.append(("loss", int(self.model[0].updates)))
        return Loss(None, self.number.square())

    def after_update(self, model: LatentDynamics | None) -> None:
        assert model is not None
        self.events.append(("after", int(model.updates)))


class NotingConfig:
    def build(self, surroundings: Surroundings) -> Noting:
        made = Noting()
        assert surroundings.model is not None
        made.model = [surroundings.model]
        return made


def noting(**parts: Any) -> tuple[OffPolicyAgent, Noting]:
    agent = off_policy(curiosity=NotingConfig(), **parts)
    signal = agent.signals["noting"].curiosity
    assert isinstance(signal, Noting)
    return agent, signal


def test_rollouts_are_paid_before_anything_learns_from_them() -> None:
    agent, signal = noting()
    for _ in range(4):
        agent.train_step()
    # 27 env steps a rollout, less the rows of resets; nothing learns before 50
    step = [("loss", 0), ("after", 1), ("loss", 1), ("after", 2)]
    later = [(what, n + 2) for what, n in step]
    assert signal.events == [
        ("reward", 0),
        ("reward", 0),
        *step,
        ("reward", 2),
        *later,
        ("reward", 4),
        *[(what, n + 4) for what, n in step],
    ]


def test_what_is_scored_are_the_weights_of_then() -> None:
    agent = off_policy(curiosity=HeardConfig())
    for _ in range(3):
        agent.train_step()
    signal = agent.signals["heard"].curiosity
    assert isinstance(signal, Heard)
    before = copy.deepcopy(agent.world_model)
    assert before is not None
    told = len(signal.told)
    agent.train_step()
    [scored] = signal.told[told:]
    experience = scored.experience
    assert experience.context is not None
    with torch.no_grad():
        wanted = before.surprise(experience.traj, experience.carry, experience.context)
        believed = before.belief.along(experience.traj, experience.carry).belief
    assert scored.belief is not None
    torch.testing.assert_close(scored.belief, believed)
    torch.testing.assert_close(scored.known.arrival(), wanted.arrival())
    assert wanted.arrival().std() > 0
    now = agent.world_model
    assert now is not None
    with torch.no_grad():
        other = now.surprise(experience.traj, experience.carry, experience.context)
    assert not torch.allclose(other.arrival(), wanted.arrival())


@pytest.mark.parametrize("core", [RecurrentConfig(5, 2), FrameStackConfig(3)])
def test_surprise_crosses_the_seam_as_if_there_were_none(core: Any) -> None:
    """With weights that stay, three rollouts surprise as one of their whole length."""
    still = StudyConfig(capacity=4, learning_starts=10**6)
    model = byol_explore(horizon=4, predictor=LatentHeadConfig(13))
    agent = counting(
        UniformConfig(), HeardConfig(), model=model, core=core, study=still
    )
    for _ in range(3):
        agent.train_step()
    signal, made = agent.signals["heard"].curiosity, agent.world_model
    assert isinstance(signal, Heard)
    assert made is not None
    whole = behind([x.traj for x in signal.told])
    with torch.no_grad():
        arrived = made.loss(whole, made.start(4)).arrival()
    paid = torch.cat([x.known.arrival() for x in signal.told])
    torch.testing.assert_close(paid, arrived, rtol=1e-4, atol=1e-4)
    assert signal.told[2].known.num_context == 3


def test_stored_rewards_are_those_that_were_paid() -> None:
    """In the counting world, whose frames say what each transition is to be paid."""
    streams = (
        RewardStream(0.5, 0.9, episodic=False),
        RewardStream(-2.0, 0.9, clip=4.0),
    )
    agent = counting(
        None,
        CodedConfig(5),
        also=[SignalConfig(CodedConfig(2), streams[1])],
        extrinsic=RewardStream(3.0, 0.9, clip=2.5),
        intrinsic=streams[0],
    )
    reports = [agent.train_step() for _ in range(5)]
    past = agent.replay.sample(500, torch.Generator().manual_seed(0), 4)
    joins = past.traj.first[1:]
    assert joins.any()
    arrived = past.traj.obs[1:]
    world = decode(arrived).step.float().clamp(max=2.5)
    second = code(arrived, 2).clamp(max=4.0)
    wanted = 3.0 * world + 0.5 * code(arrived, 5) - 2.0 * second
    found = past.extras[PAID]
    torch.testing.assert_close(found, wanted.masked_fill(joins, 0.0))
    assert found.std() > 1
    assert reports[0].metrics.keys() >= {"policy/reward", "intrinsic/coded/raw_mean"}


def test_streams_are_scaled_before_they_are_weighed() -> None:
    stream = RewardStream(2.0, 0.9, normalize=True)
    agent = off_policy(dqn(), None, extrinsic=stream)
    scale = agent.scales[0]
    assert isinstance(scale, ReturnStdScale)
    twin = copy.deepcopy(scale)
    rewards = []
    for _ in range(6):
        agent.train_step()
        rewards.append(agent.replay.window(*last(agent), T))
    for past in rewards:
        paid = 2.0 * twin(past.traj.reward, past.traj.valid)
        torch.testing.assert_close(past.extras[PAID], paid)
    assert rewards[-1].traj.num_steps == T


def last(agent: OffPolicyAgent) -> tuple[Tensor, Tensor, Tensor]:
    """The newest rollout, as the replay finds it."""
    slot = torch.full((3,), (agent.replay.num_added - 1) % agent.replay.capacity)
    return slot, torch.arange(3), torch.zeros(3, dtype=torch.int64)


def test_nothing_learns_before_its_time_and_all_of_it_then() -> None:
    second = SignalConfig(RND, RewardStream(0.3, 0.9, episodic=False))
    agent = off_policy(dqn(), MODEL, PredictionErrorConfig(), also=(second,))
    before = weights(agent)
    steps = []
    while agent.env_steps < 50:
        steps.append(agent.env_steps)
        assert moved(agent, before) == set()
        report = agent.train_step()
    assert len(steps) >= 2
    assert moved(agent, before) == {"actor.policy", "actor.model", "signals.rnd"}
    assert report.metrics.keys() >= {"loss/q", "loss/world_model", "loss/rnd"}
    signal = agent.signals["rnd"].curiosity
    assert isinstance(signal, RandomNetworkDistillation)
    for name, x in signal.target.named_parameters():
        assert torch.equal(x, before[f"signals.rnd.target.{name}"])


def test_who_learns_nothing_keeps_nothing() -> None:
    """A checkpoint of random play in many worlds had gigabytes of rollouts in it."""
    idle = off_policy(UniformConfig(), None)
    idle.begin()
    for _ in range(2):
        idle.train_step()
    assert (idle.rollouts_kept, len(idle.replay)) == (0, 0)
    for learns in (off_policy(UniformConfig(), None, RND), off_policy(dqn(), None)):
        learns.begin()
        for _ in range(2):
            learns.train_step()
        assert learns.rollouts_kept == learns.replay.capacity
        assert len(learns.replay) == 2


@pytest.mark.parametrize("policy", [UniformConfig(), DwellConfig()])
def test_scripted_policies_leave_model_and_signals_to_learn(policy: Any) -> None:
    agent = off_policy(policy, MODEL, RND)
    before = weights(agent)
    for _ in range(4):
        report = agent.train_step()
    assert moved(agent, before) == {"actor.model", "signals.rnd"}
    assert "loss/q" not in report.metrics
    assert agent.schooling is None


def test_whoever_acts_model_and_signals_begin_alike_and_draw_the_same_windows() -> None:
    agents = [off_policy(x, MODEL, RND) for x in (dqn(), UniformConfig())]
    for _ in range(5):
        states = [
            {
                n: x
                for n, x in agent.modules.state_dict().items()
                if n.startswith(("actor.model", "signals"))
            }
            for agent in agents
        ]
        assert states[0].keys() == states[1].keys()
        if agents[0].replay.num_added == 0:
            assert all(torch.equal(x, states[1][n]) for n, x in states[0].items())
        draws = [x.study.generator.get_state() for x in agents if x.study]
        assert torch.equal(*draws)
        for agent in agents:
            agent.train_step()


def test_one_forward_pass_serves_model_and_signals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, signal = noting(core=RecurrentConfig(6))
    for _ in range(2):
        agent.train_step()
    model, study = agent.world_model, agent.study
    assert model is not None
    assert study is not None
    seen: list[Tensor] = []
    see, along = model.see, model.belief.along
    encoded: list[int] = []

    def watched(*args: Any) -> Any:
        result = see(*args)
        seen.append(result.belief)
        return result

    def counted(traj: Any, carry: Any) -> Any:
        encoded.append(traj.num_steps)
        return along(traj, carry)

    monkeypatch.setattr(model, "see", watched)
    monkeypatch.setattr(model.belief, "along", counted)
    signal.learned.clear()
    study.step(agent.replay)
    [learning], [belief] = signal.learned, seen
    assert encoded == [4, model.horizon]  # burn-in, and what is learned
    assert learning.belief is not None
    assert not learning.belief.requires_grad
    assert torch.equal(learning.belief, belief)
    assert learning.traj.num_steps == model.horizon
    assert learning.traj.reward.shape[1] == 7
    assert learning.model_loss is not None
    assert learning.target is not None


def test_the_memory_at_a_window_is_that_behind_its_burn_in() -> None:
    agent, signal = noting(core=RecurrentConfig(6, num_frames=2))
    for _ in range(3):
        agent.train_step()
    model, study = agent.world_model, agent.study
    assert model is not None
    assert study is not None
    state = study.generator.get_state()
    before = copy.deepcopy(model)
    signal.learned.clear()
    study.step(agent.replay)
    [learning] = signal.learned
    again = torch.Generator()
    again.set_state(state)
    past = agent.replay.sample(7, again, 4 + model.horizon)
    with torch.no_grad():
        begun = before.belief.recall(past.carry)
        whole = before.belief.along(past.traj, begun).belief
    assert learning.belief is not None
    torch.testing.assert_close(learning.belief, whole[4:])
    assert torch.equal(learning.traj.obs, past.traj.obs[4:])


def test_the_policy_learns_from_windows_with_what_was_paid() -> None:
    agent = off_policy(dqn(), MODEL, PredictionErrorConfig())
    policy, given = agent.policy, []
    assert isinstance(policy, Dqn)
    loss = policy.loss

    def watched(traj: Any, carry: Any, reward: Tensor) -> Any:
        given.append((traj, reward))
        return loss(traj, carry, reward)

    policy.loss = watched  # type: ignore[method-assign]
    for _ in range(4):
        agent.train_step()
    assert len(given) == 2 * 3  # nothing behind the first rollout
    rows = agent.replay.state_dict()["rows"]
    stored = rows["extra." + PAID]
    assert stored.any()
    for traj, reward in given:
        assert traj.num_steps == 1
        assert reward.shape == (1, 5)
        assert torch.isin(reward, stored).all()


def test_promised_metrics_are_there() -> None:
    def intrinsic(name: str) -> set[str]:
        each = [(x, y) for x in ("reward", "raw") for y in ("mean", "std")]
        return {f"intrinsic/{name}/{x}_{y}" for x, y in each}

    model = {"effective_rank", "latent_spread", "latent_scale", "updates"}
    scored = {f"world_model/{x}" for x in model}
    for parts, names in (
        ({"model": None}, {"loss/q", "policy/q"}),
        (
            {"policy": UniformConfig(), "model": None, "curiosity": RND},
            intrinsic("rnd") | {"loss/rnd"},
        ),
        (
            {"curiosity": PredictionErrorConfig()},
            intrinsic("prediction-error")
            | {"loss/q", "policy/q", "loss/world_model"}
            | scored,
        ),
    ):
        agent = off_policy(**parts)
        while agent.env_steps < 50:
            report = agent.train_step()
        assert set(report.metrics) == names | {"policy/reward"}
        assert all(v.shape == () and v.isfinite() for v in report.metrics.values())
        assert not any(v.requires_grad for v in report.metrics.values())
