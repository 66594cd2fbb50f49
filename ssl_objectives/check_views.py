"""Random views for `check_objective`, and what it does to them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ssl_objectives.objective import Needs, TargetKind, Views

GROUPS, ROWS = 3, 7


def bindings(needs: Needs, size: int) -> Iterator[tuple[str, Views]]:
    """What an objective may be given: in a world model, and with images."""
    generator = torch.Generator().manual_seed(1)
    shape = (GROUPS, ROWS)

    def rows() -> Tensor:
        return torch.randn(*shape, size, generator=generator)

    valid = torch.rand(shape, generator=generator) < 0.6
    valid[0], valid[1, 0], valid[1, 1] = True, True, False
    ids = torch.arange(GROUPS * ROWS).view(shape)
    common: dict[str, Any] = {
        "valid": valid,
        "row": ids if needs.rows else None,
        "group": torch.div(ids, 3, rounding_mode="floor"),
        "time": ids % 3,
        "extra": {name: rows() for name in needs.extra},
    }
    if needs.per_sample and not (needs.rows or needs.sweep or needs.extra):
        target = rows()
        seen = None if needs.target is TargetKind.EMA else target
        views = Views((None, seen), (rows(), None), (None, target), ((0, 1),), valid)
        yield "one prediction and one target", views
    least, most = needs.views
    num = max(2, least) if most is None else min(max(2, least), most)
    pairs = tuple((i, j) for i in range(num) for j in range(num) if i != j)
    z, p, t = (tuple(rows() for _ in range(num)) for _ in range(3))
    yield f"{num} views", Views(z, p, t, pairs or ((0, 0),), **common)


def tracked(views: Views) -> Views:
    """Leaves of their own, which gradient can reach."""
    return mapped(views, lambda x: x.clone().requires_grad_())


def mapped(
    views: Views, change: Callable[[Tensor], Tensor], rows: bool = False
) -> Views:
    """All latents changed; with `rows`, everything that belongs to rows as well."""

    def each(given: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(None if x is None else change(x) for x in given)

    result = replace(views, z=each(views.z), p=each(views.p), t=each(views.t))
    if not rows:
        return result
    valid, row, group, time = each((views.valid, views.row, views.group, views.time))
    extra = {k: change(x) for k, x in views.extra.items()}
    return replace(result, valid=valid, row=row, group=group, time=time, extra=extra)
