"""Every method of the zoo in pretraining on the pretend device."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from ssl_objectives.encoders.cnn import ImpalaConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.views.augment.augmentation import augment
from ssl_objectives.views.augment.blur import Blur
from ssl_objectives.views.augment.color import Gray, Jitter, Solarize
from ssl_objectives.views.augment.geometry import Cutout, Flip, RandomResizedCrop, Shift
from ssl_objectives.zoo import ZOO
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda
from tests.ssl_objectives.zoo.small import narrow

ROWS, BATCH = 30, 8
ENCODER = ImpalaConfig(12, (4,), Precision.FLOAT32)

# What waits in every step, on purpose: decompositions, loops until something converges,
# and labels that are there for some rows alone.
WAITING = {
    "direct-pred": {"ssl_objectives/methods/bootstrap/direct_pred.py"},
    "direct-copy": {"ssl_objectives/methods/bootstrap/direct_pred.py"},
    "sela": {"ssl_objectives/parts/sinkhorn.py"},
    "label-propagation": {"ssl_objectives/parts/assignment.py"},
}


def stepped(method: str, name: str) -> tuple[dict[str, Tensor], list[Crossing]]:
    """Metrics and weights after a sweep (if there are any) and a step, and waits."""
    noise = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (ROWS, 3, 16, 16), generator=noise).byte()
    labels = torch.arange(ROWS) % 3
    images = ArrayImages(
        pixels, labels, episodes=Episodes(torch.tensor([0, 7, 20]), ROWS)
    )
    few = labels.masked_fill(torch.arange(ROWS) % 2 > 0, -1)
    order = Shuffled(ROWS, BATCH, 0)
    with pretend_cuda() if name == "cuda" else nullcontext() as device:
        made = Pretrainer(
            *(narrow(ZOO[method]), ENCODER, images, few, order, AdamWConfig()),
            steps=4,
            device=torch.device(name),
            seed=0,
        )
        if made.branches.objective.needs.sweep:
            made.sweep()
        if device is not None:
            device.crossings.clear()
        metrics = made.step(look=False)
        crossings = [] if device is None else device.crossings.copy()
        left = metrics | dict(made.branches.named_parameters())
        # a softmax does not see its keys' bias, of whose rounding Adam makes a step
        blind = "attention.key_value.bias"
        kept = {k: x.detach().cpu() for k, x in left.items() if not k.endswith(blind)}
        return kept, crossings


# One of each kind of memory, sweep, target and draw; all others with `-m slow`.
DAILY = frozenset(
    {
        "simclr",
        "atc",
        "moco-v2",
        "inter-clr",
        "bregman",
        "deep-infomax",
        "cmc-modalities",
        "local-aggregation",
        "label-propagation",
        "pcl",
        "sela",
        "swav",
        "byol",
        "direct-pred",
        "vicreg",
        "sigreg",
        "aug-self",
        "autoencoder",
        "mae",
        "i-jepa",
    }
)


@pytest.mark.parametrize(
    "method",
    [pytest.param(x, marks=() if x in DAILY else pytest.mark.slow) for x in ZOO],
)
def test_a_step_equals_that_of_a_cpu(method: str) -> None:
    found, crossings = stepped(method, "cuda")
    wanted, _ = stepped(method, "cpu")
    # Adam's first step is as long for gradients of 1e-8, where rounding shows
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=5e-6)
    awaited = [x for x in crossings if x.awaited]
    # constants of the augmentations are sent in the first step alone
    files = {x.file for x in awaited} - {"ssl_objectives/parts/constants.py"}
    assert files == WAITING.get(method, set())


def test_augmentations_wait_for_nothing() -> None:
    chain = [
        *(RandomResizedCrop(size=(9, 9)), Shift(), Flip(), Cutout()),
        *(Jitter(hue=0.1), Gray(), Solarize(), Blur()),
    ]
    images = torch.randint(256, (4, 3, 12, 12), generator=torch.Generator()).byte()
    wanted = augment(images, chain, torch.Generator().manual_seed(1))
    with pretend_cuda() as device:
        generator = torch.Generator("cuda")
        for seed in (0, 1):
            device.crossings.clear()
            found = augment(images.to("cuda"), chain, generator.manual_seed(seed))
        crossings = device.crossings[1:]  # but for the images
        torch.testing.assert_close(found.images.cpu(), wanted.images)
        torch.testing.assert_close(found.params.cpu(), wanted.params)
    assert crossings == []
