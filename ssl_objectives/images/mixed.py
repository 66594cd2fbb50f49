"""Real images mixed with generated ones: AdaInf's data inflation.

(Wang, Zhang, Wang: "Do Generated Data Always Help Contrastive Learning?", arXiv
2403.12448.) Real images are repeated r times beside M generated ones, and the views are
augmented more weakly; the paper has 50,000 real images, 1,000,000 generated and r = 10.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import tee

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.images.source import UNKNOWN, ImagesConfig, ImageSource, ImageSplit
from ssl_objectives.pixels import check_bytes
from ssl_objectives.refusal import DatasetError


class MixedSource(ImageSource):
    """N real images, numbered r times through, and M generated ones behind them.

    Rows drawn evenly are real with a share of r N / (r N + M). Nothing is copied, where
    the paper's code concatenates. Generated images have no label (-1), so that nothing
    is ever probed with them.

    Args:
        real: images with or without labels.
        generated: images of the same shape.
        repeat: r, how often each real image stands among the rows.

    Raises:
        ValueError: shapes that differ, or r below 1.
    """

    def __init__(
        self, real: ImageSource, generated: ImageSource, repeat: int = 1
    ) -> None:
        if real.image_shape != generated.image_shape:
            raise ValueError(
                f"real images are {real.image_shape}, generated ones "
                f"{generated.image_shape} (channels, height, width); they must be alike"
            )
        if repeat < 1:
            raise ValueError(f"repeat must be at least 1, not {repeat}")
        self._real, self._generated = real, generated
        self._num_real = repeat * real.num_rows
        self.image_shape = real.image_shape
        self.num_rows = self._num_real + generated.num_rows
        self.class_names = real.class_names
        if real.labels is not None:
            unknown = real.labels.new_full((generated.num_rows,), UNKNOWN)
            self.labels = torch.cat([real.labels.repeat(repeat), unknown])

    @property
    def real_share(self) -> float:
        """Share of rows that are real, r N / (r N + M)."""
        return self._num_real / self.num_rows

    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number."""
        return self._put(rows, [x.read(own) for x, own in self._own(rows)])

    def ahead(
        self, batches: Iterable[tuple[int, Int64[Tensor, "n"]]]
    ) -> Iterator[UInt8[Tensor, "n C H W"]]:
        """The images of one batch after another; either source begins its own early."""
        one, two, whole = tee(batches, 3)
        real = self._real.ahead((step, self._own(rows)[0][1]) for step, rows in one)
        generated = self._generated.ahead(
            (step, self._own(rows)[1][1]) for step, rows in two
        )
        for _, rows in whole:
            yield self._put(rows, [next(real), next(generated)])

    def pairs(self, rows: Int64[Tensor, "n"], apart: int) -> UInt8[Tensor, "n 2 C H W"]:
        """Each image and a later one of its own source.

        Raises:
            ConfigError: one of the two sources has no order in time.
        """
        return self._put(rows, [x.pairs(own, apart) for x, own in self._own(rows)])

    def _own(
        self, rows: Int64[Tensor, "n"]
    ) -> tuple[tuple[ImageSource, Int64[Tensor, "_"]], ...]:
        """Both sources, and the rows that are theirs, by their own numbers."""
        real = rows < self._num_real
        return (
            (self._real, rows[real] % self._real.num_rows),
            (self._generated, rows[~real] - self._num_real),
        )

    def _put(
        self,
        rows: Int64[Tensor, "n"],
        parts: Sequence[UInt8[Tensor, "_ *two C H W"]],
    ) -> UInt8[Tensor, "n *two C H W"]:
        """What was read of either source, in the order of the rows."""
        for part in parts:
            check_bytes(part, "A mixture of images")
        images = parts[0].new_empty((len(rows), *parts[0].shape[1:]))
        real = rows < self._num_real
        images[real], images[~real] = parts
        return images


@dataclass(frozen=True)
class MixedConfig:
    """Real images and generated ones (AdaInf); only real ones are probed."""

    real: ImagesConfig = field(default_factory=FashionMnistConfig)
    """images of the world"""
    generated: ImagesConfig = field(default_factory=FolderConfig)
    """images of a model; its training images are taken"""
    repeat: int = 10
    """r, how often each real image is repeated"""

    def __post_init__(self) -> None:
        if self.repeat < 1:
            raise ValueError(f"repeat must be at least 1, not {self.repeat}")

    def open(self) -> ImageSplit:
        """Open both.

        Raises:
            DatasetError: as the two say, or their images differ in shape.
        """
        real, generated = self.real.open(), self.generated.open()
        try:
            train = MixedSource(real.train, generated.train, self.repeat)
        except ValueError as error:
            raise DatasetError(f"These cannot be mixed: {error}.") from error
        about = (
            f"{100 * train.real_share:.0f} % {real.about}; the rest {generated.about}"
        )
        notes = (*real.notes, *generated.notes)
        return ImageSplit(train, real.test, real.probed, about, notes)
