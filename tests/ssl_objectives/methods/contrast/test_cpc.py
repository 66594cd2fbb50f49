"""CPC's bilinear critic and its InfoNCE, against loops over steps and rows."""

import math

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.info_nce import Contrast, CpcConfig
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.parts.critics import Bilinear

K, G, N, D = 3, 2, 5, 4


def weight_of(objective: Contrast) -> nn.Parameter:
    assert isinstance(objective.critic, Bilinear)
    return objective.critic.weight


def built(generator: torch.Generator, ahead: int = K) -> Contrast:
    """With weights that are no multiple of the identity, nor symmetric."""
    objective = CpcConfig().build(Sizes(D, ahead=ahead)).double()
    weight = weight_of(objective)
    weight.data = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return objective


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def score(p: Tensor, weight: Tensor, t: Tensor) -> float:
    """`Σ_ij p_i W_ij t_j`."""
    return sum(
        float(p[i]) * float(weight[i, j]) * float(t[j])
        for i in range(D)
        for j in range(D)
    )


def one_pair(p: Tensor, t: Tensor, valid: Tensor | None = None) -> Views:
    return Views((None, None), (p, None), (None, t), ((0, 1),), valid)


@pytest.mark.parametrize("ahead", [0, K])
def test_steps_are_compared_by_their_own_matrix(
    ahead: int, generator: torch.Generator
) -> None:
    """Without steps (views of images, say) one matrix serves all."""
    objective = built(generator, ahead)
    weights = weight_of(objective).detach()
    assert len(weights) == max(1, ahead)
    p, t = rows(generator, K, G, N, D), rows(generator, K, G, N, D)
    valid = torch.rand(K, G, N, generator=generator) < 0.7
    loss = objective(one_pair(p, t, valid)).per_sample
    assert loss is not None
    for k, g, n in torch.cartesian_prod(*map(torch.arange, (K, G, N))).tolist():
        if not valid[k, g, n]:
            assert loss[k, g, n] == 0
            continue
        weight = weights[k if ahead else 0]
        scores = {
            m: score(p[k, g, n], weight, t[k, g, m]) for m in range(N) if valid[k, g, m]
        }
        want = math.log(sum(math.exp(x) for x in scores.values())) - scores[n]
        assert loss[k, g, n].item() == pytest.approx(want, abs=1e-9)


def test_gradient_reaches_every_matrix_and_from_its_own_step_alone(
    generator: torch.Generator,
) -> None:
    objective = built(generator)
    views = one_pair(rows(generator, K, N, D), rows(generator, K, N, D))
    loss = objective(views).per_sample
    assert loss is not None
    for k in range(K):
        weight = weight_of(objective)
        (given,) = torch.autograd.grad(loss[k].sum(), weight, retain_graph=True)
        assert given.flatten(1).any(1).tolist() == [i == k for i in range(K)]


def test_it_begins_with_a_scaled_dot_product(generator: torch.Generator) -> None:
    critic = Bilinear(D, K).double()
    assert torch.equal(critic.weight, torch.eye(D).expand(K, D, D) / 2)  # √4
    q, k = rows(generator, K, N, D), rows(generator, K, N + 1, D)
    torch.testing.assert_close(critic(q, k), q @ k.mT / D**0.5)


def test_low_precision_is_compared_in_float32(generator: torch.Generator) -> None:
    critic = Bilinear(D, K)
    q, k = (rows(generator, K, N, D).bfloat16() for _ in range(2))
    assert critic(q, k).dtype == torch.float32
    torch.testing.assert_close(critic(q, k), critic(q.float(), k.float()))


@pytest.mark.parametrize("groups", [K - 1, 1, K + 1])
def test_another_number_of_steps_is_refused(
    groups: int, generator: torch.Generator
) -> None:
    """One group would be broadcast, silently."""
    q = rows(generator, groups, N, D).float()
    with pytest.raises(ValueError, match=f"for {K} groups got {groups}"):
        Bilinear(D, K)(q, q)


def test_rows_without_groups_are_refused_by_name(generator: torch.Generator) -> None:
    q = rows(generator, K, D).float()  # as many rows as there should be groups
    with pytest.raises(ValueError, match=f"for {K} groups got rows without groups"):
        Bilinear(D, K)(q, q)


@pytest.mark.parametrize("groups", [0, -1])
def test_there_is_a_matrix_at_least(groups: int) -> None:
    with pytest.raises(ValueError, match=f"1 group or more, not {groups}"):
        Bilinear(D, groups)


@pytest.mark.parametrize("ahead", [0, K])
def test_rows_that_are_all_alike_are_told_apart_by_chance(ahead: int) -> None:
    objective = CpcConfig().build(Sizes(D, ahead=ahead))
    same = torch.ones(K, N, D)
    loss = objective(one_pair(same, same)).per_sample
    torch.testing.assert_close(loss, torch.full((K, N), math.log(N)))


def test_contract() -> None:
    check_objective(CpcConfig().build)
