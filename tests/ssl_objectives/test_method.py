"""What a method puts around an encoder."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.heads import Mlp, Straight
from ssl_objectives.method import Method
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicReg, VicRegConfig
from ssl_objectives.objective import Sizes, TargetKind
from ssl_objectives.views.maker import TwoViews

SIZES = Sizes(latent=5, image=(3, 8, 9), rows=40, classes=4, steps=30)


def test_an_objective_is_built_for_the_projectors_outputs() -> None:
    seen: list[Sizes] = []

    @dataclass(frozen=True)
    class Asking:
        def build(self, sizes: Sizes) -> VicReg:
            seen.append(sizes)
            return VicReg()

    Method(Asking(), projector=Mlp(7, 6)).build(nn.Linear(4, 5), SIZES)
    Method(Asking(), projector=Straight()).build(nn.Linear(4, 5), SIZES)
    reach = TwoViews().build((3, 8, 9)).reach
    assert reach is not None
    for latent, got in zip((7, 5), seen, strict=True):
        assert got == Sizes(latent, 5, None, (3, 8, 9), 40, 4, 30, reach=reach)


def test_heads_fit_each_other(generator: torch.Generator) -> None:
    method = Method(ByolConfig(), projector=Mlp(7, 6), predictor=Mlp(7, 11), decay=0.9)
    encoder = nn.Linear(4, 5)
    branches = method.build(encoder, SIZES)
    assert branches.encoder is encoder
    assert branches.kind is TargetKind.EMA
    assert (branches.decay, branches.decay_steps) == (0.9, 30)
    images = [torch.randn(6, 4, generator=generator) for _ in range(2)]
    views = branches.views(images)
    for rows in (*views.z, *views.p, *views.t):
        assert rows is not None
        assert rows.shape == (6, 7)
    assert views.p[0] is not views.z[0]


def test_a_method_without_predictor_predicts_its_projections(
    generator: torch.Generator,
) -> None:
    branches = Method(VicRegConfig()).build(nn.Linear(4, 5), SIZES)
    assert branches.predictor is None
    views = branches.views([torch.randn(6, 4, generator=generator) for _ in range(2)])
    assert views.p is views.z


def test_views_are_made_of_images_of_the_given_shape(
    generator: torch.Generator,
) -> None:
    images = torch.randint(256, (6, 3, 8, 9), generator=generator).byte()
    drawn = Method(VicRegConfig()).build_views((3, 8, 9))(images, generator)
    assert len(drawn.images) == drawn.num_targets == 2
    assert all(x.shape == images.shape for x in drawn.images)
    assert drawn.params.shape[:2] == (6, 2)


@pytest.mark.parametrize("seed", range(2))
def test_two_of_a_kind_share_nothing(seed: int, generator: torch.Generator) -> None:
    method = Method(ByolConfig(), predictor=Mlp())
    one, two = (method.build(nn.Linear(4, 5), SIZES) for _ in range(2))
    ids: set[int] = {id(p) for p in one.parameters()}
    assert not ids & {id(p) for p in two.parameters()}
    rows: list[Tensor] = [p.detach() for p in one.parameters()]
    assert rows
