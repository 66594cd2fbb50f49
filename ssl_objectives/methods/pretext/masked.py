"""MAE and I-JEPA: what is hidden of an image, predicted from what is seen of it.

They are one objective with different masks and aims: pixels, or a slow copy's features.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.encoders.patches import Grid, at_places, check_divides, patches
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.masked_predictor import MaskedPredictorConfig
from ssl_objectives.parts.masking import Blocks, Masking, RandomPatches
from ssl_objectives.parts.step_counter import StepCounter


class Aim(ABC):
    """What is to be predicted of a place, and the error of a prediction."""

    needs: Needs

    @abstractmethod
    def target(self, views: Views, grid: Grid) -> Float[Tensor, "N L O"]:
        """At every place of each image; without gradient."""

    @abstractmethod
    def error(
        self, told: Float[Tensor, "*M O"], wanted: Float[Tensor, "*M O"]
    ) -> Tensor:
        """Of each number."""


@dataclass(frozen=True)
class PatchPixels(Aim):
    """MAE's: the pixels of a patch by mean squared error, each patch standardised.

    `(x - mean) / √(var + 10⁻⁶)` within the patch, unbiased var, as the official code.
    """

    standardized: bool = True
    """whether patches are; else pixels are in [0, 1]"""

    needs = Needs(
        views=(1, 1), rows=True, maps=True, masked=True, extra=frozenset({"image"})
    )

    def target(self, views: Views, grid: Grid) -> Float[Tensor, "N L O"]:
        """Pixels of all channels."""
        pixels = patches(views.extra["image"][:, 0], grid).float() / 255
        if not self.standardized:
            return pixels
        centred = pixels - pixels.mean(-1, keepdim=True)
        number = max(1, pixels.shape[-1] - 1)
        variance = centred.square().sum(-1, keepdim=True) / number
        return centred * (variance + 1e-6).rsqrt()

    def error(
        self, told: Float[Tensor, "*M O"], wanted: Float[Tensor, "*M O"]
    ) -> Tensor:
        """Squared."""
        return (told - wanted).square()


@dataclass(frozen=True)
class SlowFeatures(Aim):
    """I-JEPA's: what a slow copy of the encoder makes of the whole image, by smooth L1.

    Each place is brought to mean 0 and variance 1 over its features; the error is
    `d²/2` up to |d| = 1, from there `|d| - 1/2`.
    """

    needs = Needs(
        views=(1, 1),
        target=TargetKind.EMA,
        rows=True,
        maps=True,
        masked=True,
        aims=True,
    )

    def target(self, views: Views, grid: Grid) -> Float[Tensor, "N L O"]:
        """Normalised features."""
        [maps] = views.aims
        assert maps is not None
        rows = at_least_float32(maps.detach()).flatten(-2).mT
        return nn.functional.layer_norm(rows, rows.shape[-1:])

    def error(
        self, told: Float[Tensor, "*M O"], wanted: Float[Tensor, "*M O"]
    ) -> Tensor:
        """Squared near 0, linear far from it."""
        return nn.functional.smooth_l1_loss(told, wanted, reduction="none")


class MaskedPrediction(Objective):
    """A network tells, from the tokens of seen patches, what is at the hidden ones.

    The encoder is shown the seen patches alone (`Encoder.with_visible`). Loss of a row:
    the mean over its questions, their places and the numbers at a place. Masks follow
    from row ids and the step; another step has others.

    Args:
        predictor: `(tokens, seen, wanted, grid)` to answers (`MaskedPredictor`).
        masking: what is seen and what is asked for.
        aim: what is to be told.
        grid: (h, w) of the encoder's feature maps.
    """

    def __init__(
        self, predictor: nn.Module, masking: Masking, aim: Aim, grid: Grid
    ) -> None:
        super().__init__()
        self.needs = aim.needs
        self.predictor, self.masking, self.aim, self.grid = (
            predictor,
            masking,
            aim,
            grid,
        )
        self.counter = StepCounter()

    def visible(self, row: Int64[Tensor, "N"]) -> Int64[Tensor, "N K"]:
        """The patches that the encoder is shown in this step."""
        return self.masking.draw(row, self.grid, self.counter).seen

    def forward(self, views: Views) -> Loss:
        """One value per row; rows that are not valid are 0."""
        [maps], row = views.maps, views.row
        assert maps is not None
        assert row is not None
        masks = self.masking.draw(row, self.grid, self.counter)
        tokens = at_places(at_least_float32(maps).flatten(-2).mT, masks.seen)
        target = self.aim.target(views, self.grid).to(tokens.dtype)
        if views.valid is not None:
            tokens = tokens.masked_fill(~views.valid[:, None, None], 0.0)
            target = target.masked_fill(~views.valid[:, None, None], 0.0)
        number = masks.wanted.shape[1]

        def each(x: Tensor) -> Tensor:
            """Once for every question."""
            return x.unsqueeze(1).expand(-1, number, *x.shape[1:]).flatten(0, 1)

        asked = masks.wanted.flatten(0, 1)
        told = self.predictor(each(tokens), each(masks.seen), asked, self.grid)
        wanted = at_places(target, masks.wanted).flatten(0, 1)
        error = self.aim.error(told, wanted).mean((-2, -1)).view(-1, number)
        loss = error.mean(1)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
        return Loss(loss, loss.new_zeros(()))

    def observe(self, views: Views) -> None:
        """The next step has other masks."""
        self.counter.advance()


@dataclass(frozen=True)
class MaeConfig:
    """MAE (arXiv 2111.06377): pixels of hidden patches, from a quarter that is seen.

    Deviations: the decoder's tokens come from the encoder's feature maps, without a
    class token; sizes are of small images. An encoder that is no ViT sees hidden
    patches black, where MAE's does not see them.
    """

    masking: RandomPatches = field(default_factory=RandomPatches)
    """which patches are hidden"""
    decoder: MaskedPredictorConfig = field(default_factory=MaskedPredictorConfig)
    """from tokens to pixels"""
    standardized: bool = True
    """bring the pixels of each patch to mean 0 and variance 1"""

    def build(self, sizes: Sizes) -> MaskedPrediction:
        """Build it for the encoder's feature maps and the images.

        Raises:
            ValueError: there are none, or images are no whole number of patches.
        """
        features, grid = _maps(sizes, "MAE")
        if sizes.image is None:
            raise ValueError("MAE gives images back; give their shape")
        channels, height, width = sizes.image
        check_divides((height, width), grid)
        pixels = channels * (height // grid[0]) * (width // grid[1])
        decoder = self.decoder.build(features, pixels)
        aim = PatchPixels(self.standardized)
        return MaskedPrediction(decoder, self.masking, aim, grid)


@dataclass(frozen=True)
class IJepaConfig:
    """I-JEPA (arXiv 2301.08243): features of blocks, from what is around them.

    Deviations: see `Blocks`; and as of MAE, an encoder that is no ViT sees hidden
    patches black.
    """

    masking: Blocks = field(default_factory=Blocks)
    """what is seen, and which blocks are asked for"""
    predictor: MaskedPredictorConfig = field(default_factory=MaskedPredictorConfig)
    """from tokens that are seen to features of a block"""

    def build(self, sizes: Sizes) -> MaskedPrediction:
        """Build it for the encoder's feature maps.

        Raises:
            ValueError: there are none, or too few places for such blocks.
        """
        features, grid = _maps(sizes, "I-JEPA")
        self.masking.seen(grid)
        predictor = self.predictor.build(features, features)
        return MaskedPrediction(predictor, self.masking, SlowFeatures(), grid)


def _maps(sizes: Sizes, name: str) -> tuple[int, Grid]:
    """F and (h, w) of the encoder's feature maps."""
    if sizes.maps is None:
        raise ValueError(
            f"{name} hides places of feature maps; use an encoder with any"
        )
    features, height, width = sizes.maps
    return features, (height, width)
