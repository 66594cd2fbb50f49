"""DirectCLR against loops; and the dimensional collapse that it is about."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.direct_clr import DirectClr, DirectClrConfig
from ssl_objectives.methods.contrast.info_nce import info_nce
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.parts.critics import Dot
from tests.shapes import rounds

BOTH = ((0, 1), (1, 0))
N, R, FIRST = 6, 7, 3


def views_of(a: Tensor, b: Tensor, valid: Tensor | None = None) -> Views:
    z = (torch.zeros(len(a), 2), torch.zeros(len(a), 2))
    return Views(z, z, z, BOTH, valid, rep=(a, b))


def random(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def cosine(x: Tensor, y: Tensor) -> float:
    x, y = x[:FIRST], y[:FIRST]
    dot = sum(float(p) * float(q) for p, q in zip(x, y, strict=True))
    return dot / math.sqrt(float((x**2).sum()) * float((y**2).sum()))


def test_against_loops(generator: torch.Generator) -> None:
    a, b = random(generator, N, R), random(generator, N, R)
    got = DirectClr(FIRST, 0.3)(views_of(a, b)).per_sample
    for n in range(N):
        want = 0.0
        for mine, other in ((a, b), (b, a)):
            s = [cosine(mine[n], other[m]) / 0.3 for m in range(N)]
            want += (math.log(sum(math.exp(x) for x in s)) - s[n]) / 2
        assert got[n].item() == pytest.approx(want)


def test_nothing_reaches_the_other_numbers(generator: torch.Generator) -> None:
    a = random(generator, N, R).requires_grad_()
    loss = DirectClr(FIRST)(views_of(a, random(generator, N, R))).per_sample
    (gradient,) = torch.autograd.grad(loss.sum(), a)
    assert not gradient[:, FIRST:].any()
    assert gradient[:, :FIRST].abs().min() > 0


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    valid = torch.tensor([True, False, True, True, False, True])
    a, b = random(generator, N, R).requires_grad_(), random(generator, N, R)
    made = DirectClr(FIRST)
    got, kept = (
        made(views_of(a, b, valid)).per_sample,
        made(views_of(a[valid], b[valid])).per_sample,
    )
    torch.testing.assert_close(got[valid], kept)
    (gradient,) = torch.autograd.grad(got.sum(), a)
    assert not gradient[~valid].any()


def spectra(noise: list[float]) -> Tensor:
    """Of linear maps trained by InfoNCE where 8 of 16 inputs differ between views."""
    generator = torch.Generator().manual_seed(0)
    start = torch.rand(16, 16, generator=generator) / 2 - 0.25
    weight = start.repeat(len(noise), 1, 1).requires_grad_()
    contrast, scale = info_nce(Dot(1.0)), torch.zeros(len(noise), 1, 16)
    scale[:, 0, 8:] = torch.tensor(noise)[:, None]
    for _ in rounds(200):
        x = torch.randn(32, 16, generator=generator)
        two = [
            (x + scale * torch.randn(32, 16, generator=generator)) @ weight.mT
            for _ in range(2)
        ]
        views = Views(tuple(two), tuple(two), tuple(two), ((0, 1),))
        loss = contrast(views).per_sample.mean(-1).sum()
        (gradient,) = torch.autograd.grad(loss, weight)
        weight = (weight - 0.02 * gradient).detach().requires_grad_()
    values: Tensor = torch.linalg.svdvals(weight.detach())
    return values


def test_strong_augmentation_collapses_dimensions() -> None:
    """Weak noise leaves 16 dimensions alive, strong noise the 8 that views share."""
    found = spectra([0.1, 1.0, 3.0])
    weak, middle, strong = (found[:, 8] / found[:, 7]).tolist()
    assert weak > 0.9
    assert 0.3 < middle < 0.75
    assert strong < 0.2
    assert found[2, 7] / found[2, 0] > 0.5


@pytest.mark.parametrize(("rep", "want"), [(2048, 360), (128, 22), (2, 1)])
def test_the_share_of_the_official_code(rep: int, want: int) -> None:
    assert DirectClrConfig().build(Sizes(latent=9, rep=rep)).size == want


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="how many numbers"):
        DirectClrConfig().build(Sizes(latent=9))
    with pytest.raises(ValueError, match="share"):
        DirectClrConfig(share=0.0)
    with pytest.raises(ValueError, match="above 0"):
        DirectClrConfig(temperature=0.0)


def test_contract() -> None:
    check_objective(DirectClrConfig().build)
