"""Training linear classifiers on what a network makes of augmented images."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ssl_objectives.images.orders import Shuffled
from ssl_objectives.learn.optimizer import OptimizerConfig, follow_schedule
from ssl_objectives.measure.examples import Labelled
from ssl_objectives.parts.step_counter import StepCounter
from ssl_objectives.views.augment.augmentation import Augmentation, augment

RATE_PER = 256  # images in a batch that learning rates are for
BATCH = 512  # images that are named at once

Embed = Callable[[UInt8[Tensor, "n C H W"]], Float[Tensor, "n D"]]


def linear_head(size: int, num_classes: int, seed: int) -> nn.Linear:
    """A classifier whose weights are small and its biases 0 (MoCo: σ = 0.01)."""
    generator = torch.Generator().manual_seed(seed)
    made: nn.Linear = nn.utils.skip_init(nn.Linear, size, num_classes)  # draws nothing
    nn.init.normal_(made.weight, 0.0, 0.01, generator)
    nn.init.zeros_(made.bias)
    return made


def train_classifiers(
    embed: Embed,
    heads: Sequence[nn.Linear],
    trained: nn.Module,
    images: Labelled,
    chain: Sequence[Augmentation],
    optimizer: OptimizerConfig,
    *,
    epochs: int,
    least_steps: int,
    batch_size: int,
    device: torch.device,
    seed: int,
) -> None:
    """Minimise the sum of all heads' cross-entropies by gradient steps.

    Rates grow with the batch in proportion, and are those of 256 images. Batches and
    draws follow from the seed alone.

    Args:
        embed: from images to rows; of a frozen encoder, without gradient.
        heads: each with a loss of its own.
        trained: holds all parameters that learn, the heads' and whatever of `embed`.
        images: what is learnt from.
        chain: augmentations of each image, drawn anew each time.
        optimizer: with its schedule.
        epochs: passes over the images, batches that are not full left out.
        least_steps: of them, though there be more passes: few images make few batches.
        batch_size: images at once; all of them where there are fewer.
        device: of all networks.
        seed: of order and draws.
    """
    batch = min(batch_size, len(images.rows))
    order = Shuffled(len(images.rows), batch, seed)
    steps = max(least_steps, epochs * (len(images.rows) // batch))
    made = optimizer.build(trained)
    parameters = [x for x in trained.parameters() if x.requires_grad]
    counter = StepCounter(seed)
    for step in range(steps):
        chosen = order.rows(step)
        pixels = images.source.read(images.rows[chosen]).to(device)
        seen = augment(pixels, chain, counter.generator(device)).images
        wanted = images.labels[chosen].to(device)
        rows = embed(seen)
        losses = [nn.functional.cross_entropy(head(rows), wanted) for head in heads]
        made.zero_grad(set_to_none=True)
        torch.stack(losses).sum().backward()
        if optimizer.max_norm:
            nn.utils.clip_grad_norm_(parameters, optimizer.max_norm)
        follow_schedule(made, optimizer, (step + 0.5) / steps, batch / RATE_PER)
        made.step()
        counter.advance()


@torch.no_grad()
def accuracy_of(
    embed: Embed, head: nn.Linear, images: Labelled, device: torch.device
) -> float:
    """Share of images that a head names rightly, as they are, 0 to 1."""
    right = 0
    for part in torch.arange(len(images.rows)).split(BATCH):
        rows = embed(images.source.read(images.rows[part]).to(device))
        right += int((head(rows).argmax(-1).cpu() == images.labels[part]).sum())
    return right / len(images.rows)
