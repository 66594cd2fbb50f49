"""From the config of a pretraining run to what trains."""

from functools import partial

import torch

from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.memory import check_rows_fit
from ssl_objectives.images.labels import label_subset
from ssl_objectives.images.source import ImageSplit
from ssl_objectives.learn.pretrainer import Pretrainer


def build_pretrainer(
    config: PretrainConfig, split: ImageSplit, device: torch.device
) -> Pretrainer:
    """The pretrainer of a config, not yet begun.

    Raises:
        ConfigError: parts that do not fit together, or to the images.
        DoesNotFit: a memory per image would be too large.
    """
    images = split.train
    labels = None
    if images.labels is not None:
        labels = label_subset(images.labels, config.labels, config.seed)
    return Pretrainer(
        config.method,
        config.encoder,
        images,
        labels,
        config.order.build(images, config.batch_size, config.seed),
        config.optimizer,
        steps=config.steps,
        device=device,
        seed=config.seed,
        check_rows=partial(check_rows_fit, device=device),
    )


def run_name(config: PretrainConfig) -> str:
    """What a run is called: its images, and its method."""
    images = type(config.images).__name__.removesuffix("Config")
    return f"{images}-{config.name}"
