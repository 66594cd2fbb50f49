"""Curiosity-Critic and LPM: errors beside what was expected, and who learns what."""

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch

from agents.check.curiosity import check_curiosity
from agents.curiosity.errors.critic import CuriosityCriticConfig
from agents.curiosity.errors.lpm import LpmConfig
from agents.curiosity.errors.recent import RecentErrors
from agents.curiosity.scored import Learning, Scored
from tests.agents.curiosity.made import SHAPE, total
from tests.agents.curiosity.progress.tiny import (
    ACTIONS,
    B,
    K,
    Rollouts,
    T,
    around,
    model_of,
)
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION

CRITIC = CuriosityCriticConfig(hidden=9)
LPM = LpmConfig(hidden=9, steps=2 * T, eta=0.9)


def learning_of(scored: Scored, model: LatentDynamics) -> Learning:
    traj, carry = scored.traj, scored.experience.carry
    loss = model.loss(traj, carry).detach()
    generator = torch.Generator().manual_seed(3)
    return Learning(traj, carry, generator, scored.belief, scored.target, loss)


def arrival(scored: Scored) -> list[list[float]]:
    """The sum of all valid losses that land on a transition, by hand."""
    loss = scored.known
    each, context = loss.terms[PREDICTION], loss.num_context
    found = [[0.0] * B for _ in range(T)]
    for k in range(each.shape[0]):
        for start in range(each.shape[1]):
            landed = start + k - context
            for b in range(B):
                if 0 <= landed < T and loss.valid[k, start, b]:
                    found[landed][b] += float(each[k, start, b])
    return found


def test_the_critics_guess_is_taken_off() -> None:
    model = model_of()
    signal = CRITIC.build(around(model))
    for scored in islice(Rollouts(model), 2):
        raw, error = signal.reward(scored).raw, arrival(scored)
        assert scored.belief is not None
        for t in range(T):
            for b in range(B):
                with torch.no_grad():
                    did = signal.critic.action(scored.traj.action[t, b])
                    told = torch.cat([scored.belief[t, b], did])
                    stays = max(float(signal.critic.net(told)), 0.0)
                want = error[t][b] - stays if scored.valid[t, b] else 0.0
                assert raw[t, b].item() == pytest.approx(want, abs=1e-5)


def test_the_critic_learns_from_transitions_that_all_predictions_reach() -> None:
    model = model_of()
    signal = CRITIC.build(around(model))
    scored = next(iter(Rollouts(model, seed=2)))
    learning = learning_of(scored, model)
    assert learning.model_loss is not None
    assert learning.belief is not None
    with torch.no_grad():
        error = learning.model_loss.arrival(PREDICTION)
        guess = signal.critic(learning.belief, learning.traj.action)
    each = [
        float((guess[t, b] - error[t, b]) ** 2)
        for t in range(K - 1, T)
        for b in range(B)
        if scored.valid[t, b]
    ]
    assert each
    got = total(signal.loss(learning)).item()
    assert got == pytest.approx(sum(each) / len(each), rel=1e-4)


def test_what_the_critic_has_learned_is_not_paid() -> None:
    """A model that stays as it is: its errors are noise, as far as anybody can tell."""
    model = model_of()
    signal = CuriosityCriticConfig(hidden=64).build(around(model))
    optimizer = torch.optim.Adam(signal.parameters(), 1e-2)
    rolled = list(islice(Rollouts(model), 8))
    before = torch.stack([signal.reward(x).raw for x in rolled]).abs().mean()
    taught = [learning_of(x, model) for x in rolled]
    for i in range(160):
        optimizer.zero_grad()
        total(signal.loss(taught[i % len(taught)])).backward()
        optimizer.step()
    after = torch.stack([signal.reward(x).raw for x in rolled[1:]]).abs().mean()
    assert after < 0.4 * before


def test_lpm_pays_what_the_logarithm_fell_by() -> None:
    model = model_of()
    signal = LPM.build(around(model))
    for scored in islice(Rollouts(model), 2):
        raw, error = signal.reward(scored).raw, arrival(scored)
        assert scored.belief is not None
        for t in range(T):
            for b in range(B):
                if not scored.valid[t, b]:
                    assert raw[t, b] == 0
                    continue
                with torch.no_grad():
                    did = signal.before.action(scored.traj.action[t, b])
                    told = torch.cat([scored.belief[t, b], did])
                    expected = float(signal.before.net(told))
                want = 0.9 * expected - math.log(error[t][b])
                assert raw[t, b].item() == pytest.approx(want, rel=1e-4)


