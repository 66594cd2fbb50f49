"""What a training run will hold in memory, from its config alone."""

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from functools import partial

import torch
from torch import Tensor

from agents.curious_agent import CuriousAgent
from envs.vector_env import EnvSpec
from experiments.train.config import TrainConfig
from experiments.train.rehearsal import NoWorlds, blank_experience
from ssl_objectives.encoders.planned import planned_for
from ssl_objectives.footprint.networks import training_bytes, without_memory
from ssl_objectives.footprint.peak import peak_bytes
from ssl_objectives.footprint.plan import MemoryPlan

# Envs of a minibatch up to which memory is followed. From the first number on it grows
# along a line: all groups of rows that a world model compares are full (512 rows).
_FULL, _MOST = 512, 768
# What is run for real where a part looks at its values: steps, and envs of a minibatch.
_FEW_STEPS, _FEW_ENVS = 8, (4, 8)
_CPU = torch.device("cpu")


def plan_training(config: TrainConfig, device: torch.device) -> MemoryPlan:
    """Rollout, replay, networks and activations of one run on a device.

    Nothing large is allocated: worlds are asked about themselves in a batch of one, and
    an agent without memory goes through one rollout's rewards and one minibatch, there
    and back. So parts from outside are counted like ours. Where a part looks at its
    values, a few envs over a few steps are run for real on the CPU, and scaled: what
    grows with the square of the rows is then missing.

    Left out: the worlds' own memory, what operations take for themselves while they
    run, and what follows a gradient step (`after_update`).

    Raises:
        ValueError: parts that do not fit together.
    """
    world = config.world.build(1, "cpu")
    spec = replace(world.spec, num_envs=config.num_envs, device=torch.device("meta"))
    world.close()
    # compiled code would be traced instead of run
    config = replace(config, agent=replace(config.agent, compile=False))
    with planned_for(device), torch.random.fork_rng(devices=[]):
        agent = _agent(config, spec)
        experience = blank_experience(agent)
        # the next rollout's context is cut out while this one's is still there
        rollout = _bytes(experience) + _bytes(experience.context)
        try:
            activations = _activations(config, spec)
        except Exception:  # parts fail in any way on tensors without values
            activations = _scaled(config, spec, device)
    stored = _bytes(experience.traj) + _bytes(experience.carry)
    more = "--num-envs or --agent.ppo.num-steps"
    plan = (
        MemoryPlan()
        .add("rollout", rollout, more)
        .add(
            "networks and Adam",
            training_bytes(agent.modules),
            "sizes such as --agent.encoder.size; --num-envs, of what signals remember",
        )
        .add(
            "activations",
            activations,
            "--num-envs, or raise --agent.ppo.num-minibatches",
        )
    )
    capacity = config.agent.replay.capacity
    if capacity:
        plan = plan.add("replay", capacity * stored, "--agent.replay.capacity")
    return plan


def _activations(config: TrainConfig, spec: EnvSpec) -> int:
    """Bytes made on the way to rewards, and to gradients, that are held at once."""
    num = config.agent.ppo.num_minibatches
    each = spec.num_envs // num
    if each <= _MOST:
        return _rehearsed(_agent(config, spec))
    full, most = (
        _rehearsed(_agent(config, replace(spec, num_envs=num * envs)))
        for envs in (_FULL, _MOST)
    )
    return full + (most - full) * (each - _FULL) // (_MOST - _FULL)


def _scaled(config: TrainConfig, spec: EnvSpec, device: torch.device) -> int:
    """The same along a line, through a few envs that are run for real."""
    ppo = config.agent.ppo
    overlap = _agent(config, spec).collector.overlap
    steps = max(overlap, min(ppo.num_steps, _FEW_STEPS))
    few = replace(config.agent, ppo=replace(ppo, num_steps=steps))
    each = spec.num_envs / ppo.num_minibatches
    held = []
    for envs in _FEW_ENVS:
        share = min(1.0, steps * envs / (ppo.num_steps * each))
        here = replace(spec, num_envs=envs * ppo.num_minibatches, device=_CPU)
        with planned_for(device, share):
            held.append(_rehearsed(_agent(replace(config, agent=few), here)))
    slope = (held[1] - held[0]) / (_FEW_ENVS[1] - _FEW_ENVS[0])
    # what does not grow with the rows is there once: copies of weights, say
    once = max(0.0, held[0] - slope * _FEW_ENVS[0])
    return round(once + slope * each * ppo.num_steps / steps)


def _agent(config: TrainConfig, spec: EnvSpec) -> CuriousAgent:
    """The agent of a config in worlds that are not there."""
    build = partial(
        config.agent.build,
        NoWorlds(spec),
        config.model,
        config.curiosity,
        config.seed,
        config.also,
    )
    return build() if spec.device.type == "cpu" else without_memory(build)


def _rehearsed(agent: CuriousAgent) -> int:
    experience = blank_experience(agent)
    for x in agent.modules.parameters():
        if x.requires_grad:  # gradients are counted with the networks
            x.grad = torch.zeros_like(x)
    return peak_bytes(partial(agent.rehearse, experience))


def _bytes(part: object) -> int:
    """Bytes of all tensors in a tree of dataclasses and mappings."""
    if isinstance(part, Tensor):
        return part.nbytes
    if is_dataclass(part):
        return sum(_bytes(x) for x in vars(part).values())
    if isinstance(part, Mapping):
        return sum(_bytes(x) for x in part.values())
    return 0
