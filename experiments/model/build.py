"""The world model of a config, for what a source offers."""

from collections.abc import Mapping
from typing import Any

import torch

from agents.seeds import Seeds
from envs.vector_env import ContinuousActions, DiscreteActions
from experiments.model.config import TrainModelConfig
from experiments.sources.source import Offered
from ssl_objectives.refusal import ConfigError
from world_models.belief import build_belief, checked
from world_models.latent_dynamics import LatentDynamics


def build_model(config: TrainModelConfig, offered: Offered) -> LatentDynamics:
    """Build it on the CPU; the seed fixes its weights.

    Raises:
        ConfigError: parts that do not fit together.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(Seeds.of(config.seed).weights)
            belief = build_belief(
                config.encoder,
                config.core,
                offered.obs_shape,
                offered.actions,
                config.action_size,
                offered.vector_size,
            )
            model = config.model.build(belief)
        return checked(model, LatentDynamics, config.model)
    except ValueError as error:  # the parts' way of saying what does not fit
        raise ConfigError(str(error)) from error


def offered_state(offered: Offered) -> dict[str, Any]:
    """What a checkpoint keeps of it, to build the model without a source."""
    space = offered.actions
    if isinstance(space, DiscreteActions):
        actions: dict[str, Any] = {"n": space.n}
    else:
        assert isinstance(space, ContinuousActions)
        actions = {"low": list(space.low), "high": list(space.high)}
    return {
        "obs_shape": list(offered.obs_shape),
        "actions": actions,
        "vector_size": offered.vector_size,
        "facts": list(offered.facts),
    }


def offered_of(state: Mapping[str, Any]) -> Offered:
    """What `offered_state` gave."""
    channels, height, width = state["obs_shape"]
    actions: Any = state["actions"]
    space: DiscreteActions | ContinuousActions
    if "n" in actions:
        space = DiscreteActions(actions["n"])
    else:
        space = ContinuousActions(tuple(actions["low"]), tuple(actions["high"]))
    return Offered(
        (channels, height, width),
        space,
        state["vector_size"],
        tuple(state["facts"]),
    )
