"""Who receives gradient, what is surprising, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RandomNetworkDistillation, RndConfig
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import (
    Curiosity,
    CuriosityConfig,
    IntrinsicReward,
    Signal,
    Surroundings,
)
from agents.experience import Experience
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig, ReplayConfig
from agents.ppo.minibatch import Minibatch
from envs.counting import CountingConfig, CountingState, CountingWorld
from envs.native_env import NativeVectorEnv, Outcome
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import VectorEnv
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig as Gru
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory

T, B, K = 9, 4, 6
NATURE = NatureConfig(size=24, precision=Precision.FLOAT32)

SMALL = PpoAgentConfig(
    encoder=NATURE,
    core=Gru(size=17),
    ppo=PpoConfig(num_steps=T, num_minibatches=2, num_epochs=2),
)
BYOL = byol_explore(horizon=K, predictor=LatentHeadConfig(13))
RND = RndConfig(size=14, warm_up_steps=3, encoder=NATURE)
ERROR = PredictionErrorConfig()


def key_door(max_episode_steps: int = 7) -> NativeVectorEnv:
    return KeyDoorConfig(
        max_episode_steps=max_episode_steps, varied_layouts=True
    ).build(B, "cpu")


def build(
    config: PpoAgentConfig = SMALL,
    model: LatentDynamicsConfig | None = None,
    curiosity: CuriosityConfig | None = None,
    env: VectorEnv | None = None,
) -> PpoAgent:
    agent = config.build(env or key_door(), model, curiosity, seed=5)
    agent.begin()
    return agent


def batch_of(agent: PpoAgent, envs: list[int]) -> Minibatch:
    experience, _ = agent.collector.collect()
    with torch.no_grad():
        scored = agent._score(experience, describe=False)
        paid = {k: x.curiosity.reward(scored) for k, x in agent.signals.items()}
        mixed = agent._mix(experience, paid)
    index = torch.tensor(envs)
    return Minibatch.of(experience, mixed, agent.active, scored.target, index)


def signal_of(agent: PpoAgent) -> Curiosity:
    """The only one there is."""
    [signal] = agent.signals.values()
    return signal.curiosity


def gradients(loss: Tensor, module: nn.Module) -> dict[str, Tensor]:
    """Nonzero gradients by parameter name."""
    named = {n: p for n, p in module.named_parameters() if p.requires_grad}
    grads = torch.autograd.grad(
        loss, list(named.values()), retain_graph=True, allow_unused=True
    )
    found = zip(named, grads, strict=True)
    return {n: g for n, g in found if g is not None and g.any()}


def trunk(agent: PpoAgent) -> set[str]:
    """All parameters of encoder, core and action embedding."""
    return {name for name, _ in agent.belief.named_parameters()}


@pytest.mark.parametrize("rl_gradient", [False, True])
def test_rl_gradient_reaches_the_belief_only_if_asked(rl_gradient: bool) -> None:
    agent = build(replace(SMALL, rl_gradient=rl_gradient, model_coeff=0.0), BYOL, ERROR)
    loss, _, _ = agent._loss(batch_of(agent, [3, 1]))
    expected = trunk(agent) if rl_gradient else set()
    assert set(gradients(loss, agent.belief)) == expected
    assert set(gradients(loss, agent.actor.policy)) == set(
        dict(agent.actor.policy.state_dict())
    )


def test_the_world_model_trains_all_of_the_belief() -> None:
    agent = build(replace(SMALL, rl_gradient=False), BYOL, ERROR)
    loss, _, _ = agent._loss(batch_of(agent, [3, 1]))
    model = agent.world_model
    assert model is not None
    assert set(gradients(loss, agent.belief)) == trunk(agent)
    expected = {n for n, p in model.named_parameters() if not n.startswith("target.")}
    assert set(gradients(loss, model)) == expected


def target_of(model: LatentDynamics) -> torch.nn.Module:
    assert model.target is not None
    return model.target.network


def test_targets_never_have_gradient() -> None:
    agent = build(SMALL, BYOL, RND)
    model, signal = agent.world_model, signal_of(agent)
    assert model is not None
    assert isinstance(signal, RandomNetworkDistillation)
    frozen = [p.clone() for p in signal.target.parameters()]
    before = [p.clone() for p in target_of(model).parameters()]
    agent.train_step()
    targets = [*target_of(model).parameters(), *signal.target.parameters()]
    assert len(targets) > 10
    groups = agent.learner.descent.groups
    for p in targets:
        assert p.grad is None
        assert not p.requires_grad
        assert not any(p is q for group in groups for q in group)
    for old, new in zip(frozen, signal.target.parameters(), strict=True):
        assert torch.equal(old, new)
    after = target_of(model).parameters()
    assert not all(torch.equal(o, n) for o, n in zip(before, after, strict=True))


def test_curiosity_trains_itself_and_nothing_else() -> None:
    agent = build(SMALL, BYOL, RND)
    signal, batch = signal_of(agent), batch_of(agent, [0, 2])
    generator = torch.Generator().manual_seed(1)
    own = signal.loss(Learning(batch.traj, batch.carry, generator))
    assert own is not None
    assert own.per_sample is not None
    names = set(gradients(own.per_sample.sum(), signal))
    assert names == {n for n, _ in signal.named_parameters() if "target" not in n}
    assert not gradients(own.per_sample.sum(), agent.actor)


def test_every_parameter_is_optimised_once_and_clipped_with_its_own() -> None:
    agent = build(SMALL, BYOL, RND)
    optimised = [
        p
        for group in agent.learner.descent.optimizer.param_groups
        for p in group["params"]
    ]
    trainable = [p for p in agent.modules.parameters() if p.requires_grad]
    assert {id(p) for p in optimised} == {id(p) for p in trainable}
    assert len({id(p) for p in optimised}) == len(optimised)
    limit = agent.ppo.max_grad_norm
    agent.learner.step(sum((1e3 * p.sum() for p in trainable), torch.zeros(())))
    for module in (agent.actor, signal_of(agent)):
        grads = [p.grad for p in module.parameters() if p.grad is not None]
        norm = torch.stack([g.norm() for g in grads]).norm()
        assert norm.item() == pytest.approx(limit, rel=1e-3)


def joined(one: Experience, two: Experience) -> Trajectory:
    """Two consecutive rollouts as one trajectory."""
    a, b = one.traj, two.traj
    return Trajectory(
        action=torch.cat([a.action, b.action]),
        reward=torch.cat([a.reward, b.reward]),
        terminated=torch.cat([a.terminated, b.terminated]),
        truncated=torch.cat([a.truncated, b.truncated]),
        obs=torch.cat([a.obs[:-1], b.obs]),
        first=torch.cat([a.first[:-1], b.first]),
    )


@pytest.mark.parametrize("core", [Gru(17), Gru(17, num_frames=3), FrameStackConfig(3)])
def test_surprise_does_not_see_the_seam_between_rollouts(
    core: Gru | FrameStackConfig,
) -> None:
    """Equal to the loss on both rollouts as one long trajectory, brute force."""
    agent = build(replace(SMALL, core=core), BYOL, ERROR, key_door(13))
    model = agent.world_model
    assert model is not None
    for p in target_of(model).parameters():
        p.mul_(0.9).add_(0.01)  # unlike the online encoder
    (one, _), (two, _) = agent.collector.collect(), agent.collector.collect()
    assert two.traj.first[1:].any()
    with torch.no_grad():
        surprise = agent._score(two, describe=False).known
        blind = model.loss(two.traj, two.carry)
        whole = model.loss(joined(one, two), one.carry)
    got, want = surprise.arrival(), whole.arrival()[-T:]
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
    landed = torch.stack([whole.valid[k, T - k : 2 * T - k] for k in range(K)]).sum(0)
    assert landed[0].max() == K
    cut = blind.arrival()
    assert (got[: K - 1] - cut[: K - 1]).max() > 0.1
    torch.testing.assert_close(got[K - 1 :], cut[K - 1 :], rtol=1e-4, atol=1e-4)


PPO_METRICS = {
    "loss/policy",
    "loss/value",
    "policy/entropy",
    "policy/kl",
    "policy/clip_fraction",
}


def intrinsic(name: str) -> set[str]:
    return {
        f"intrinsic/{name}/{x}_{y}" for x in ("reward", "raw") for y in ("mean", "std")
    }


MODEL = {
    "loss/world_model",
    "world_model/effective_rank",
    "world_model/latent_spread",
    "world_model/latent_scale",
    "world_model/updates",
}


def test_promised_metrics_are_there() -> None:
    for model, signal, names in (
        (None, None, PPO_METRICS),
        (None, RND, PPO_METRICS | intrinsic("rnd") | {"loss/rnd"}),
        (BYOL, ERROR, PPO_METRICS | intrinsic("prediction-error") | MODEL),
    ):
        report = build(SMALL, model, signal).train_step()
        assert set(report.metrics) == names
        assert all(v.shape == () and v.isfinite() for v in report.metrics.values())
        assert not any(v.requires_grad for v in report.metrics.values())
    assert report.metrics["world_model/updates"] == 2 * 2


class Rich(CountingWorld):
    """The counting world with other rewards."""

    def transition(
        self, state: CountingState, action: Tensor, generator: torch.Generator
    ) -> Outcome:
        outcome = super().transition(state, action, generator)
        return outcome._replace(reward=5.0 - 0.7 * outcome.reward)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_reward_stream_that_is_switched_off_teaches_nothing(weight: float) -> None:
    """Neither by the policy's gradient, nor by its critic's, nor through clipping."""
    extrinsic = RewardStream(weight, 0.99)
    config = replace(SMALL, extrinsic=extrinsic)
    agents = [
        build(config, None, RND, env)
        for env in (CountingConfig().build(B, "cpu"), NativeVectorEnv(Rich(), B))
    ]
    reports = [[agent.train_step() for agent in agents] for _ in range(2)]
    assert not torch.equal(*[x.happened.episode_return for x in reports[-1]])
    one, two = (agent.modules.state_dict() for agent in agents)
    names = [name for name in one if name.startswith("actor.")]
    same = [torch.equal(one[name], two[name]) for name in names]
    assert all(same) if weight == 0 else not any(same)


def test_parts_that_do_not_fit_are_refused() -> None:
    three = replace(SMALL, ppo=PpoConfig(num_minibatches=3))
    with pytest.raises(ValueError, match="4 envs cannot be split into 3 minibatches"):
        build(three)
    with pytest.raises(
        ValueError, match="curiosity prediction-error pays what a world"
    ):
        build(SMALL, None, ERROR)
    with pytest.raises(ValueError, match=r"leave --agent\.rl-gradient on"):
        build(replace(SMALL, rl_gradient=False))
    updates = replace(SMALL, replay=ReplayConfig(0, 3))
    with pytest.raises(ValueError, match=r"needs --agent\.replay\.capacity"):
        build(updates, BYOL)
    kept = replace(SMALL, replay=ReplayConfig(2, 3))
    with pytest.raises(ValueError, match="add --model"):
        build(kept)
    agent = build()
    with pytest.raises(ValueError, match=r"burn-in 9 leaves nothing of rollouts of 9"):
        build(replace(SMALL, replay=ReplayConfig(2, 1, burn_in=T)), BYOL)
    agent = build()
    stray = {"stray": Signal(Pulled(), RewardStream(1.0, 0.9))}
    with pytest.raises(ValueError, match="has 1 value heads for 2 reward streams"):
        PpoAgent(agent.env, agent.actor, agent.streams[0], stray, agent.ppo)
    with pytest.raises(AssertionError, match="call begin"):
        SMALL.build(key_door(), None, None, 1).train_step()


class Pulled(Curiosity):
    """Learns from a batch-level term alone."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def reward(self, scored: Scored) -> IntrinsicReward:
        nothing = torch.zeros_like(scored.traj.reward)
        return IntrinsicReward(nothing, nothing)

    def loss(self, learning: Learning) -> Loss:
        return Loss(None, self.weight.square().sum())


class PulledConfig:
    def build(self, surroundings: Surroundings) -> Pulled:
        return Pulled()


def test_a_signal_may_learn_from_a_regulariser_alone() -> None:
    agent = build(SMALL, None, PulledConfig())
    report = agent.train_step()
    signal = signal_of(agent)
    assert isinstance(signal, Pulled)
    assert (signal.weight < 1).all()
    assert 0 < report.metrics["loss/pulled"] <= 3


@pytest.mark.parametrize("part", ["encoder", "core"])
def test_parts_that_build_something_else_are_named(part: str) -> None:
    class Wrong:
        num_frames = 1

        def build(self, *_: object) -> nn.Module:
            return nn.Identity()

    parts: dict[str, Any] = {part: Wrong()}
    config = replace(SMALL, **parts)
    kind = {"encoder": "Encoder", "core": "BeliefCore"}[part]
    with pytest.raises(ValueError, match=f"gave a Identity where a {kind} is needed"):
        build(config)
