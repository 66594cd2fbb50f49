"""Where rays are within simple bodies: intervals of inverse depth.

A ray is `o + t d`, t its depth. A half-space `n·p ≤ e` around the origin of `p` is met
where `n·d ≤ e' / t`, which is linear in the inverse depth w = 1/t, and d is linear in
the pixel: so the bound on w is linear in the pixel, too, and needs neither a division
nor a test per pixel. A quadric `|S (o + t d)|² ≤ 1` gives the quadratic

    k w² + 2 b w + |Sd|² ≤ 0,    k = |So|² - 1,  b = So·Sd,

whose discriminant `b² - k |Sd|²` is `|Sd|² - |So × Sd|²` (Lagrange's identity), written
so because nothing large cancels in it. It is quadratic in the pixel.

Misses are told by arithmetic (`VAST` times how far it is from a hit), since comparing
and choosing takes several times as long on a CPU.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles

VAST = 1e30
"""turns any gap into a distance that nothing is at"""
ENDLESS = 1e9
"""inverse depth (and half a side in metres) beyond all there is"""
LEAST = 1e-9
"""metres that distances are taken to be at least, so that one can divide by them"""


class Interval(NamedTuple):
    """Inverse depths within a body: the ray enters it at `high`, if at all."""

    low: Float32[Tensor, "8 8 n"]
    high: Float32[Tensor, "8 8 n"]

    def within(self, other: "Interval") -> "Interval":
        """What both have in common."""
        return Interval(
            torch.maximum(self.low, other.low), torch.minimum(self.high, other.high)
        )

    def entry(self) -> Float32[Tensor, "8 8 n"]:
        """Inverse depth where a ray enters, negative where it does not."""
        gap = (self.high - self.low).clamp_max_(0)
        return self.high.add(gap, alpha=VAST)


def slab(tiles: Tiles, rays: Rays, axis: int, half: Float32[Tensor, "n"]) -> Interval:
    """Between two faces across an axis, `half` metres to either side of the middle."""
    at = rays.origin[axis]
    side, away = torch.where(at < 0, -1.0, 1.0), at.abs()
    gap = half - away  # negative: the camera lies beyond the nearer face
    gap = torch.where(gap.abs() < LEAST, LEAST, gap)
    beyond = gap < 0
    nearer = side / gap
    direction = torch.stack([x[axis] for x in rays[1:]])
    high = torch.where(beyond, nearer * direction, 0.0)
    high[0] += torch.where(beyond, 0.0, ENDLESS)
    low = tiles.linear(*torch.where(beyond, 0.0, nearer * direction))
    further = -side / (half + away).clamp_min(LEAST)
    low = torch.maximum(low, tiles.linear(*(further * direction)))
    return Interval(low, tiles.linear(*high))


def sheet(tiles: Tiles, rays: Rays) -> Float32[Tensor, "8 8 n"]:
    """Inverse depth of the plane z = 0, of which only the upper side is seen."""
    height = rays.origin[2]
    nearer = torch.where(height > 0, -1 / height.clamp_min(LEAST), 0.0)
    return tiles.linear(*(nearer * torch.stack([x[2] for x in rays[1:]])))


def tube(tiles: Tiles, rays: Rays, radius: Float32[Tensor, "n"]) -> Interval:
    """Within an endless cylinder around the z-axis."""
    scaled = [x[:2] / radius for x in rays]
    origin, across = scaled[0], [_cross(scaled[0], x) for x in scaled[1:]]
    k, middle, root = _roots(tiles, origin, scaled[1:], across)
    outside = k > 0
    # From inside there is no way in, only a way out.
    high = (middle + root).add_(torch.where(outside, 0.0, ENDLESS))
    low = middle.addcmul_(root.clamp_min_(0), torch.where(outside, -1.0, 1.0))
    return Interval(low, high)


def ball(tiles: Tiles, rays: Rays) -> Float32[Tensor, "8 8 n"]:
    """Where rays enter the unit ball, seen from outside."""
    origin = rays.origin
    across = [torch.linalg.cross(origin, x, dim=0) for x in rays[1:]]
    _, middle, root = _roots(tiles, origin, rays[1:], across)
    return middle.add_(root)


def _roots(
    tiles: Tiles,
    origin: Float32[Tensor, "m n"],
    directions: list[Tensor] | tuple[Tensor, ...],
    across: list[Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """`k`, -b/k and the root of the discriminant over k²; far below 0 for a miss."""
    k = origin.square().sum(0) - 1
    k = torch.where(k.abs() < LEAST, LEAST, k)

    def form(i: int, j: int) -> Tensor:
        straight = (directions[i] * directions[j]).sum(0)
        return straight - (across[i] * across[j]).sum(0)

    at, right, down = range(3)
    coefficients = torch.stack(
        [
            form(at, at),
            2 * form(at, right),
            2 * form(at, down),
            form(right, right),
            form(down, down),
            2 * form(right, down),
        ]
    )
    inside = tiles.quadratic(*(coefficients / k.square()))
    root = inside.clamp_min(0).sqrt_().add_(inside.clamp_max_(0), alpha=VAST)
    middle = tiles.linear(*((-(origin * x).sum(0) / k) for x in directions))
    return k, middle, root


def _cross(a: Float32[Tensor, "2 n"], b: Float32[Tensor, "2 n"]) -> Tensor:
    return (a[0] * b[1] - a[1] * b[0]).unsqueeze(0)
