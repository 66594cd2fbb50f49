"""Autoencoders, and the linear layers that lower the rank of their codes."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.check.objective import check_objective
from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.encoders.linear_stack import LinearStack
from ssl_objectives.measure.diagnostics import effective_rank
from ssl_objectives.method import Method
from ssl_objectives.methods.pretext.autoencoder import (
    Reconstruction,
    ReconstructionConfig,
)
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.views.augment.preset import unchanged
from ssl_objectives.views.maker import OneView
from tests.shapes import rounds

N, D = 5, 6
SHAPE = (2, 4, 7)


def views(generator: torch.Generator, num: int) -> Views:
    z = tuple(torch.randn(N, D, generator=generator) for _ in range(num))
    image = torch.randint(0, 256, (N, num, *SHAPE), generator=generator)
    extra = {"image": image.to(torch.uint8)}
    return Views(z, z, z, ((0, 0),), extra=extra)


def test_it_keeps_the_contract() -> None:
    check_objective(ReconstructionConfig(DecoderConfig(2)).build)


@torch.no_grad()
@pytest.mark.parametrize("num", [1, 3])
def test_it_is_the_mean_squared_error_of_pixels(
    num: int, generator: torch.Generator
) -> None:
    torch.manual_seed(0)
    config = ReconstructionConfig(DecoderConfig(3))
    objective, given = config.build(Sizes(D, image=SHAPE)), views(generator, num)
    loss = objective(given)
    assert loss.per_sample is not None
    for n in range(N):
        total = 0.0
        for v in range(num):
            z = given.z[v]
            assert z is not None
            made = objective.decoder(z[n : n + 1])[0].flatten().tolist()
            wanted = given.extra["image"][n, v].flatten().tolist()
            errors = [(a - b / 255) ** 2 for a, b in zip(made, wanted, strict=True)]
            total += sum(errors) / len(errors)
        assert float(loss.per_sample[n]) == pytest.approx(total / num, rel=1e-4)
    assert not loss.regularizer.any()


def grouped(generator: torch.Generator, num: int) -> Views:
    """A world model's: steps ahead, steps and envs, and the frame that came."""
    shape = (3, 4, N)
    p = tuple(torch.randn(*shape, D, generator=generator) for _ in range(num))
    image = torch.randint(0, 256, (*shape, num, *SHAPE), generator=generator)
    valid = torch.rand(shape, generator=generator) < 0.7
    extra = {"image": image.to(torch.uint8)}
    nothing = (None,) * num
    return Views((*nothing, None), (*p, None), (None,), ((0, 1),), valid, extra=extra)


@pytest.mark.parametrize("num", [1, 2])
def test_groups_of_rows_are_decoded_row_by_row(
    num: int, generator: torch.Generator
) -> None:
    """As images are, each by itself; a gradient for each row that counts."""
    torch.manual_seed(0)
    objective = ReconstructionConfig(DecoderConfig(3)).build(Sizes(D, image=SHAPE))
    given = grouped(generator, num)
    made = [p.requires_grad_() for p in given.p if p is not None]
    assert given.valid is not None
    loss = objective(given).per_sample
    assert loss is not None
    for at in torch.ones(loss.shape).nonzero().tolist():
        here = tuple(at)
        code = tuple(p[here].unsqueeze(0) for p in made)
        image = {"image": given.extra["image"][here].unsqueeze(0)}
        alone = objective(Views(code, code, code, ((0, 0),), extra=image)).per_sample
        want = alone if given.valid[here] else torch.zeros(1)
        torch.testing.assert_close(loss[here].unsqueeze(0), want)
    loss.sum().backward()
    for p in made:
        assert p.grad is not None
        assert torch.equal(p.grad.any(-1), given.valid)


