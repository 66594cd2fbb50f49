"""What every parameter of an agent starts from, by name: none is forgotten."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from agents.curiosity.rnd import RndConfig
from agents.policy.actor_critic import ActorCritic
from agents.policy.ppo import PpoConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import ContinuousActions
from ssl_objectives.encoders.cnn import NatureConfig
from world_models.actions import ContinuousEmbedding
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

D, E, S, P, R = 48, 7, 37, 43, 29  # latent, action, belief, predictor, RND

Rule = Callable[[Tensor], None]


def build() -> PpoAgent:
    config = PpoAgentConfig(
        encoder=NatureConfig(size=D),
        core=RecurrentConfig(size=S),
        ppo=PpoConfig(num_minibatches=2),
        action_size=E,
    )
    env = KeyDoorConfig().build(4, "cpu")
    model = byol_explore(horizon=3, predictor=LatentHeadConfig(P))
    return config.build(env, model, RndConfig(size=R), seed=11)


def zero(tensor: Tensor) -> None:
    assert not tensor.any()


def half(tensor: Tensor) -> None:
    """A standard deviation of a half, as a logarithm."""
    torch.testing.assert_close(tensor.exp(), torch.full_like(tensor, 0.5))


def orthogonal(gain: float) -> Rule:
    """Rows (or columns, if they are fewer) orthogonal, of length `gain`."""

    def check(weight: Tensor) -> None:
        rows = weight.flatten(1)
        rows = rows if rows.shape[0] <= rows.shape[1] else rows.T
        want = gain**2 * torch.eye(len(rows))
        torch.testing.assert_close(rows @ rows.T, want, rtol=0, atol=1e-4 * gain**2)

    return check


def gates(weight: Tensor) -> None:
    """Three orthogonal matrices, one for each gate of a GRU."""
    for gate in weight.split(S):
        orthogonal(1.0)(gate)
    assert not torch.equal(weight[:S], weight[S : 2 * S])


def uniform(bound: float) -> Rule:
    def check(tensor: Tensor) -> None:
        assert tensor.abs().max() <= bound
        assert tensor.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.3)
        assert tensor.mean().abs() < 0.3 * bound

    return check


def xavier(inputs: int, outputs: int) -> Rule:
    return uniform(math.sqrt(6 / (inputs + outputs)))


def torchs_own(fan_in: int) -> Rule:
    """A layer left as torch makes it, on purpose."""
    return uniform(1 / math.sqrt(fan_in))


def normal(tensor: Tensor) -> None:
    assert tensor.std().item() == pytest.approx(1.0, rel=0.3)
    assert tensor.abs().max() > 1.5


def layer(name: str, weight: Rule, bias: Rule = zero) -> dict[str, Rule]:
    return {f"{name}.weight": weight, f"{name}.bias": bias}


def convolutions(name: str) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for i in (0, 2, 4):
        found |= layer(f"{name}.{i}", orthogonal(2**0.5))
    return found


def gru_cell(name: str, inputs: int) -> dict[str, Rule]:
    return {
        **layer(f"{name}.from_input", xavier(inputs, 3 * S)),
        **layer(f"{name}.from_memory", gates),
    }


MODEL = "actor.model"
ENCODERS = {
    rule_name: rule
    for name in (f"{MODEL}.belief.encoder", f"{MODEL}.target.network.0")
    for rule_name, rule in {
        **convolutions(f"{name}.body"),
        **layer(f"{name}.head", orthogonal(2**0.5)),
    }.items()
}
RULES: dict[str, Rule] = {
    **layer("actor.policy.actor", orthogonal(0.01)),
    **layer("actor.policy.critic", orthogonal(1.0)),
    **ENCODERS,
    **gru_cell(f"{MODEL}.belief.core.cell", D + E),
    f"{MODEL}.belief.embedding.table.weight": normal,
    **gru_cell(f"{MODEL}.open_loop.cell", E),
    **layer(f"{MODEL}.predictor.layers.0", torchs_own(S), torchs_own(S)),
    **layer(f"{MODEL}.predictor.layers.2", torchs_own(P), torchs_own(P)),
    **convolutions("signals.rnd.target.0"),
    **layer("signals.rnd.target.2", orthogonal(2**0.5)),
    **convolutions("signals.rnd.predictor.0"),
    **layer("signals.rnd.predictor.2", orthogonal(2**0.5)),
    **layer("signals.rnd.predictor.4", orthogonal(2**0.5)),
    **layer("signals.rnd.predictor.6", orthogonal(2**0.5)),
}


def test_every_parameter_starts_as_intended() -> None:
    parameters = dict(build().modules.named_parameters())
    assert set(parameters) == set(RULES)
    for name, parameter in parameters.items():
        try:
            RULES[name](parameter.detach())
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_targets_start_as_copies_and_random_networks_as_strangers() -> None:
    modules = build().modules
    state = dict(modules.named_parameters())
    for name, parameter in state.items():
        if name.startswith(f"{MODEL}.target.network."):
            online = name.replace("target.network.0", "belief.encoder")
            assert torch.equal(parameter, state[online]), name
            assert parameter is not state[online]
    for part in ("0.0.weight", "2.weight"):
        target = state[f"signals.rnd.target.{part}"]
        assert not torch.allclose(target, state[f"signals.rnd.predictor.{part}"])


def test_a_seed_fixes_all_weights_and_no_global_state() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = build().modules.state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    other = build().modules.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_continuous_actions_start_with_a_noise_that_fits_their_range() -> None:
    torch.manual_seed(0)
    policy = ActorCritic(S, ContinuousActions((-1.0,) * 3, (1.0,) * 3), 2)
    rules: dict[str, Rule] = {
        **layer("actor", orthogonal(0.01)),
        **layer("critic", orthogonal(1.0)),
        "log_std": half,
    }
    parameters = dict(policy.named_parameters())
    assert set(parameters) == set(rules)
    for name, parameter in parameters.items():
        rules[name](parameter.detach())
    embedding = dict(ContinuousEmbedding(3, 41).named_parameters())
    for name, rule in layer("linear", torchs_own(3), torchs_own(3)).items():
        rule(embedding.pop(name).detach())
    assert not embedding
