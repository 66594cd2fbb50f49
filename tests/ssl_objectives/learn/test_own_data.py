"""Training on data sets and loaders of others: to the bit, whoever reads ahead."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from ssl_objectives.encoders.cnn import ImpalaConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.images.dataset_images import DatasetImages
from ssl_objectives.images.loaders import first_images, images_of
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ImageSource
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.refusal import ConfigError, DatasetError
from ssl_objectives.zoo import ZOO

N, BATCH = 40, 10
ENCODER = ImpalaConfig(24, (4, 6, 8), Precision.FLOAT32)
PIXELS = torch.rand(N, 1, 20, 16, generator=torch.Generator().manual_seed(0))


class Flipped(Dataset[Any]):
    """Floats, turned over at random by PyTorch's global generator."""

    targets = tuple(x % 2 for x in range(N))

    def __len__(self) -> int:
        return N

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        image = PIXELS[number]
        return (image.flip(-1) if torch.rand(()) < 0.5 else image), number % 2


class Forever(IterableDataset[Tensor]):
    def __iter__(self) -> Any:
        return iter(PIXELS)


def trainer(
    images: ImageSource, method: str = "byol", order: bool = True
) -> Pretrainer:
    return Pretrainer(
        ZOO[method],
        ENCODER,
        images,
        images.labels,
        Shuffled(images.num_rows, BATCH, 0) if order else None,
        AdamWConfig(),
        steps=8,
        device=torch.device("cpu"),
        seed=0,
    )


def weights(made: Pretrainer) -> Tensor:
    return torch.cat([x.detach().flatten() for x in made.encoder.parameters()])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_is_the_run_that_went_on(workers: int) -> None:
    """2N = N, a new process and N; across an epoch, with draws inside of items."""
    whole = trainer(DatasetImages(Flipped(), workers=0))
    for _ in range(6):
        whole.step(look=False)
    half = trainer(DatasetImages(Flipped(), workers=workers))
    for _ in range(3):
        half.step(look=False)
    half.images.read(torch.arange(N))  # as a probe does, in the middle of it
    state = deepcopy(half.state_dict())
    rest = trainer(DatasetImages(Flipped(), workers=workers))
    rest.load_state_dict(deepcopy(state))
    for _ in range(3):
        rest.step(look=False)
    assert torch.equal(weights(rest), weights(whole))
    rest.load_state_dict(state)  # and once more, back in time
    for _ in range(3):
        rest.step(look=False)
    assert torch.equal(weights(rest), weights(whole))


def test_batches_that_are_brought_are_learned_from_as_any() -> None:
    """`step_on` what `step` would read gives what `step` gives."""
    images = DatasetImages(Flipped())
    one, two = trainer(images), trainer(images, order=False)
    assert one.order is not None
    for step in range(2):
        rows = one.order.rows(step)
        [batch] = images.ahead(iter([(step, rows)]))
        two.step_on(batch.float() / 255)
        one.step()
    assert torch.equal(weights(one), weights(two))


def test_a_stream_trains() -> None:
    loader = DataLoader(Forever(), BATCH)
    made = trainer(first_images(loader), order=False)
    for batch in loader:
        assert torch.isfinite(made.step_on(images_of(batch))["pretrain/loss"])
    assert made.steps == 4


def test_what_a_batch_cannot_give_is_refused() -> None:
    images = first_images(DataLoader(Forever(), BATCH))
    made = trainer(images, order=False)
    with pytest.raises(ConfigError, match=r"no order of images.*step_on"):
        made.step()
    with pytest.raises(
        DatasetError, match=r"are \(1, 8, 8\), and .* for \(1, 20, 16\)"
    ):
        made.step_on(PIXELS[:, :, :8, :8])
    with pytest.raises(DatasetError, match="A batch has floats from"):
        made.step_on(PIXELS - 0.5)
    with pytest.raises(ConfigError, match=r"remembers something .*DatasetImages"):
        trainer(images, "instance-nce", order=False).step_on(PIXELS[:4])