def test_frames_that_do_not_count_are_not_looked_at(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    objective = ReconstructionConfig(DecoderConfig(3)).build(Sizes(D, image=SHAPE))
    given = grouped(generator, 1)
    assert given.valid is not None
    before = objective(given).per_sample
    given.extra["image"][~given.valid] = 255
    assert torch.equal(objective(given).per_sample, before)


@pytest.mark.parametrize("num", [1, 2])
def test_pixels_are_standardised_over_the_rows_that_count(
    num: int, generator: torch.Generator
) -> None:
    """All pixels of a view together, whatever frames show that do not count."""
    torch.manual_seed(0)
    config = ReconstructionConfig(DecoderConfig(3), standardize=True)
    objective, given = config.build(Sizes(D, image=SHAPE)), grouped(generator, num)
    assert given.valid is not None
    given.extra["image"][..., 0, :, :, :] //= 8  # a dark view beside a bright one
    given.extra["image"][~given.valid] = 255
    want = torch.zeros(given.valid.shape)
    for v in range(num):
        p = given.p[v]
        assert p is not None
        shown = given.extra["image"][..., v, :, :, :].double()
        pixels = shown[given.valid].flatten()
        wanted = (shown - pixels.mean()) / pixels.std(correction=0)
        for at in given.valid.nonzero().tolist():
            here = tuple(at)
            made = objective.decoder(p[here].unsqueeze(0))[0].double()
            want[here] += (made - wanted[here]).square().mean().float() / num
    loss = objective(given).per_sample
    assert loss is not None
    torch.testing.assert_close(loss, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [0, 200])
def test_images_without_any_contrast_are_finite(
    value: int, generator: torch.Generator
) -> None:
    config = ReconstructionConfig(DecoderConfig(3), standardize=True)
    objective, given = config.build(Sizes(D, image=SHAPE)), grouped(generator, 1)
    given.extra["image"][:] = value
    loss = objective(given).per_sample
    assert loss is not None
    assert loss.isfinite().all()


def test_the_right_image_costs_nothing(generator: torch.Generator) -> None:
    class Remembers(nn.Module):
        def __init__(self, image: Tensor) -> None:
            super().__init__()
            self.image = image

        def forward(self, rows: Tensor) -> Tensor:
            return self.image / 255 + 0 * rows.sum()

    given = views(generator, 1)
    objective = Reconstruction(Remembers(given.extra["image"][:, 0]))
    loss = objective(given).per_sample
    torch.testing.assert_close(loss, torch.zeros(N), rtol=0, atol=1e-10)


def test_an_autoencoder_learns_to_give_images_back(generator: torch.Generator) -> None:
    """Squares at one of nine places, through IRMAE's layers."""
    torch.manual_seed(0)
    method = Method(
        ReconstructionConfig(DecoderConfig(8)), OneView(unchanged()), LinearStack(2)
    )
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(81, 12), nn.ReLU())
    branches = method.build(encoder, Sizes(12, image=(1, 9, 9)))
    optimizer = torch.optim.Adam(branches.parameters(), 3e-3)
    images = torch.zeros(9, 1, 9, 9, dtype=torch.uint8)
    for n in range(9):
        i, j = divmod(n, 3)
        images[n, 0, 3 * i : 3 * i + 3, 3 * j : 3 * j + 3] = 255
    make = method.build_views((1, 9, 9))
    for _ in rounds(120):
        drawn = make(images, generator)
        extra = {"image": torch.stack(drawn.images, 1)}
        loss, _ = branches.loss([x.float() / 255 for x in drawn.images], extra=extra)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.2 * float((images / 255).var())


@pytest.mark.parametrize("layers", [0, 1, 5])
def test_a_stack_is_its_product(layers: int, generator: torch.Generator) -> None:
    stack = LinearStack(layers).build(D).double()
    rows = torch.randn(3, N, D, dtype=torch.float64, generator=generator)
    assert LinearStack(layers).outputs(D) == D
    assert len(list(stack.parameters())) == layers
    torch.testing.assert_close(stack(rows), rows @ stack.product().double().T)
    assert not stack.product().requires_grad


def test_a_stack_starts_as_a_contraction() -> None:
    """The start on which the method rests: uniform up to 1/√n."""
    torch.manual_seed(0)
    for weight in LinearStack(3).build(64).parameters():
        assert weight.abs().max() <= 1 / 8
        assert float(weight.detach().std()) == pytest.approx(1 / 8 / 3**0.5, rel=0.05)


def test_ranks_fall_with_layers_at_equal_error() -> None:
    """A linear autoencoder of 12 numbers, whose variances fall off."""
    ranks = [_toy(layers) for layers in (0, 2, 4, 8)]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[1] < 0.8 * ranks[0]
    assert ranks[3] < 0.65 * ranks[0]


def _toy(layers: int) -> float:
    """Rank of the codes as soon as a tenth of the variance is left."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    turn = torch.linalg.qr(torch.randn(12, 12, generator=generator)).Q
    rows = torch.randn(256, 12, generator=generator) / torch.arange(1, 13) @ turn
    stack = LinearStack(layers).build(12)
    encoder, decoder = (nn.Linear(12, 12, bias=False) for _ in range(2))
    network = nn.Sequential(encoder, stack, decoder)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in rounds(600):
        loss = (network(rows) - rows).square().mean()
        if loss.detach() < 0.1 * rows.var(0).mean():
            return float(effective_rank(stack(encoder(rows)).detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    raise AssertionError(f"{layers} layers did not get there")


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="gives images back; give their shape"):
        ReconstructionConfig().build(Sizes(D))
    with pytest.raises(ValueError, match="layers must be at least 0"):
        LinearStack(-1)
