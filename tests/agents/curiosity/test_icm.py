"""The intrinsic curiosity module beside a loop over transitions."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from agents.check.curiosity import check_curiosity
from agents.curiosity.embeddings.dynamics import DynamicsConfig
from agents.curiosity.icm import IcmConfig
from tests.agents.curiosity.made import (
    EYES,
    SHAPE,
    B,
    T,
    around,
    goes_on,
    learning_of,
    rollouts,
    some,
    total,
)

CONFIG = IcmConfig(DynamicsConfig(EYES, hidden=9))


def test_reward_and_loss_are_those_of_a_loop() -> None:
    torch.manual_seed(0)
    signal, [scored] = CONFIG.build(around()), some(rollouts(), 1)
    dynamics, action = signal.dynamics, scored.traj.action
    raw = signal.reward(scored).raw
    losses = []
    with torch.no_grad():
        embedded = dynamics.embedding(scored.traj.obs)
        for t in range(T):
            for b in range(B):
                if not scored.valid[t, b]:
                    assert raw[t, b] == 0
                    continue
                before, after = embedded[t, b], embedded[t + 1, b]
                did = dynamics.forward_model.action(action[t, b])
                guess = dynamics.forward_model.net(torch.cat([before, did]))
                ahead = 0.5 * sum(float(x) ** 2 for x in guess - after)
                assert raw[t, b].item() == pytest.approx(ahead, rel=1e-4)
                told = dynamics.embedding.head(torch.cat([before, after]))
                inverse = float(cross_entropy(told, action[t, b]))
                losses.append(0.8 * inverse + 0.2 * ahead)
    got = total(signal.loss(learning_of(scored))).item()
    assert got == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_gradient_of_both_losses_reaches_the_encoder() -> None:
    for beta in (0.0, 1.0):
        config = IcmConfig(DynamicsConfig(EYES, hidden=9, beta=beta))
        signal, [scored] = config.build(around()), some(rollouts(), 1)
        total(signal.loss(learning_of(scored))).backward()
        grads = [x.grad for x in signal.dynamics.embedding.encoder.parameters()]
        assert any(x is not None and bool(x.any()) for x in grads)


def test_no_end_of_a_transition_is_held_fixed() -> None:
    """The encoder's gradient beside that of a loop over transitions."""
    torch.manual_seed(0)
    config = IcmConfig(DynamicsConfig(EYES, hidden=9, beta=1.0))
    signal, [scored] = config.build(around()), some(rollouts(), 1)
    dynamics, obs = signal.dynamics, scored.traj.obs
    ahead = dynamics.forward_model
    errors = []
    for t, b in scored.valid.nonzero().tolist():
        before, after = dynamics.embedding(obs[t : t + 2, b : b + 1])[:, 0]
        did = ahead.action(scored.traj.action[t, b])
        guess = ahead.net(torch.cat([before, did]))
        errors.append(0.5 * (guess - after).square().sum())
    weights = list(dynamics.embedding.encoder.parameters())
    want = torch.autograd.grad(torch.stack(errors).mean(), weights)
    got = torch.autograd.grad(total(signal.loss(learning_of(scored))), weights)
    torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-5)


def test_error_falls_where_it_is_trained() -> None:
    torch.manual_seed(0)
    signal, [scored] = CONFIG.build(around()), some(rollouts(looks=3), 1)
    optimizer = torch.optim.Adam(signal.parameters(), 1e-2)
    before = signal.reward(scored).raw.mean()
    for _ in range(60):
        optimizer.zero_grad()
        total(signal.loss(learning_of(scored))).backward()
        optimizer.step()
    assert signal.reward(scored).raw.mean() < before


def test_contract_and_resume() -> None:
    check_curiosity(CONFIG.build, SHAPE)
    goes_on(lambda: CONFIG.build(around()))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="beta must be from 0 to 1"):
        DynamicsConfig(beta=1.5)
