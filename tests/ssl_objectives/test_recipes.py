"""Recipes: the published numbers, once more, and that each of them runs."""

from dataclasses import replace
from typing import Any

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
from ssl_objectives.methods.clusters.swav import SwavConfig
from ssl_objectives.methods.contrast.info_nce import SimClrConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.recipes import ON_IMAGENET, RECIPES, Recipe
from ssl_objectives.views.augment.preset import AugmentConfig
from ssl_objectives.views.maker import TwoViews
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


def test_objectives_have_the_published_numbers() -> None:
    methods = {name: x.method for name, x in ON_IMAGENET.items()}
    assert methods["simclr"].objective == SimClrConfig(temperature=0.1)
    assert methods["vicreg"].objective == VicRegConfig(25.0, 25.0, 1.0)
    assert methods["moco-v2"].objective == MoCoConfig(0.2, queue=65_536)
    assert methods["moco-v2"].decay == 0.999
    assert methods["swav-multi-crop"].objective == SwavConfig(
        prototypes=3000, temperature=0.1, eps=0.05, iterations=3, freeze=313
    )
    for name in ("vicreg", "barlow-twins"):
        assert methods[name].projector == Mlp(size=8192, hidden=8192, layers=3)
    for name in ("simclr", "swav-multi-crop", "moco-v2"):
        assert methods[name].projector == Mlp(size=128, hidden=2048)


def test_views_have_the_published_numbers() -> None:
    """Only BYOL's second view is solarised, and only its first always blurred."""
    views: dict[str, Any] = {name: x.method.views for name, x in ON_IMAGENET.items()}
    byol = AugmentConfig(
        *(1.0, 0, 0.08, 1.0, 0.5, 0.8),
        *(0.4, 0.4, 0.2, 0.1),  # brightness, contrast, saturation, hue
        gray=0.2,
        blur=1.0,
    )
    second = replace(byol, blur=0.1, solarize=0.2)
    for name in ("byol", "vicreg", "barlow-twins"):
        assert (views[name].first, views[name].second) == (byol, second)
    strong = replace(byol, brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)
    simclr = replace(strong, blur=0.5)
    assert views["simclr"].augment == simclr
    weak = replace(byol, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    assert views["moco-v2"].augment == replace(weak, crop=0.2, blur=0.5)
    swav = views["swav-multi-crop"]
    assert swav.augment == replace(simclr, crop=0.14)
    assert (swav.num_small, swav.small, swav.side) == (6, (0.05, 0.14), 96 / 224)


def test_cifar10_is_the_published_one() -> None:
    recipe = RECIPES["cifar10"]["simclr"]
    optimizer, views = recipe.optimizer, recipe.method.views
    assert isinstance(optimizer, LarsConfig)
    assert (optimizer.learning_rate, optimizer.weight_decay) == (1.0, 1e-4)
    assert (recipe.rate_per, recipe.batch_size, recipe.epochs) == (0, 512, 1000)
    assert optimizer.warm_up * recipe.epochs == 10
    assert recipe.method.objective == SimClrConfig(temperature=0.5)
    assert views == TwoViews(AugmentConfig(crop=0.08, hue=0.1))
    assert isinstance(recipe.encoder, ResNetConfig)
    assert recipe.encoder.stem is Stem.SMALL
    assert recipe.steps == 1000 * 97


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
