"""How ε falls, and that ε-greedy actions are what they are called."""

import io

import pytest
import torch

from agents.policy.dqn import DqnConfig
from agents.policy.epsilon_greedy import Epsilon, EpsilonGreedy
from agents.policy.q_network import QNetwork
from envs.counting import CountingConfig
from envs.vector_env import Step
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.cores.recurrent import RecurrentConfig

B, A = 2_000, 5


def network() -> QNetwork:
    """Whose Q values differ from env to env."""
    spec = CountingConfig().build(B, "cpu").spec
    encoder = PatchConfig(8, precision=Precision.FLOAT32)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = DqnConfig(encoder, RecurrentConfig(7)).build(spec, 0).online
        torch.nn.init.normal_(made.head[-1].get_parameter("weight"))
    return made


def row() -> Step:
    step = CountingConfig().build(B, "cpu").reset(0)
    torch.manual_seed(5)
    obs = torch.randint(256, step.obs.shape, dtype=torch.uint8)
    return Step(obs, step.reward, step.terminated, step.truncated, step.first)


def test_epsilon_waits_falls_along_a_line_and_stays() -> None:
    epsilon = Epsilon(begin=1_000, rate=3e-4, least=0.025)
    assert epsilon.at(0) == epsilon.at(1_000) == 1.0
    assert epsilon.at(1_001) == pytest.approx(1 - 3e-4)
    assert epsilon.at(2_000) == pytest.approx(0.7)
    assert epsilon.at(4_249) > 0.025
    assert epsilon.at(4_251) == epsilon.at(10**9) == 0.025
    always = Epsilon.always(0.3)
    assert {always.at(x) for x in (0, 1, 10**6)} == {0.3}


@pytest.mark.parametrize("epsilon", [0.0, 0.2, 1.0])
def test_a_share_of_the_actions_is_uniform_and_the_others_are_the_best(
    epsilon: float,
) -> None:
    made, shown = network(), row()
    policy = EpsilonGreedy(
        made, torch.Generator().manual_seed(0), Epsilon.always(epsilon)
    )
    carry = policy.start(B)
    with torch.no_grad():
        nothing = carry.action[None][:0]
        seen = made.belief.observe(shown.obs[None], nothing, shown.first[None], carry)
        best = made(seen.belief[0]).argmax(-1)
    assert len(best.unique()) > 2
    did = policy.act(shown, carry)
    assert torch.equal(did.carry.action, did.action)
    torch.testing.assert_close(did.carry.memory, seen.carry.memory)
    same = (did.action == best).float().mean().item()
    expected = 1 - epsilon * (1 - 1 / A)
    assert same == pytest.approx(expected, abs=4 * (0.25 / B) ** 0.5 * (epsilon > 0))
    if epsilon == 1.0:
        counts = did.action.bincount(minlength=A)
        assert (counts - B / A).abs().max() < 5 * (B / A) ** 0.5


def test_it_counts_the_actions_of_all_envs_and_goes_on_where_it_was() -> None:
    made, shown = network(), row()

    def policy(seed: int) -> EpsilonGreedy:
        # a third of the way down in each step
        falling = Epsilon(B, 1 / (3 * B), 0.0)
        return EpsilonGreedy(made, torch.Generator().manual_seed(seed), falling)

    one = policy(1)
    carry = one.start(B)
    shares = []
    for _ in range(6):
        shares.append(one.epsilon.at(one.steps))
        carry = one.act(shown, carry).carry
    assert shares == pytest.approx([1, 1, 2 / 3, 1 / 3, 0, 0], abs=1e-9)
    assert one.steps == 6 * B
    one = policy(1)
    for _ in range(2):
        one.act(shown, carry)
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    other = policy(2)
    other.load_state_dict(torch.load(file, weights_only=True))
    for _ in range(3):
        acted = [x.act(shown, carry).action for x in (one, other)]
        assert torch.equal(*acted)
