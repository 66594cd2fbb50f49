"""What is lost where a loader's data set is read in the order of a run."""

from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    default_collate,
)

from ssl_objectives.images.items import bytes_of
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.refusal import ConfigError, DatasetError

_INSTEAD = (
    "Train on its batches as they come instead, trainer.step_on(images); where such a "
    "run resumes, which images come next is the loader's affair."
)


def check_order(loader: DataLoader[Any]) -> None:
    """Pass if a loader does nothing but to read items in some order.

    Raises:
        ConfigError: it has a sampler or `collate_fn` of its own, or its data set has no
            numbers.
    """
    if isinstance(loader.dataset, IterableDataset):
        raise ConfigError(
            f"The loader's data set, a {type(loader.dataset).__name__}, has no items "
            f"by number, so that no order can be repeated. {_INSTEAD}"
        )
    usual = (RandomSampler, SequentialSampler)
    sampler: Any = loader.sampler
    repeats = isinstance(sampler, RandomSampler) and sampler.replacement
    if type(sampler) not in usual or repeats:
        raise _lost(f"draws by a {type(sampler).__name__}")
    if loader.batch_sampler is not None and type(loader.batch_sampler) is not (
        BatchSampler
    ):
        raise _lost(f"makes batches by a {type(loader.batch_sampler).__name__}")
    if loader.batch_size is not None and loader.collate_fn is not default_collate:
        raise _lost("has a collate_fn of its own")


def first_images(loader: Any) -> ArrayImages:
    """The images of a loader's first batch: what a trainer is built for.

    Args:
        loader: gives batches of images, or tuples that begin with them.

    Raises:
        DatasetError: it gives none.
    """
    for batch in loader:
        return ArrayImages(images_of(batch))
    raise DatasetError("The loader gives no batch.")


def images_of(batch: Any) -> UInt8[Tensor, "n C H W"]:
    """The images of a batch of a loader, in bytes.

    Raises:
        DatasetError: there are none, or of other numbers than bytes and floats from 0
            to 1.
    """
    while isinstance(batch, tuple | list) and batch:
        batch = batch[0]
    if isinstance(batch, dict):
        batch = batch.get("image", batch.get("img"))
    if not isinstance(batch, torch.Tensor) or batch.ndim != 4:
        shape = getattr(batch, "shape", None)
        told = type(batch).__name__ if shape is None else f"of the shape {tuple(shape)}"
        raise DatasetError(
            f"A batch is {told}, and should be images [N, C, H, W], or a tuple that "
            "begins with them."
        )
    return bytes_of(batch, "A batch")


def _lost(what: str) -> ConfigError:
    return ConfigError(
        f"The loader {what}, which would be lost: a run reads items in an order of its "
        f"own, so that it can resume. {_INSTEAD}"
    )
