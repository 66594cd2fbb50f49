"""What a method around an encoder is built for, and whether its memory fits."""

from contextlib import suppress

import torch

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.footprint.rows import check_rows_fit
from ssl_objectives.images.source import ImageSource
from ssl_objectives.method import Method
from ssl_objectives.objective import Sizes


def sizes_for(encoder: Encoder, images: ImageSource, steps: int) -> Sizes:
    """What a method around this encoder is built for."""
    return Sizes(
        latent=encoder.size,
        maps=encoder.maps_shape,
        image=images.image_shape,
        rows=images.num_rows,
        classes=num_classes(images),
        steps=steps,
    )


def num_classes(images: ImageSource) -> int:
    """How many classes the labels know; 0 where there are none."""
    if images.class_names:
        return len(images.class_names)
    return 0 if images.labels is None else int(images.labels.max()) + 1


def check_memory(method: Method, sizes: Sizes, device: torch.device) -> None:
    """Refuse a memory per row that is too large, before it is made."""
    inner = method.sizes(sizes)
    # some objectives compute while they are built, which no empty tensor can
    with suppress(RuntimeError), torch.device("meta"):
        objective = method.objective.build(inner)
        check_rows_fit(objective, sizes.rows, inner.latent, device)
