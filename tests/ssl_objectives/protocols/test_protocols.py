"""Protocols beside independent implementations, on the same images and features."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.cnn import ImpalaConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.residual import Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.images.labels import label_subset
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.learn.schedule import Level
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.measure.examples import (
    Examples,
    Labelled,
    ProtocolConfig,
)
from ssl_objectives.measure.probes import RawPixels
from ssl_objectives.protocols.fine_tuning import FineTuningConfig
from ssl_objectives.protocols.linear_probe import LinearProbeConfig
from ssl_objectives.protocols.neighbours import NeighboursConfig
from ssl_objectives.refusal import ConfigError
from ssl_objectives.views.augment.preset import unchanged

CPU = torch.device("cpu")
TRAIN, TEST, CLASSES = 120, 300, 3


@pytest.fixture
def examples(generator: torch.Generator) -> Examples:
    """Three patterns in strong noise."""
    patterns = torch.randint(256, (CLASSES, 1, 8, 8), generator=generator)
    labels = torch.randint(CLASSES, (TRAIN + TEST,), generator=generator)
    noise = torch.randint(256, (TRAIN + TEST, 1, 8, 8), generator=generator)
    source = ArrayImages(((2 * patterns[labels] + 3 * noise) // 5).byte(), labels)
    rows = torch.arange(TRAIN + TEST)
    parts = [Labelled(source, x, labels[x]) for x in (rows[:TRAIN], rows[TRAIN:])]
    return Examples(parts[0], parts[1], CPU)


def encoder(seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    return ImpalaConfig(12, (3, 4), Precision.FLOAT32).build((1, 8, 8))


def images(part: Labelled) -> Tensor:
    return part.source.read(part.rows)


def descend(
    parameters: list[Tensor],
    loss: Callable[[Tensor], Tensor],
    rows: int,
    epochs: int,
    batch: int,
    rate: float,
    rates: list[float],
) -> None:
    """SGD with momentum 0.9 and a cosine, written down by hand."""
    order = Shuffled(rows, batch, 0)
    steps = epochs * (rows // batch)
    moved = [torch.zeros_like(x) for x in parameters]
    for step in range(steps):
        now = rate * batch / 256 * (1 + math.cos(math.pi * (step + 0.5) / steps)) / 2
        gradients = torch.autograd.grad(loss(order.rows(step)), parameters)
        for i, (x, g) in enumerate(zip(parameters, gradients, strict=True)):
            moved[i] = 0.9 * moved[i] + g
            x.data -= now * rates[i] * moved[i]


def test_neighbours_are_counted_and_weighed_by_hand(examples: Examples) -> None:
    network = encoder()
    found = NeighboursConfig((20, 200), temperature=0.1).accuracies(network, examples)
    assert list(found) == ["knn-20", "knn-200"]
    with torch.no_grad():
        one, two = (
            nn.functional.normalize(network.eval()(images(x)), dim=1)
            for x in (examples.train, examples.test)
        )
    cosine = two.double() @ one.double().mT
    for k in (20, 200):
        right = 0
        for row, label in zip(cosine, examples.test.labels, strict=True):
            votes = [0.0] * CLASSES
            for j in row.argsort(descending=True)[:k]:
                votes[examples.train.labels[j]] += math.exp(float(row[j]) / 0.1)
            right += votes.index(max(votes)) == int(label)
        assert found[f"knn-{k}"] == pytest.approx(right / TEST, abs=1.5 / TEST)


def test_rows_keep_their_labels_in_any_order(examples: Examples) -> None:
    """As of a draw: rows of an evaluation are not sorted."""
    drawn = torch.randperm(TRAIN, generator=torch.Generator().manual_seed(1))
    labels = examples.train.labels[drawn]
    mixed = replace(examples, train=replace(examples.train, rows=drawn, labels=labels))
    rows, wanted = (x.features(RawPixels()) for x in (mixed, examples))
    assert torch.equal(rows.train, wanted.train[drawn])
    assert torch.equal(rows.train_labels, wanted.train_labels[drawn])


def test_a_linear_probe_is_softmax_regression_on_the_same_features(
    examples: Examples,
) -> None:
    network = encoder()
    config = LinearProbeConfig(
        SgdConfig(3.0, weight_decay=0.0, warm_up=0.0),
        rates=(0.5,),
        augment=unchanged(),
        epochs=20,
        batch_size=50,
    )
    found = config.accuracies(network, examples)
    with torch.no_grad():
        one, two = (network.eval()(images(x)) for x in (examples.train, examples.test))
    weight = torch.zeros(CLASSES, 12)
    weight.normal_(0.0, 0.01, generator=torch.Generator().manual_seed(0))
    weight.requires_grad_()
    bias = torch.zeros(CLASSES, requires_grad=True)

    def loss(rows: Tensor) -> Tensor:
        logits: Tensor = one[rows] @ weight.mT + bias
        wanted = examples.train.labels[rows]
        own = nn.functional.one_hot(wanted, CLASSES) * logits
        total: Tensor = torch.logsumexp(logits, 1) - own.sum(1)
        return total.mean()

    descend([weight, bias], loss, TRAIN, 20, 50, 3.0, [0.5, 0.5])
    guess = (two @ weight.mT + bias).argmax(1)
    expected = float((guess == examples.test.labels).double().mean())
    assert 0.5 < expected < 0.999
    assert found == {"linear": pytest.approx(expected, abs=1.5 / TEST)}


def test_the_rate_is_chosen_by_what_was_held_out(examples: Examples) -> None:
    """One of them is useless; the test has no say."""
    config = LinearProbeConfig(
        rates=(1e-9, 3.0, 1e12), held_out=0.25, augment=unchanged(), epochs=20
    )
    good = config.accuracies(RawPixels(), examples)["linear"]
    none = LinearProbeConfig(rates=(1e-9,), augment=unchanged(), epochs=1)
    bad = none.accuracies(RawPixels(), examples)["linear"]
    assert good > 0.9 > bad
    wrong = Labelled(
        examples.test.source, examples.test.rows, (examples.test.labels + 1) % CLASSES
    )
    other = config.accuracies(RawPixels(), Examples(examples.train, wrong, CPU))
    assert other["linear"] < 1 - good + 0.02


def test_a_probe_learns_from_views_and_is_measured_on_images(
    examples: Examples,
) -> None:
    seen: list[Tensor] = []

    class Watched(RawPixels):
        def forward(self, given: Tensor) -> Tensor:
            seen.append(given)
            return super().forward(given)

    config = LinearProbeConfig(rates=(1.0,), epochs=1, batch_size=TRAIN)
    config.accuracies(Watched(), examples)
    first, learnt, *measured = seen
    assert torch.equal(first, images(examples.train)[:2])
    assert learnt.shape == (TRAIN, 1, 8, 8)
    known = {x.numpy().tobytes() for x in images(examples.train)}
    assert not [x for x in learnt if x.numpy().tobytes() in known]
    assert torch.equal(torch.cat(measured), images(examples.test))


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_fine_tuning_is_sgd_on_all_weights(examples: Examples, share: float) -> None:
    network = encoder().eval()
    config = FineTuningConfig(
        ("50%",),
        (10,),
        least_steps=1,
        encoder_rate=share,
        optimizer=SgdConfig(2.0, weight_decay=0.0, warm_up=0.0),
        augment=unchanged(),
        batch_size=30,
    )
    found = config.accuracies(network, examples)
    tuned = copy.deepcopy(network).train()
    head = nn.Linear(12, CLASSES)
    head.weight.data.normal_(0.0, 0.01, generator=torch.Generator().manual_seed(0))
    head.bias.data.zero_()
    kept = label_subset(examples.train.labels, "50%", 0) >= 0
    pixels, labels = images(examples.train)[kept], examples.train.labels[kept]
    own = list(tuned.parameters())

    def loss(rows: Tensor) -> Tensor:
        return nn.functional.cross_entropy(head(tuned(pixels[rows])), labels[rows])

    rates = [share] * len(own) + [1.0, 1.0]
    descend([*own, *head.parameters()], loss, 60, 10, 30, 2.0, rates)
    guess = head(tuned.eval()(images(examples.test))).argmax(1)
    expected = float((guess == examples.test.labels).double().mean())
    assert 0.45 < expected < 0.999
    assert found == {"fine-tuned@50%": pytest.approx(expected, abs=3.5 / TEST)}


def test_few_labels_are_few_and_draws_are_averaged(examples: Examples) -> None:
    network = encoder()
    base = FineTuningConfig(("6", "50%"), (3, 3), 3, augment=unchanged(), draws=2)
    found = base.accuracies(network, examples)
    assert list(found) == ["fine-tuned@6", "fine-tuned@50%"]
    assert base.accuracies(network, examples) == found


class Summed(FineTuningConfig):
    """Instead of an accuracy the numbers of the labelled images, added up."""

    def _accuracy(
        self, encoder: nn.Module, examples: Examples, few: Labelled, epochs: int
    ) -> float:
        return float(few.rows.sum())


def test_an_accuracy_is_the_mean_over_draws(examples: Examples) -> None:
    each = [int(examples.train.of_amount("6", draw).rows.sum()) for draw in range(3)]
    assert len(set(each)) == 3
    found = Summed(("6",), (3,), draws=3).accuracies(encoder(), examples)
    assert found == {"fine-tuned@6": pytest.approx(sum(each) / 3)}


PROTOCOLS = [
    NeighboursConfig((3,)),
    LinearProbeConfig(epochs=1),
    FineTuningConfig(("20",), (1,), 1, optimizer=SgdConfig(1.0, fall=Level())),
]


@pytest.mark.parametrize("config", PROTOCOLS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("training", [True, False])
def test_the_encoder_is_left_as_it_is(
    config: ProtocolConfig, training: bool, examples: Examples
) -> None:
    """Weights, statistics of batch norm, mode, gradients and random numbers."""
    assert isinstance(config, ProtocolConfig)
    network = ResNetConfig(width=2, precision=Precision.FLOAT32, stem=Stem.SMALL).build(
        (1, 8, 8)
    )
    network.train(training)
    network.body.bn1.eval()  # type: ignore[union-attr]  # by somebody
    modes = [x.training for x in network.modules()]
    before = {name: x.clone() for name, x in network.state_dict().items()}
    drawn = torch.get_rng_state()
    found = config.accuracies(network, examples)
    assert all(0 <= x <= 1 for x in found.values())
    assert [x.training for x in network.modules()] == modes
    after = network.state_dict()
    assert all(torch.equal(x, after[name]) for name, x in before.items())
    assert all(x.requires_grad and x.grad is None for x in network.parameters())
    assert not any(hasattr(x, "pace") for x in network.parameters())
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_frozen_encoder_is_tuned_all_the_same(examples: Examples) -> None:
    config = FineTuningConfig(("90",), (4,), 4, optimizer=SgdConfig(2.0, warm_up=0.0))
    frozen = encoder().freeze()
    assert config.accuracies(frozen, examples) == config.accuracies(encoder(), examples)
    assert frozen.frozen


def test_few_images_are_seen_more_often(examples: Examples) -> None:
    """Nine images in a batch: one pass of them would be one step."""
    rate = SgdConfig(20.0, weight_decay=0.0, warm_up=0.0)
    often, once = (
        FineTuningConfig(("9",), (1,), x, optimizer=rate, augment=unchanged())
        for x in (40, 1)
    )
    again = FineTuningConfig(("9",), (40,), 1, optimizer=rate, augment=unchanged())
    network = encoder()
    assert often.accuracies(network, examples) == again.accuracies(network, examples)
    assert often.accuracies(network, examples) != once.accuracies(network, examples)


def test_nothing_is_tuned_where_nothing_can_learn(examples: Examples) -> None:
    assert FineTuningConfig().accuracies(RawPixels(), examples) == {}


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 amounts of labels and 1 numbers"):
        FineTuningConfig(epochs=(1,))
    with pytest.raises(ConfigError, match="'few' is no amount"):
        FineTuningConfig(amounts=("few", "10%"))
    with pytest.raises(ConfigError, match="encoder_rate must be above 0"):
        FineTuningConfig(encoder_rate=0.0)
    with pytest.raises(ConfigError, match="rates must be some numbers above 0"):
        LinearProbeConfig(rates=())
    with pytest.raises(ConfigError, match="held_out must be above 0 and below 1"):
        LinearProbeConfig(held_out=1.0)
    with pytest.raises(ConfigError, match="temperature must be above 0"):
        NeighboursConfig(temperature=0.0)
    with pytest.raises(ValueError, match="neighbours"):
        NeighboursConfig((0,))
