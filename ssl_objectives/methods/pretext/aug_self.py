"""AugSelf: predict the difference of two views' augmentation parameters."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.methods.contrast.info_nce import InfoNceConfig
from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import (
    Loss,
    Needs,
    Objective,
    ObjectiveConfig,
    Sizes,
    Views,
)
from ssl_objectives.parts.constants import constant
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.views.params import (
    BLUR,
    BRIGHTNESS,
    CONTRAST,
    FLIP,
    HUE,
    ROTATION,
    SATURATION,
    SOLARIZE,
)


class Difference(ABC):
    """A difference of two views' augmentation parameters, and the loss of its guess.

    Attributes:
        name: of the metric.
        outputs: numbers that the guess has.
        columns: of the params, which it compares.
    """

    name: str
    outputs: int
    columns: Sequence[int]

    @abstractmethod
    def loss(
        self,
        guess: Float[Tensor, "N O"],
        first: Float[Tensor, "N P"],
        second: Float[Tensor, "N P"],
    ) -> Float[Tensor, "N"]:
        """One number per row; `first` and `second` are params of the two views."""


class Regressed(Difference):
    """Real-valued differences: `mean (tanh guess - difference)²`."""

    @abstractmethod
    def target(
        self, first: Float[Tensor, "N P"], second: Float[Tensor, "N P"]
    ) -> Float[Tensor, "N O"]:
        """The difference, in [-1, 1]."""

    def loss(
        self,
        guess: Float[Tensor, "N O"],
        first: Float[Tensor, "N P"],
        second: Float[Tensor, "N P"],
    ) -> Float[Tensor, "N"]:
        """Squared error, a mean over the numbers."""
        return (guess.tanh() - self.target(first, second)).square().mean(-1)


class CropDifference(Regressed):
    """Middles and sizes of the crops, in shares of the image.

    As the first view sees it: where that is mirrored, both middles are. So swapping the
    views negates the target unless exactly one of them is mirrored.
    """

    name, outputs, columns = "crop", 4, range(4)

    def target(
        self, first: Float[Tensor, "N P"], second: Float[Tensor, "N P"]
    ) -> Float[Tensor, "N 4"]:
        """Down, right, taller, wider."""
        size = first[:, 2:4] - second[:, 2:4]
        middle = first[:, :2] - second[:, :2] + size / 2
        mirrored = torch.where(first[:, FLIP] > 0, -middle[:, 1], middle[:, 1])
        return torch.cat([middle[:, :1], mirrored.unsqueeze(1), size], 1)


class ShareDifference(Regressed):
    """Params as they are, as shares of how far those of two views can lie apart.

    Args:
        name: of the metric.
        columns: of the params.
        reach: the greatest difference of each of all P params; where it is 0 there is
            none to be guessed, and the target is 0.
    """

    def __init__(
        self, name: str, columns: Sequence[int], reach: Sequence[float]
    ) -> None:
        self.name, self.columns, self.outputs = name, columns, len(columns)
        self.scale = tuple(reach[i] or 1.0 for i in columns)

    def target(
        self, first: Float[Tensor, "N P"], second: Float[Tensor, "N P"]
    ) -> Float[Tensor, "N O"]:
        """The first beyond the second."""
        # by slices: a list of columns would be sent to the device anew each time
        difference = [first[:, i] - second[:, i] for i in self.columns]
        return torch.stack(difference, 1) / constant(self.scale, first.device)


class SameFlip(Difference):
    """Whether both are mirrored, or neither: a binary cross-entropy."""

    name, outputs, columns = "flip", 1, (FLIP,)

    def loss(
        self,
        guess: Float[Tensor, "N O"],
        first: Float[Tensor, "N P"],
        second: Float[Tensor, "N P"],
    ) -> Float[Tensor, "N"]:
        """1 is the same."""
        same = (first[:, FLIP] == second[:, FLIP]).to(guess.dtype)
        return nn.functional.binary_cross_entropy_with_logits(
            guess[:, 0], same, reduction="none"
        )


class TurnDifference(Difference):
    """By how many quarters the first is turned beyond the second: a cross-entropy."""

    name, outputs, columns = "rotation", 4, (ROTATION,)

    def loss(
        self,
        guess: Float[Tensor, "N O"],
        first: Float[Tensor, "N P"],
        second: Float[Tensor, "N P"],
    ) -> Float[Tensor, "N"]:
        """Modulo 4."""
        turns = (first[:, ROTATION] - second[:, ROTATION]).round().long() % 4
        return nn.functional.cross_entropy(guess, turns, reduction="none")


class AugSelf(Objective):
    """AugSelf's own term (arXiv 2111.09613): `Σ_a w_a ℓ_a(φ_a([h_1, h_2]), a_1 - a_2)`.

    To be added to another objective, so that the encoder keeps what that throws away.
    Reads the encoder's outputs h of the first two views, in both orders; of the loss
    the mean over orders and numbers, as in the official code. Each φ is an MLP of three
    layers.

    Deviations: layer norm in φ where the official code has batch norm, which would let
    rows see each other; solarisation is a yes or no here, there the difference of
    thresholds.

    Args:
        size: R of the encoder's outputs.
        terms: weights and differences.
        hidden: numbers between the layers of φ.
    """

    needs = Needs(views=(2, None), rep=True, extra=frozenset({"params"}))

    def __init__(
        self, size: int, terms: Sequence[tuple[float, Difference]], hidden: int
    ) -> None:
        super().__init__()
        self.terms = tuple(terms)
        self.heads = nn.ModuleList(_head(2 * size, hidden, x.outputs) for _, x in terms)

    def forward(self, views: Views) -> Loss:
        """`aug_self/…`: the loss of each difference, mean over valid rows."""
        one, two = views.rep[:2]
        assert one is not None
        assert two is not None
        h, k = at_least_float32(one), at_least_float32(two)
        if views.valid is not None:
            invalid = ~views.valid.unsqueeze(-1)
            h, k = h.masked_fill(invalid, 0.0), k.masked_fill(invalid, 0.0)
        first, second = views.extra["params"][:, :2].unbind(1)
        pair = torch.stack([torch.cat([h, k], 1), torch.cat([k, h], 1)])
        total, metrics = h.new_zeros(len(h)), {}
        for (weight, difference), head in zip(self.terms, self.heads, strict=True):
            here, back = head(pair)
            each = difference.loss(here, first, second)
            each = (each + difference.loss(back, second, first)) / 2
            if views.valid is not None:
                each = each.masked_fill(~views.valid, 0.0)
            total = total + weight * each
            metrics[f"aug_self/{difference.name}"] = _mean(each.detach(), views)
        return Loss(total, total.new_zeros(()), metrics)


@dataclass(frozen=True)
class AugSelfConfig:
    """AugSelf: another objective, and how the two views differ."""

    base: ObjectiveConfig = field(default_factory=InfoNceConfig)
    """the objective that it is added to"""
    crop: float = 1.0
    """weight of where crops lie; 0, here and below: not asked"""
    color: float = 1.0
    """weight of the jitter"""
    flip: float = 0.0
    """weight of whether both are mirrored alike"""
    blur: float = 0.0
    """weight of how much is blurred"""
    solarize: float = 0.0
    """weight of what is inverted"""
    rotation: float = 0.0
    """weight of quarter turns"""
    hidden: int = 512
    """numbers between the layers that guess"""

    def __post_init__(self) -> None:
        rest = self.blur, self.solarize, self.rotation
        weights = (self.crop, self.color, self.flip, *rest)
        if min(weights) < 0 or not any(weights):
            raise ValueError(
                f"weights must be at least 0, and one above it, not {weights}"
            )
        if self.hidden <= 0:
            raise ValueError(f"hidden must be above 0, not {self.hidden}")

    def build(self, sizes: Sizes) -> Weighted:
        """Build the sum for `sizes.rep` and `sizes.reach`.

        Raises:
            ValueError: the size of the encoder's output is not known, or how far views
                reach; or these never differ in anything that is asked.
        """
        if not sizes.rep:
            raise ValueError("AugSelf reads the encoder's output; give its size as rep")
        if sizes.reach is None:
            raise ValueError(
                "AugSelf must know how far the params of two views can lie apart: a "
                "ViewMaker of your own says so as `reach`, Sizes likewise"
            )
        asked = [(weight, x) for weight, x in self._all(sizes.reach) if weight]
        if not any(sizes.reach[i] for _, x in asked for i in x.columns):
            raise ValueError(
                f"AugSelf asks how two views differ in {_names(asked)}, and these "
                "never do: choose other views, or give weight to what they differ in"
            )
        own = AugSelf(sizes.rep, asked, self.hidden)
        return Weighted([(1.0, self.base.build(sizes)), (1.0, own)])

    def _all(self, reach: Sequence[float]) -> list[tuple[float, Difference]]:
        colors = (BRIGHTNESS, CONTRAST, SATURATION, HUE)
        return [
            (self.crop, CropDifference()),
            (self.color, ShareDifference("color", colors, reach)),
            (self.flip, SameFlip()),
            (self.blur, ShareDifference("blur", [BLUR], reach)),
            (self.solarize, ShareDifference("solarize", [SOLARIZE], reach)),
            (self.rotation, TurnDifference()),
        ]


def _head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Three layers, rows apart."""
    layers: list[nn.Module] = []
    for size in (inputs, hidden):
        layers += [nn.Linear(size, hidden, bias=False), nn.LayerNorm(hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


def _names(asked: Sequence[tuple[float, Difference]]) -> str:
    return " and ".join(x.name for _, x in asked)


def _mean(rows: Float[Tensor, "N"], views: Views) -> Float[Tensor, ""]:
    """Over valid rows; the others are 0."""
    if views.valid is None:
        return rows.mean()
    return rows.sum() / views.valid.sum().clamp(min=1)
