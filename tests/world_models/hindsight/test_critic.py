"""The critic's bound, against the equation written out row by row."""

import math

import pytest
import torch

from tests.shapes import rounds
from world_models.hindsight.critic import SeparableCritic

K, T, B, Q, Z = 2, 3, 5, 4, 3


def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    known = torch.randn(K, T, B, Q, generator=g)
    code = torch.randn(K, T, B, Z, generator=g)
    return known, code, torch.rand(K, T, B, generator=g) > 0.3


def critic(group: int = 512) -> SeparableCritic:
    torch.manual_seed(0)
    return SeparableCritic(Q, Z, hidden=7, depth=1, size=6, group=group)


def test_it_is_the_equation() -> None:
    """`log [e^g(x, z) / (1/n Σ_j e^g(x, z_j))]` (arXiv 2211.10515), over valid rows."""
    made, (known, code, valid) = critic(), drawn()
    got = made.bound(known, code, valid)
    f, h = made.of_known(known).detach(), made.of_code(code).detach()
    for k in range(K):
        rows = [(t, b) for t in range(T) for b in range(B) if valid[k, t, b]]
        for t in range(T):
            for b in range(B):
                if not valid[k, t, b]:
                    assert got[k, t, b] == 0
                    continue
                scores = [
                    math.exp(float(f[k, t, b] @ h[k, s, c]) / math.sqrt(6))
                    for s, c in rows
                ]
                own = math.exp(float(f[k, t, b] @ h[k, t, b]) / math.sqrt(6))
                want = math.log(own / (sum(scores) / len(scores)))
                assert got[k, t, b].item() == pytest.approx(want, abs=1e-5)
    mean = -got[valid].mean()
    torch.testing.assert_close(made.objective(known, code, valid), mean)


def test_codes_of_another_number_of_steps_are_no_negatives() -> None:
    made, (known, code, valid) = critic(), drawn()
    before = made.bound(known, code, valid)
    code[1] = torch.randn(T, B, Z)
    after = made.bound(known, code, valid)
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])


def test_codes_of_another_group_are_no_negatives() -> None:
    """Groups of two envs and one step: three of them for each step."""
    made, (known, code, valid) = critic(group=2), drawn()
    valid[:] = True
    before = made.bound(known, code, valid)
    code[:, 1, :2] = torch.randn(K, 2, Z)
    after = made.bound(known, code, valid)
    changed = before != after
    assert changed[:, 1, :2].all()
    assert changed.sum() == changed[:, 1, :2].numel()


def test_nothing_to_compare_with_tells_nothing() -> None:
    made, (known, code, valid) = critic(), drawn()
    valid[:] = False
    valid[0, 1, 2] = True
    bound = made.bound(known.requires_grad_(), code, valid)
    torch.testing.assert_close(bound, torch.zeros(K, T, B))
    bound.sum().backward()
    assert known.grad is not None
    assert known.grad.isfinite().all()


def test_a_critic_that_learns_finds_how_much_is_told() -> None:
    """A code of one fair coin of the known is worth log 2; one of another, nothing."""
    g = torch.Generator().manual_seed(2)
    made = critic()
    optimizer = torch.optim.Adam(made.parameters(), 1e-2)
    valid = torch.ones(1, 1, 256, dtype=torch.bool)
    for _ in rounds(150):
        known, code = coins(g)
        optimizer.zero_grad()
        made.objective(known, code, valid).backward()
        optimizer.step()
    known, code = coins(g)
    told = -made.objective(known, code, valid).item()
    assert math.log(2) - 0.1 < told < math.log(2) + 0.03
    untold = -made.objective(known, code.flip(2), valid).item()
    assert untold < 0


def coins(g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Known numbers, and a code of the sign of the first."""
    known = torch.randn(1, 1, 256, Q, generator=g)
    code = torch.randn(1, 1, 256, Z, generator=g)
    code[..., 0] = known[..., 0].sign()
    return known, code
