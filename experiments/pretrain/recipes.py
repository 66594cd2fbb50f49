"""`--recipe`: the published setting of a method, and what a run has otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.config.json import to_json
from experiments.pretrain.config import PretrainConfig
from ssl_objectives.recipes import RECIPES, Recipe
from ssl_objectives.refusal import ConfigError

_LONG = 60  # letters of a value that is told


def recipe_of(method: str, images: str) -> Recipe:
    """The published setting of a method.

    Args:
        method: its name.
        images: what it was trained on.

    Raises:
        ConfigError: none is known here; says of which methods there are some.
    """
    known = RECIPES[images]
    if method not in known:
        raise ConfigError(
            f"--recipe {images} has no setting of {method!r}, but of "
            f"{', '.join(known)}."
        )
    return known[method]


def notes_of_recipe(config: PretrainConfig) -> Iterator[str]:
    """What people are told of a run by a recipe: where it is from, and what differs."""
    recipe = RECIPES.get(config.published, {}).get(config.name)
    if recipe is None:
        return
    yield f"recipe: {recipe.source}"
    for sentence in recipe.differs:
        yield f"  not as published: {sentence}"
    for place, (theirs, ours) in differences(recipe, config).items():
        yield f"  changed here: {place} {_told(theirs)} → {_told(ours)}"


def differences(recipe: Recipe, config: PretrainConfig) -> dict[str, tuple[Any, Any]]:
    """What a run has otherwise than its recipe: values of both, by place.

    Of a part that is another one altogether, only its class.
    """
    published = {
        "encoder": to_json(recipe.encoder),
        "method": to_json(recipe.method),
        "optimizer": to_json(recipe.optimizer),
        "rate_per": recipe.rate_per,
        "batch_size": recipe.batch_size,
        "steps": recipe.steps,
    }
    found: dict[str, tuple[Any, Any]] = {}
    for name, theirs in published.items():
        ours = getattr(config, name)
        if isinstance(theirs, dict):
            ours = to_json(ours)
        _compare(theirs, ours, name, found)
    return found


def _compare(
    theirs: Any, ours: Any, place: str, found: dict[str, tuple[Any, Any]]
) -> None:
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        if theirs.get("type") != ours.get("type"):
            found[place] = _class(theirs), _class(ours)
            return
        for name in theirs:
            _compare(theirs[name], ours.get(name), f"{place}.{name}", found)
    elif theirs != ours:
        found[place] = theirs, ours


def _class(tree: Mapping[str, Any]) -> str:
    return str(tree.get("type", "")).rpartition(":")[2].removesuffix("Config")


def _told(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, Mapping):
        value = _class(value)
    return str(value)[:_LONG]
