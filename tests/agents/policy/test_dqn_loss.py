"""The loss of double Q learning against loops, and what each flag does to it."""

import pytest
import torch
from torch import Tensor

from agents.policy.dqn_loss import Transitions, double_q_target, dqn_loss

T, B, A = 3, 7, 4


def drawn(seed: int = 0) -> tuple[Transitions, Tensor, Tensor, Tensor]:
    """Transitions with all flags, and Q values: before, behind, and the slow copy's."""
    generator = torch.Generator().manual_seed(seed)

    def values() -> Tensor:
        return 3 * torch.randn(T, B, A, generator=generator)

    happened = Transitions(
        action=torch.randint(A, (T, B), generator=generator),
        reward=2 * torch.randn(T, B, generator=generator),
        terminated=torch.rand(T, B, generator=generator) < 0.3,
        valid=torch.rand(T, B, generator=generator) < 0.7,
    )
    return happened, values(), values(), values()


@pytest.mark.parametrize("scaled", [True, False])
def test_loss_equals_loops(scaled: bool) -> None:
    happened, q, online, slow = drawn()
    assert happened.terminated[happened.valid].any()
    assert not happened.valid.all()
    total, count, values = 0.0, 0, 0.0
    for t in range(T):
        for b in range(B):
            if not happened.valid[t, b]:
                continue
            best = max(range(A), key=lambda a: float(online[t, b, a]))
            later = 0.0 if happened.terminated[t, b] else float(slow[t, b, best])
            share = 0.1 if scaled else 1.0
            wanted = share * float(happened.reward[t, b]) + 0.9 * later
            value = float(q[t, b, happened.action[t, b]])
            off = abs(value - wanted)
            total += 0.5 * off**2 if off < 1 else off - 0.5
            count, values = count + 1, values + value
    wanted_all = double_q_target(happened, online, slow, 0.9, scaled)
    loss = dqn_loss(happened, q, wanted_all)
    assert float(loss.total) == pytest.approx(total / count, rel=1e-5)
    assert float(loss.metrics["policy/q"]) == pytest.approx(values / count, rel=1e-5)
    assert float(loss.metrics["loss/q"]) == float(loss.total)


def test_one_network_chooses_and_the_other_values() -> None:
    happened, _, _, _ = drawn()
    online, slow = torch.zeros(T, B, A), torch.zeros(T, B, A)
    online[..., 2], slow[..., 2], slow[..., 1] = 1.0, 5.0, 100.0
    found = double_q_target(happened, online, slow, 0.5, True)
    wanted = 0.5 * happened.reward + 2.5 * ~happened.terminated
    torch.testing.assert_close(found, wanted)


def test_a_terminated_episode_ends_and_a_truncated_one_does_not() -> None:
    """Nothing tells the loss that an episode was truncated: its row is a row."""
    happened, _, online, slow = drawn()
    found = double_q_target(happened, online, slow, 0.9, True)
    other = double_q_target(happened, online, slow + 50, 0.9, True)
    moved = (other - found).abs() > 1
    assert torch.equal(moved, ~happened.terminated)
    torch.testing.assert_close(
        found[happened.terminated], 0.1 * happened.reward[happened.terminated]
    )


def test_transitions_that_join_episodes_teach_nothing() -> None:
    happened, q, online, slow = drawn()
    wanted = double_q_target(happened, online, slow, 0.9, True)
    q.requires_grad_()
    dqn_loss(happened, q, wanted).total.backward()
    assert q.grad is not None
    taught = q.grad.abs().sum(-1) > 0
    assert torch.equal(taught, happened.valid)
    spoiled = wanted.masked_fill(~happened.valid, 1e6)
    assert torch.equal(
        dqn_loss(happened, q, wanted).total, dqn_loss(happened, q, spoiled).total
    )


def test_targets_have_no_gradient_and_only_the_action_taken_has() -> None:
    happened, q, online, slow = drawn()
    for x in (q, online, slow):
        x.requires_grad_()
    wanted = double_q_target(happened, online, slow, 0.9, False)
    assert not wanted.requires_grad
    dqn_loss(happened, q, wanted).total.backward()
    assert online.grad is None
    assert slow.grad is None
    assert q.grad is not None
    others = q.grad.scatter(-1, happened.action.unsqueeze(-1), 0.0)
    assert not others.any()


def test_without_valid_transitions_the_loss_is_nothing() -> None:
    happened, q, online, slow = drawn()
    nothing = Transitions(
        happened.action,
        happened.reward,
        happened.terminated,
        torch.zeros_like(happened.valid),
    )
    wanted = double_q_target(nothing, online, slow, 0.9, True)
    assert float(dqn_loss(nothing, q, wanted).total) == 0.0


def test_scaled_q_has_the_scale_of_the_rewards() -> None:
    """At the fixed point of a reward of 3 for ever, Q is 3, and 3 / (1-γ) unscaled."""
    happened = Transitions(
        torch.zeros(1, 1, dtype=torch.int64),
        torch.full((1, 1), 3.0),
        torch.zeros(1, 1, dtype=torch.bool),
        torch.ones(1, 1, dtype=torch.bool),
    )
    for scaled, fixed in ((True, 3.0), (False, 30.0)):
        q = torch.full((1, 1, 2), fixed)
        assert float(double_q_target(happened, q, q, 0.9, scaled)) == pytest.approx(
            fixed, rel=1e-5
        )
