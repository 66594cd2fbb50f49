"""`--recipe`: what it sets, what is told of it, and what is refused."""

import pytest

from experiments.pretrain.presets import pretrain_config
from experiments.pretrain.recipes import differences, notes_of_recipe
from ssl_objectives.learn.lars import LarsConfig
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.learn.schedule import Stairs
from ssl_objectives.recipes import ON_IMAGENET, RECIPES
from ssl_objectives.refusal import ConfigError


@pytest.mark.parametrize("name", ON_IMAGENET)
def test_the_papers_size_changes_nothing(name: str) -> None:
    config = pretrain_config(name, size="paper", recipe="imagenet")
    recipe = ON_IMAGENET[name]
    assert differences(recipe, config) == {}
    assert (config.method, config.encoder) == (recipe.method, recipe.encoder)
    assert (config.steps, config.batch_size) == (recipe.steps, recipe.batch_size)
    notes = list(notes_of_recipe(config))
    assert notes[0] == f"recipe: {recipe.source}"
    assert [x for x in notes if "not as published" in x]
    assert not [x for x in notes if "changed" in x]


def test_a_laptop_says_what_it_changes() -> None:
    config = pretrain_config("byol", recipe="imagenet")
    usual = pretrain_config("byol")
    assert (config.steps, config.batch_size) == (usual.steps, usual.batch_size)
    assert config.encoder == usual.encoder
    assert config.optimizer == ON_IMAGENET["byol"].optimizer
    assert config.rate_per == 256
    notes = "\n".join(notes_of_recipe(config))
    assert "changed here: batch_size 4,096 → 192" in notes
    assert "changed here: steps 312,000 → 300" in notes
    assert "changed here: encoder ResNet → SmallCnn" in notes
    assert "method.decay 0.996 → 0.8" in notes
    assert "optimizer" not in notes


def test_runs_without_a_recipe_are_told_nothing() -> None:
    config = pretrain_config("byol")
    assert list(notes_of_recipe(config)) == []
    assert isinstance(config.optimizer, AdamWConfig)
    assert config.rate_per == 0


def test_what_is_asked_for_stands_above_the_recipe() -> None:
    config = pretrain_config(
        "simclr", recipe="imagenet", optimizer="adamw", fall="stairs", encoder="vit"
    )
    assert config.optimizer == AdamWConfig(fall=Stairs())
    assert config.rate_per == 0  # the rate is AdamW's own
    whole = pretrain_config("simclr", recipe="imagenet", fall="stairs")
    assert isinstance(whole.optimizer, LarsConfig)
    assert whole.optimizer.fall == Stairs()
    assert whole.rate_per == 256


def test_cifar10_has_its_own() -> None:
    config = pretrain_config("simclr", recipe="cifar10", size="paper")
    assert config.rate_per == 0
    assert config.optimizer.rate(0.01) == pytest.approx(1.0)
    assert config.steps == RECIPES["cifar10"]["simclr"].steps


def test_methods_without_one_are_refused_and_told_which_have() -> None:
    with pytest.raises(ConfigError, match="no setting of 'st-dim', but of simclr"):
        pretrain_config("st-dim", recipe="imagenet")
    with pytest.raises(ConfigError, match="there is no 'imagnet'"):
        pretrain_config("byol", recipe="imagnet")


def test_the_papers_size_needs_a_paper() -> None:
    with pytest.raises(ConfigError, match="--recipe imagenet or --recipe cifar10"):
        pretrain_config("byol", size="paper")
