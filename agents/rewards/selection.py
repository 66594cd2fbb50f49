"""Which features tell a step from all else: standardised, ranked and chosen."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor
from torch.nn.functional import pad

from ssl_objectives.refusal import ConfigError

_STILL = 1e-6  # of the largest magnitude of a feature: spread that is only rounding


class Standard(NamedTuple):
    """Mean and spread of each feature over all frames of all demonstrations.

    `live` is False where a feature never changes (a dead ReLU); its spread is given as
    1, so that nothing is divided by nothing, and it is never chosen.
    """

    mean: Float32[Tensor, "F"]
    spread: Float32[Tensor, "F"]
    live: Bool[Tensor, "F"]

    @staticmethod
    def of(features: Sequence[Float32[Tensor, "_ F"]]) -> "Standard":
        """Of all demonstrations.

        Raises:
            ConfigError: no feature ever changes, or some are not finite.
        """
        rows = torch.cat(list(features))
        if not rows.isfinite().all():
            raise ConfigError(
                "The encoder gives numbers that are not finite for the demonstrations. "
                "Take another encoder."
            )
        spread = rows.double().std(0, correction=0).float()
        live = spread > _STILL * rows.abs().amax(0)
        if not live.any():
            raise ConfigError(
                "Nothing that the encoder sees changes in the demonstrations: all of "
                "their frames look alike to it. Take another encoder, or other ones."
            )
        return Standard(rows.mean(0), torch.where(live, spread, 1.0), live)

    def __call__(self, features: Float32[Tensor, "*T F"]) -> Float32[Tensor, "*T F"]:
        """In units of the spread; 0 where a feature never changed."""
        return ((features - self.mean) / self.spread).masked_fill(~self.live, 0.0)

    def unit_in(self, sizes: Sequence[int]) -> Float32[Tensor, "F"]:
        """Each spread, by the root mean square of all live ones of the same depth.

        Args:
            sizes: features of each depth.
        """
        parts = []
        for spread, live in zip(
            self.spread.split(list(sizes)), self.live.split(list(sizes)), strict=True
        ):
            mean = spread[live].square().mean().sqrt() if live.any() else 1.0
            parts.append(spread / mean)
        return torch.cat(parts)


class Look(NamedTuple):
    """Mean and spread of each standardised feature in each step."""

    mean: Float[Tensor, "n F"]
    spread: Float[Tensor, "n F"]

    @staticmethod
    def of(
        rows: Float[Tensor, "num F"], label: Int64[Tensor, "num"], steps: int
    ) -> "Look":
        """Of the frames of each step, all demonstrations together."""
        parts = [_moments(rows[label == x]) for x in range(steps)]
        mean, spread = (torch.stack(x) for x in zip(*parts, strict=True))
        return Look(mean, spread)


class Selection(ABC):
    """Chooses the features that each step is told by: those with the largest z.

    `z_d = α |μ⁺_d - μ⁻_d| - (σ⁺_d + σ⁻_d)` of frames in the step and others (arXiv
    1612.06699). Which others, is what selections differ in.
    """

    @abstractmethod
    def choose(
        self,
        rows: Float[Tensor, "num F"],
        label: Int64[Tensor, "num"],
        live: Bool[Tensor, "F"],
        steps: int,
        features: int,
    ) -> tuple[Int64[Tensor, "n M"], Bool[Tensor, "n M"]]:
        """Numbers of features of each step, and whether each is one.

        Fewer are, where fewer than asked for ever change.

        Args:
            rows: standardised features of all frames.
            label: the step of each.
            live: features that change at all.
            steps: n.
            features: M.
        """


@dataclass(frozen=True)
class AgainstEach(Selection):
    """Some that tell the step from each other step, one after the other.

    What was done stays done: a key that is held tells step 2 from 1 and not from 3. So
    no feature may tell a step from all others, and those that come nearest to it may
    all tell it from the same one. A feature that tells it from two is there twice.
    """

    alpha: float = 5.0
    """what a difference of means counts beside spreads"""

    def choose(
        self,
        rows: Float[Tensor, "num F"],
        label: Int64[Tensor, "num"],
        live: Bool[Tensor, "F"],
        steps: int,
        features: int,
    ) -> tuple[Int64[Tensor, "n M"], Bool[Tensor, "n M"]]:
        """In turn the best against the next step, the one before, and so on."""
        look, chosen = Look.of(rows, label, steps), []
        for step in range(steps):
            others = sorted(
                set(range(steps)) - {step}, key=lambda x: (abs(x - step), -x)
            )
            apart = (look.mean[others] - look.mean[step]).abs()
            z = self.alpha * apart - (look.spread[others] + look.spread[step])
            index, there = _best(z, live, -(-features // len(others)))
            turns = index.T.flatten()[:features], there.T.flatten()[:features]
            chosen.append(turns)
        index, there = (torch.stack(x) for x in zip(*chosen, strict=True))
        return index, there


@dataclass(frozen=True)
class AgainstRest(Selection):
    """Those that tell the step from all other frames together, as published."""

    alpha: float = 5.0
    """what a difference of means counts beside spreads"""

    def choose(
        self,
        rows: Float[Tensor, "num F"],
        label: Int64[Tensor, "num"],
        live: Bool[Tensor, "F"],
        steps: int,
        features: int,
    ) -> tuple[Int64[Tensor, "n M"], Bool[Tensor, "n M"]]:
        """The best M of each step."""
        z = []
        for step in range(steps):
            mean, spread = _moments(rows[label == step])
            other, wide = _moments(rows[label != step])
            z.append(self.alpha * (mean - other).abs() - (spread + wide))
        return _best(torch.stack(z), live, features)


def _best(
    z: Float[Tensor, "m F"], live: Bool[Tensor, "F"], num: int
) -> tuple[Int64[Tensor, "m num"], Bool[Tensor, "m num"]]:
    """The `num` features with the largest z in each row, best first."""
    z = z.masked_fill(~live, -torch.inf)
    missing = max(0, num - z.shape[1])
    value, index = z.topk(num - missing, dim=1)
    return pad(index, (0, missing)), pad(value.isfinite(), (0, missing))


def _moments(rows: Float[Tensor, "num F"]) -> tuple[Tensor, Tensor]:
    return rows.mean(0), rows.std(0, correction=0)
