"""Gradients of every layer with bf16 in the encoder, against float32 everywhere.

Layer by layer: with bf16 in the wrong place the gradient of the first convolution was
once reversed, while the loss and the gradient as a whole looked perfect.
"""

import pytest
import torch
from torch import Tensor

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.policy.ppo import PpoConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from agents.ppo.minibatch import Minibatch
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

T, B, K = 12, 4, 5
D, S = 64, 48

FLOAT = Precision.FLOAT32
ENCODERS: list[EncoderConfig] = [
    NatureConfig(D, FLOAT),
    PatchConfig(D, precision=FLOAT),
    ImpalaConfig(D, (7, 10), FLOAT),
]


def half_trained(encoder: EncoderConfig, rl_gradient: bool = True) -> PpoAgent:
    """Neither new, where all is easy, nor done."""
    config = PpoAgentConfig(
        encoder=encoder,
        core=RecurrentConfig(size=S),
        ppo=PpoConfig(T, num_minibatches=2, num_epochs=1, learning_rate=1e-3),
        rl_gradient=rl_gradient,
    )
    env = KeyDoorConfig(max_episode_steps=40, varied_layouts=True).build(B, "cpu")
    model = byol_explore(horizon=K, predictor=LatentHeadConfig(40))
    agent = config.build(env, model, PredictionErrorConfig(), seed=0)
    agent.begin()
    for _ in range(3):
        agent.train_step()
    return agent


def half_a_rollout(agent: PpoAgent) -> Minibatch:
    experience, _ = agent.collector.collect()
    with torch.no_grad():
        scored = agent._score(experience, describe=False)
        paid = {k: x.curiosity.reward(scored) for k, x in agent.signals.items()}
        mixed = agent._mix(experience, paid)
    envs = torch.arange(B // 2)
    return Minibatch.of(experience, mixed, agent.active, scored.target, envs)


def gradients(
    agent: PpoAgent, batch: Minibatch, precision: Precision
) -> dict[str, Tensor]:
    """Of the joint loss of PPO and world model, by parameter."""
    agent.belief.encoder.precision = precision
    loss, _, _ = agent._loss(batch)
    trained = {n: p for n, p in agent.modules.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(loss, list(trained.values()))
    return dict(zip(trained, found, strict=True))


def cosines(full: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, float]:
    """Between two gradients of each parameter."""
    assert any(not torch.equal(full[name], other[name]) for name in full)
    found = {}
    for name, gradient in full.items():
        assert gradient.any(), f"{name} is not trained"
        a, b = gradient.flatten().double(), other[name].flatten().double()
        found[name] = (a @ b / (a.norm() * b.norm())).item()
    return found


@pytest.mark.parametrize(
    ("encoder", "rl_gradient"),
    [
        (ENCODERS[0], True),
        (ENCODERS[1], True),
        (ENCODERS[2], True),
        (ENCODERS[0], False),
    ],
    ids=["Nature", "patches", "IMPALA", "Nature, model alone"],
)
def test_bf16_turns_the_gradient_of_no_layer(
    encoder: EncoderConfig, rl_gradient: bool
) -> None:
    """Nor with the model's gradient alone, which is far smaller than PPO's."""
    agent = half_trained(encoder, rl_gradient)
    batch = half_a_rollout(agent)
    full = gradients(agent, batch, Precision.FLOAT32)
    found = cosines(full, gradients(agent, batch, Precision.BFLOAT16))
    turned = {name: round(c, 4) for name, c in found.items() if not c > 0.99}
    assert not turned


def test_the_measure_notices_a_format_that_is_too_coarse() -> None:
    """Powers of two: no mantissa at all, where bf16 has seven bits of it."""
    agent = half_trained(PatchConfig(D, precision=FLOAT))
    batch = half_a_rollout(agent)
    full = gradients(agent, batch, Precision.FLOAT32)
    with torch.no_grad():
        for p in agent.belief.encoder.parameters():
            p.copy_(p.sign() * 2 ** p.abs().clamp(min=1e-12).log2().round())
    found = cosines(full, gradients(agent, batch, Precision.FLOAT32))
    assert min(found.values()) < 0.95
