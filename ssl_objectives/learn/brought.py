"""Batches that a caller brings: what a trainer can do with them, and what not."""

from jaxtyping import Int64, Shaped, UInt8
from torch import Tensor

from ssl_objectives.images.items import bytes_of
from ssl_objectives.objective import Objective
from ssl_objectives.refusal import ConfigError, DatasetError
from ssl_objectives.views.maker import ViewMaker

_BY_NUMBER = (
    "Give a data set with numbers (DatasetImages) and an order, and call step()."
)


def check_by_batches(
    objective: Objective, views: ViewMaker, labels: Int64[Tensor, "n"] | None
) -> None:
    """Pass if a method can learn from images that have no number.

    Raises:
        ConfigError: it remembers something of each image, passes over all of them,
            wants frames that follow each other, or labels.
    """
    name, needs = type(objective).__name__, objective.needs
    if needs.rows or needs.sweep:
        what = "remembers something of each image" if needs.rows else "sweeps over all"
        raise ConfigError(
            f"{name} {what}, and images of a loader have no number. {_BY_NUMBER}"
        )
    if views.apart:
        raise ConfigError(
            "These views are frames that follow each other, and a loader does not say "
            f"which do. {_BY_NUMBER}"
        )
    if "label" in needs.extra and labels is None:
        raise ConfigError(
            f"{name} learns from labels. Give them, too: step_on(images, labels)."
        )


def batch_of(
    images: Shaped[Tensor, "n C H W"], shape: tuple[int, int, int]
) -> UInt8[Tensor, "n C H W"]:
    """Images in bytes.

    Raises:
        DatasetError: of another shape than the trainer was made for, or other numbers.
    """
    if tuple(images.shape[1:]) != shape:
        raise DatasetError(
            f"These images are {tuple(images.shape[1:])}, and the trainer was made for "
            f"{shape} (channels, height, width)."
        )
    return bytes_of(images, "A batch")
