"""Recipes: the published numbers, once more, and that each of them runs."""

from dataclasses import replace

import pytest
import torch

from ssl_objectives.encoders.cnn import ImpalaConfig
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.residual import Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.learn.decay import Decayed
from ssl_objectives.learn.lars import LarsConfig
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.recipes import ON_IMAGENET, RECIPES, Recipe
from ssl_objectives.zoo import ZOO

ALL = [(x, y) for x, each in RECIPES.items() for y in each]

# rate at the published batch, weight decay, batch, epochs, warm-up in epochs
PUBLISHED = {
    "simclr": (4.8, 1e-6, 4096, 100, 10),
    "byol": (3.2, 1.5e-6, 4096, 1000, 10),
    "swav-multi-crop": (4.8, 1e-6, 4096, 800, 10),
    "vicreg": (1.6, 1e-6, 2048, 1000, 10),
    "barlow-twins": (1.6, 1e-6, 2048, 1000, 10),
    "moco-v2": (0.03, 1e-4, 256, 200, 0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_imagenet_settings_are_the_published_ones(name: str) -> None:
    recipe = ON_IMAGENET[name]
    rate, decay, batch, epochs, warm = PUBLISHED[name]
    optimizer = recipe.optimizer
    assert isinstance(optimizer, LarsConfig | SgdConfig)
    assert optimizer.learning_rate * batch / recipe.rate_per == pytest.approx(rate)
    assert optimizer.weight_decay == decay
    assert (recipe.batch_size, recipe.epochs) == (batch, epochs)
    assert optimizer.warm_up * epochs == pytest.approx(warm)
    assert (optimizer.momentum, optimizer.max_norm) == (0.9, 0.0)
    assert isinstance(recipe.encoder, ResNetConfig)
    assert (recipe.encoder.depth, recipe.encoder.stem) == (50, Stem.IMAGENET)


def test_what_only_some_of_them_have() -> None:
    barlow, swav = (
        ON_IMAGENET[x].optimizer for x in ("barlow-twins", "swav-multi-crop")
    )
    assert isinstance(barlow, LarsConfig)
    assert barlow.spared_rate * barlow.learning_rate == pytest.approx(0.0048)
    assert barlow.rate(1.0) == pytest.approx(0.2 * 0.001)
    assert isinstance(swav, LarsConfig)
    assert swav.decayed is Decayed.ALL
    assert swav.rate(1.0) * 4096 / 256 == pytest.approx(0.0048)
    byol = ON_IMAGENET["byol"].method
    assert byol.decay == 0.996
    assert byol.projector == byol.predictor == Mlp(size=256, hidden=4096)


@pytest.mark.parametrize(("images", "name"), ALL)
def test_small_runs_keep_the_method(images: str, name: str) -> None:
    """Objective, views and their numbers; heads and queues are those of small runs."""
    recipe = RECIPES[images][name]
    assert type(recipe.small.objective) is type(recipe.method.objective)
    assert recipe.small.views == recipe.method.views
    assert recipe.small.projector == ZOO[name].projector
    assert recipe.steps == recipe.epochs * (recipe.images // recipe.batch_size)


@pytest.mark.parametrize(("images", "name"), ALL)
def test_each_trains(images: str, name: str) -> None:
    recipe = RECIPES[images][name]
    made = pretrainer(recipe)
    for _ in range(2):
        metrics = made.step(look=False)
        assert metrics["pretrain/loss"].isfinite()
    rate = recipe.optimizer.rate(1.5 / 4) * 2
    assert max(x["lr"] for x in made.optimizer.param_groups) == pytest.approx(rate)


def pretrainer(recipe: Recipe) -> Pretrainer:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (40, 3, 16, 16), generator=generator).byte()
    return Pretrainer(
        recipe.small,
        ResNetConfig(width=4, precision=Precision.FLOAT32),
        ArrayImages(pixels),
        None,
        Shuffled(40, 20, 0),
        recipe.optimizer,
        steps=4,
        device=torch.device("cpu"),
        seed=0,
        rate_factor=2.0,
    )


@pytest.mark.parametrize("name", ["byol", "swav-multi-crop"])
def test_published_heads_take_what_resnet_50_gives(name: str) -> None:
    recipe = ON_IMAGENET[name]
    with torch.device("meta"):
        head = recipe.method.projector.build(2048)
        assert head(torch.zeros(2, 2048)).shape == (
            2,
            recipe.method.projector.outputs(0),
        )


def test_heads_in_bf16_give_floats_and_nearly_the_same_loss() -> None:
    def first_step(autocast: Precision) -> tuple[float, torch.Tensor]:
        pixels = torch.randint(256, (24, 1, 16, 16)).byte()
        torch.manual_seed(0)
        made = Pretrainer(
            replace(ZOO["byol"], predictor=Mlp(hidden=64)),
            ImpalaConfig(24, (4, 6, 8), Precision.FLOAT32),
            ArrayImages(pixels),
            None,
            Shuffled(24, 24, 0),
            SgdConfig(),
            steps=4,
            device=torch.device("cpu"),
            seed=0,
            autocast=autocast,
        )
        loss = made.step()["pretrain/loss"]
        assert loss.dtype == torch.float32
        gradients = [x.grad for x in made.branches.online.parameters()]
        assert all(x is not None and x.dtype == torch.float32 for x in gradients)
        kept = torch.cat([x.flatten() for x in gradients if x is not None])
        return float(loss), kept

    torch.manual_seed(1)
    exact, toward = first_step(Precision.FLOAT32)
    torch.manual_seed(1)
    low, nearly = first_step(Precision.BFLOAT16)
    assert low != exact
    assert low == pytest.approx(exact, rel=0.02)
    assert float(torch.cosine_similarity(toward, nearly, dim=0)) > 0.95
