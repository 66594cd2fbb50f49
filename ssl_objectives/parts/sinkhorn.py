"""Sinkhorn–Knopp: optimal-transport assignment that uses all clusters alike."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.parts.critics import at_least_float32, checked_temperature


@torch.no_grad()
def balanced_codes(
    scores: Float[Tensor, "*G N K"],
    eps: float = 0.05,
    iterations: int = 3,
    valid: Bool[Tensor, "*G N"] | None = None,
) -> Float[Tensor, "*G N K"]:
    """SwAV's codes of a batch: a few Sinkhorn iterations on `e^{s/ε}` (2006.09882).

    Each iteration scales classes to equal mass, then rows to mass 1, so that rows sum
    to 1 exactly and classes to N/K the better the more iterations. In the log domain
    and float32 or better: `e^{1/0.05}` does not fit into half precision.

    Args:
        scores: how well row n fits class k.
        eps: ε > 0, entropy of the codes; small: hard codes.
        iterations: at least one.
        valid: rows that count; the codes of others are 0.

    Raises:
        ValueError: ε or the iterations are not positive.
    """
    checked_temperature(eps)
    _demand_some(iterations)
    log_code = at_least_float32(scores) / eps
    for _ in range(iterations):
        log_code = log_code - _log_mass(log_code, valid)
        log_code = log_code.log_softmax(-1)
    codes = log_code.exp()
    return codes if valid is None else codes.masked_fill(~valid.unsqueeze(-1), 0.0)


@torch.no_grad()
def transport_plan(
    scores: Float[Tensor, "N K"],
    strength: float = 25.0,
    tolerance: float = 0.1,
    max_iterations: int = 2000,
) -> Float[Tensor, "N K"]:
    """SeLa's optimal transport over a whole data set, in float64 (arXiv 1911.05371).

    The plan `Q = diag(r) P^λ diag(c)`, `P = softmax(scores)`, whose rows have mass 1/N
    and whose classes have mass 1/K. Rows have their mass exactly, classes up to the
    tolerance. Deviations: P^λ is never computed, as it runs out of digits, but a plan
    after one iteration in the log domain, which the others scale, until scales become
    too large and it is computed again; and there is an end to the iterations, where the
    official code has none.

    Args:
        scores: logits of N rows for K classes.
        strength: λ; the larger, the nearer to the best hard assignment, and the more
            iterations it takes.
        tolerance: stop when `Σ_n |c_n / c'_n - 1|`, one iteration's change of the row
            scalings, is below; looked at every 10 iterations.
        max_iterations: stop in any case, after the next ten at the latest.

    Raises:
        ValueError: there is no iteration at all.
    """
    _demand_some(max_iterations)
    log_p = strength * scores.double().log_softmax(-1)
    num_rows, num_classes = log_p.shape
    plan, log_row = _in_logs(log_p, log_p.new_zeros(num_rows))
    row = torch.ones_like(log_row)
    for _ in range(0, max_iterations, 10):
        if row.amin() < 1e-100 or row.amax() > 1e100:
            plan, log_row = _in_logs(log_p, log_row + row.log())
            row = torch.ones_like(log_row)
        for _ in range(10):
            per_class = 1 / num_classes / (row @ plan)
            before, row = row, 1 / num_rows / (plan @ per_class)
        if (before / row - 1).abs().sum() < tolerance:
            break
    return plan.mul_(row[:, None]).mul_(per_class)


def _in_logs(
    log_p: Float[Tensor, "N K"], log_row: Float[Tensor, "N"]
) -> tuple[Float[Tensor, "N K"], Float[Tensor, "N"]]:
    """One iteration of the transport: the plan, and the log of its row scalings.

    Each row and class of the plan has an entry of at least 1 / (K N²): no sum is 0.
    """
    num_rows, num_classes = log_p.shape
    log_class = -math.log(num_classes) - (log_p + log_row[:, None]).logsumexp(0)
    log_row = -math.log(num_rows) - (log_p + log_class).logsumexp(-1)
    return (log_p + log_class + log_row[:, None]).exp(), log_row


def _log_mass(
    log_code: Float[Tensor, "*G N K"], valid: Bool[Tensor, "*G N"] | None
) -> Float[Tensor, "*G 1 K"]:
    """Log of what each class has of the valid rows; 0 in groups without any."""
    if valid is None:
        return log_code.logsumexp(-2, keepdim=True)
    masked = log_code.masked_fill(~valid.unsqueeze(-1), -torch.inf)
    nobody = ~valid.any(-1)[..., None, None]
    return masked.logsumexp(-2, keepdim=True).masked_fill(nobody, 0.0)


def _demand_some(iterations: int) -> None:
    if iterations < 1:
        raise ValueError(f"Sinkhorn needs at least one iteration, not {iterations}")
