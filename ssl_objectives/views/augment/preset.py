"""The usual chain of augmentations, as one configuration."""

from dataclasses import dataclass

from ssl_objectives.views.augment.augmentation import Augmentation
from ssl_objectives.views.augment.blur import Blur
from ssl_objectives.views.augment.color import Gray, Jitter, Solarize, num_colors
from ssl_objectives.views.augment.geometry import Cutout, Flip, RandomResizedCrop, Shift


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of an image, in this order; what has probability 0 is left out.

    The defaults suit small real images (28 pixels, gray or colour) and frames of 64 to
    96 pixels. Where left and right differ in meaning, or where something small matters,
    set `flip` to 0 and `crop` higher.
    """

    strength: float = 1.0
    """1: as the other fields say; down to 0: half as much jitter half as often, and
    least crops 2.5 times as large, in between in proportion (AdaInf, 2403.12448)"""
    shift: int = 0
    """the farthest that images move, in pixels"""
    crop: float = 0.2
    """least share of the area that a crop keeps; 1: no crops"""
    most: float = 1.0
    """greatest share of the area that a crop keeps"""
    flip: float = 0.5
    """how often mirrored left to right"""
    jitter: float = 0.8
    """how often brightness, contrast, saturation and hue change"""
    brightness: float = 0.4
    """factors from 1 - this to 1 + this; so the next two"""
    contrast: float = 0.4
    """distances from the mean"""
    saturation: float = 0.4
    """distances from gray"""
    hue: float = 0.0
    """turns of the colour circle, at most so many either way"""
    gray: float = 0.2
    """how often colour is taken away"""
    blur: float = 0.0
    """how often blurred; costs as much as a crop"""
    solarize: float = 0.0
    """how often bright pixels are inverted"""
    cutout: float = 0.0
    """how often a square of half the image's side is filled with gray"""
    colors: int | None = None
    """channels, from the first, that are triples of red, green and blue; None: all if
    their number is a multiple of 3, else none. 3 for colour with depth"""

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"strength must be between 0 and 1, not {self.strength}")
        self._chain(None)

    def chain(
        self, image_shape: tuple[int, int, int], size: tuple[int, int] | None = None
    ) -> tuple[Augmentation, ...]:
        """Build the augmentations for images of shape (C, H, W).

        Args:
            image_shape: of what comes in.
            size: height and width of what goes out; None: as it comes in.

        Raises:
            ValueError: the images have not so many colours, or are smaller than the
                shift.
        """
        num_colors(image_shape[0], self.colors)
        height, width = image_shape[1:]
        if self.shift >= min(height, width):
            raise ValueError(
                f"shift must be less than the images' {height} x {width} pixels, not "
                f"{self.shift}: nothing of them would be left"
            )
        same = size is None or size == image_shape[1:]
        return self._chain(None if same else size)

    def _chain(self, size: tuple[int, int] | None) -> tuple[Augmentation, ...]:
        share = (1 + self.strength) / 2
        most = self.most
        least = min(self.crop * (2.5 - 1.5 * self.strength), most)
        chain: list[Augmentation] = []
        if self.shift:
            chain += [Shift(self.shift)]
        if self.crop != 1 or most != 1 or size is not None:
            square = least == most == 1
            ratio = (1.0, 1.0) if square else RandomResizedCrop.ratio
            chain += [RandomResizedCrop((least, most), ratio, size)]
        if self.flip:
            chain += [Flip(self.flip)]
        if self.jitter:
            chain += [
                Jitter(
                    self.jitter * share,
                    self.brightness * share,
                    self.contrast * share,
                    self.saturation * share,
                    self.hue * share,
                    self.colors,
                )
            ]
        if self.gray:
            chain += [Gray(self.gray, self.colors)]
        if self.blur:
            chain += [Blur(self.blur)]
        if self.solarize:
            chain += [Solarize(self.solarize)]
        if self.cutout:
            chain += [Cutout(self.cutout)]
        return tuple(chain)


def unchanged() -> AugmentConfig:
    """Images as they are."""
    return AugmentConfig(crop=1.0, flip=0.0, jitter=0.0, gray=0.0)


def shifted(pixels: int = 4) -> AugmentConfig:
    """Shifts alone, as DrQ does with frames (2004.13649)."""
    return AugmentConfig(crop=1.0, shift=pixels, flip=0.0, jitter=0.0, gray=0.0)


def sim_clr(blur: float = 0.0) -> AugmentConfig:
    """SimCLR's (2002.05709): crops from 8 %, jitter with hue, at full strength.

    For CIFAR-10 its official script has half as strong a jitter, and no blur.
    """
    return AugmentConfig(
        crop=0.08, brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2, blur=blur
    )