def test_lpm_neither_pays_nor_keeps_what_was_not_predicted() -> None:
    """An error of nothing is none: its logarithm would be paid above all else."""
    model = model_of()
    signal = LPM.build(around(model))
    scored = next(iter(Rollouts(model)))
    t, b = (int(x) for x in scored.valid.nonzero()[3])
    loss = scored.known
    for k in range(loss.valid.shape[0]):
        start = t + loss.num_context - k
        if 0 <= start < loss.valid.shape[1]:
            loss.valid[k, start, b] = False
    raw = signal.reward(scored).raw
    assert raw[t, b] == 0
    kept = scored.valid.clone()
    kept[t, b] = False
    assert raw[kept].all()
    assert torch.equal(signal.recent.there[-T:], kept)


def test_a_model_that_has_improved_is_paid() -> None:
    """The same transitions with a third of the error: log 3, once ê is taught."""
    model = model_of()
    signal = LpmConfig(hidden=64, steps=4 * T).build(around(model))
    optimizer = torch.optim.Adam(signal.parameters(), 1e-2)
    rolled = list(islice(Rollouts(model), 5))[1:]
    for scored in rolled:
        signal.reward(scored)
    learning = learning_of(rolled[0], model)
    for _ in range(150):
        optimizer.zero_grad()
        total(signal.loss(learning)).backward()
        optimizer.step()
    same = torch.cat([signal.reward(x).raw[x.valid] for x in rolled])
    assert same.abs().mean() < 0.25
    for scored in rolled:
        scored.known.terms[PREDICTION].div_(3.0)
    better = torch.cat([signal.reward(x).raw[x.valid] for x in rolled])
    assert better.mean().item() == pytest.approx(math.log(3), abs=0.25)


def test_errors_are_kept_first_in_first_out(generator: torch.Generator) -> None:
    recent, kept = RecentErrors(around(None), 5), []
    for _ in range(3):
        belief = torch.randn(3, B, 11, generator=generator)
        action = torch.randint(0, ACTIONS.n, (3, B), generator=generator)
        error = torch.randn(3, B, generator=generator)
        valid = torch.rand(3, B, generator=generator) < 0.7
        recent.add(belief, action, error, valid)
        kept += list(zip(belief, action, error, valid, strict=True))
    for place, (belief, action, error, valid) in enumerate(kept[-5:]):
        assert torch.equal(recent.belief[place], belief)
        assert torch.equal(recent.action[place], action)
        assert torch.equal(recent.error[place], error)
        assert torch.equal(recent.there[place], valid)
    some = recent.drawn(200, generator)
    known = {
        float(e): bool(v) for _, _, x, y in kept[-5:] for e, v in zip(x, y, strict=True)
    }
    drawn = {float(e): bool(v) for e, v in zip(some.error, some.there, strict=True)}
    assert drawn == known


@pytest.mark.parametrize("config", [CRITIC, LPM], ids=["critic", "lpm"])
def test_they_keep_the_contract(config: CuriosityCriticConfig | LpmConfig) -> None:
    check_curiosity(config.build, SHAPE)


@pytest.mark.parametrize("config", [CRITIC, LPM], ids=["critic", "lpm"])
def test_they_go_on_bit_for_bit(config: CuriosityCriticConfig | LpmConfig) -> None:
    model = model_of()
    signal, twin = config.build(around(model)), config.build(around(model))
    stream = iter(Rollouts(model))
    for scored in islice(stream, 2):
        signal.reward(scored)
    twin.load_state_dict({k: x.clone() for k, x in signal.state_dict().items()})
    for scored in islice(stream, 2):
        one, two = signal.reward(scored), twin.reward(scored)
        assert torch.equal(one.reward, two.reward)
        assert one.reward.any()
        learning = [learning_of(scored, model) for _ in range(2)]
        assert torch.equal(
            total(signal.loss(learning[0])), total(twin.loss(learning[1]))
        )


def test_without_beliefs_they_say_what_to_do() -> None:
    model = model_of()
    scored = replace(next(iter(Rollouts(model))), belief=None)
    signal = LPM.build(around(model))
    with pytest.raises(ValueError, match="add --model byol-explore, and act by PPO"):
        signal.reward(scored)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1"):
        LpmConfig(steps=0)
    with pytest.raises(ValueError, match="clip must be above 0"):
        CuriosityCriticConfig(clip=0.0)
