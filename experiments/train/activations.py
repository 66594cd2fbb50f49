"""What a training step holds beside what is there anyway, as agents are rehearsed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, singledispatch

import torch

from agents.agent import Agent
from agents.agent_config import AgentConfig
from agents.ppo.build import PpoAgentConfig
from envs.vector_env import EnvSpec
from experiments.train.rehearsal import blank_experience
from ssl_objectives.encoders.planned import planned_for
from ssl_objectives.footprint.peak import peak_bytes

# Envs of a minibatch up to which memory is followed. From the first number on it grows
# along a line: all groups of rows that a world model compares are full (512 rows).
_FULL, _MOST = 512, 768
# What is run for real where a part looks at its values: steps, and envs of a minibatch.
_FEW_STEPS, _FEW_ENVS = 8, (4, 8)
_CPU = torch.device("cpu")

Build = Callable[[AgentConfig, EnvSpec], Agent]
"""makes an agent of a config, in worlds that are not there"""


@singledispatch
def followed(config: AgentConfig, spec: EnvSpec, build: Build) -> int:
    """Bytes made on the way to rewards, and to gradients, that are held at once."""
    return _rehearsed(build(config, spec))


@followed.register
def _(config: PpoAgentConfig, spec: EnvSpec, build: Build) -> int:
    num = config.ppo.num_minibatches
    each = spec.num_envs // num
    if each <= _MOST:
        return _rehearsed(build(config, spec))
    full, most = (
        _rehearsed(build(config, replace(spec, num_envs=num * envs)))
        for envs in (_FULL, _MOST)
    )
    return full + (most - full) * (each - _FULL) // (_MOST - _FULL)


@singledispatch
def scaled(
    config: AgentConfig, spec: EnvSpec, build: Build, device: torch.device
) -> int:
    """The same, through a few envs that are run for real, and no less than it is.

    What is learned from does not grow with the envs, but is scaled with them here.
    """
    few = min(spec.num_envs, _FEW_ENVS[0])
    with planned_for(device, few / spec.num_envs):
        held = _rehearsed(build(config, replace(spec, num_envs=few, device=_CPU)))
    return round(held * spec.num_envs / few)


@scaled.register
def _(config: PpoAgentConfig, spec: EnvSpec, build: Build, device: torch.device) -> int:
    ppo = config.ppo
    overlap = build(config, spec).collector.overlap
    steps = max(overlap, min(ppo.num_steps, _FEW_STEPS))
    few = replace(config, ppo=replace(ppo, num_steps=steps))
    each = spec.num_envs / ppo.num_minibatches
    held = []
    for envs in _FEW_ENVS:
        share = min(1.0, steps * envs / (ppo.num_steps * each))
        here = replace(spec, num_envs=envs * ppo.num_minibatches, device=_CPU)
        with planned_for(device, share):
            held.append(_rehearsed(build(few, here)))
    slope = (held[1] - held[0]) / (_FEW_ENVS[1] - _FEW_ENVS[0])
    # what does not grow with the rows is there once: copies of weights, say
    once = max(0.0, held[0] - slope * _FEW_ENVS[0])
    return round(once + slope * each * ppo.num_steps / steps)


def _rehearsed(agent: Agent) -> int:
    experience = blank_experience(agent)
    for x in agent.modules.parameters():
        if x.requires_grad:  # gradients are counted with the networks
            x.grad = torch.zeros_like(x)
    return peak_bytes(partial(agent.rehearse, experience))
