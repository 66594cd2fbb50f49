"""Random views for `check_objective`, and what it does to them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ssl_objectives.objective import Needs, Sizes, Views
from ssl_objectives.views.params import PARAMS

GROUPS, ROWS = 3, 7
NUM_IDS, CLASSES = 40, 3


def sizes(latent_size: int, ahead: int = 0) -> Sizes:
    """What objectives under test are built for."""
    return Sizes(
        latent=latent_size,
        rep=10,
        maps=(5, 3, 4),
        image=(3, 6, 8),
        rows=NUM_IDS,
        classes=CLASSES,
        steps=50,
        ahead=ahead,
        reach=(1.0,) * len(PARAMS),
    )


def bindings(needs: Needs, size: int) -> Iterator[tuple[str, Sizes, Views]]:
    """What an objective may be given: in a world model, and with images.

    And what it is built for there.
    """
    elsewhere = needs.extra - {"image"}
    images_only = needs.rows or needs.sweep or needs.rep or needs.maps or elsewhere
    if needs.per_sample and not images_only:
        built = sizes(size, ahead=GROUPS)
        yield "one prediction and one target", built, _one_way(needs, size)
    groups = () if images_only or needs.extra else (GROUPS,)
    yield "views of images", sizes(size), _images(needs, size, (*groups, ROWS))


def _one_way(needs: Needs, size: int) -> Views:
    """A world model's prediction and target; what it saw are rows of their own."""
    draw, seen = _Draw((GROUPS, ROWS)), _Draw((1, ROWS))
    image = sizes(size).image
    assert image is not None
    frames = draw.integers(256, 1, *image).byte()
    valid_z = seen.valid()
    valid_z[0, 2] = False
    return Views(
        z=(None, seen.rows(size)),
        p=(draw.rows(size), None),
        t=(None, draw.rows(size)),
        pairs=((0, 1),),
        valid=draw.valid(),
        extra={"image": frames} if needs.extra else {},
        valid_z=valid_z,
    )


def _images(needs: Needs, size: int, shape: tuple[int, ...]) -> Views:
    """Views of images, each compared with every other."""
    draw, given = _Draw(shape), sizes(size)
    least, most = needs.views
    num = max(2, least) if most is None else min(max(2, least), most)
    assert given.maps is not None
    assert given.image is not None
    z, p, t = (tuple(draw.rows(size) for _ in range(num)) for _ in range(3))
    each = range(num)
    extra = {
        "label": draw.integers(CLASSES) - 1,
        "params": draw.rows(num, len(PARAMS)).sigmoid(),
        "image": draw.integers(256, num, *given.image).byte(),
    }
    return Views(
        z=z,
        p=p,
        t=t,
        pairs=tuple((i, j) for i in each for j in each if i != j) or ((0, 0),),
        valid=draw.valid(),
        row=draw.ids(),
        rep=tuple(draw.rows(given.rep) for _ in each) if needs.rep else (),
        maps=tuple(draw.rows(*given.maps) for _ in each) if needs.maps else (),
        aims=tuple(draw.rows(*given.maps) for _ in each) if needs.aims else (),
        extra={name: extra.get(name, z[0]) for name in needs.extra},
    )


class _Draw:
    """Random rows of a shape."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.generator = torch.Generator().manual_seed(1)

    def rows(self, *size: int) -> Tensor:
        return torch.randn(*self.shape, *size, generator=self.generator)

    def integers(self, num: int, *size: int) -> Tensor:
        return torch.randint(num, (*self.shape, *size), generator=self.generator)

    def valid(self) -> Tensor:
        valid = torch.rand(self.shape, generator=self.generator) < 0.6
        valid[..., 0], valid[..., 1] = True, False
        if len(self.shape) > 1:
            valid[0] = True
        return valid

    def ids(self) -> Tensor:
        """Row ids, each once."""
        num = math.prod(self.shape)
        ids = torch.randperm(NUM_IDS, generator=self.generator)[:num]
        return ids.view(self.shape)


def tracked(views: Views) -> Views:
    """Leaves of their own, which gradient can reach."""
    return mapped(views, lambda x: x.clone().requires_grad_())


def mapped(
    views: Views,
    change: Callable[[Tensor], Tensor],
    rows: bool = False,
    seen: Callable[[Tensor], Tensor] | None = None,
) -> Views:
    """All latents changed; with `rows`, everything that belongs to rows as well.

    Args:
        views: the latents.
        change: of each of them.
        rows: whether ids, validity and the like are changed, too.
        seen: the change of z, where that is another one.
    """

    def each(
        given: tuple[Tensor | None, ...], by: Callable[[Tensor], Tensor] = change
    ) -> tuple[Tensor | None, ...]:
        return tuple(None if x is None else by(x) for x in given)

    result = replace(
        views,
        z=each(views.z, seen or change),
        p=each(views.p),
        t=each(views.t),
        rep=each(views.rep),
        maps=each(views.maps),
        aims=each(views.aims),
    )
    if not rows:
        return result
    valid, row, valid_z = each((views.valid, views.row, views.valid_z))
    extra = {k: change(x) for k, x in views.extra.items()}
    return replace(result, valid=valid, row=row, extra=extra, valid_z=valid_z)
