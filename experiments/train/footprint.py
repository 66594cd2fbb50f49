"""What a training run will hold in memory, from its config alone."""

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from functools import partial

import torch
from torch import Tensor

from agents.agent import Agent
from agents.agent_config import AgentConfig
from envs.vector_env import EnvSpec
from experiments.train.activations import followed, scaled
from experiments.train.config import TrainConfig
from experiments.train.rehearsal import NoWorlds, blank_experience
from ssl_objectives.distributed import num_processes
from ssl_objectives.encoders.planned import planned_for
from ssl_objectives.footprint.networks import training_bytes, without_memory
from ssl_objectives.footprint.plan import MemoryPlan


def plan_training(config: TrainConfig, device: torch.device) -> MemoryPlan:
    """Rollout, replay, networks and activations of one run on a device.

    Of several processes, those of one.

    Nothing large is allocated: worlds are asked about themselves in a batch of one, and
    an agent without memory goes through one rollout's rewards and one minibatch, there
    and back. So parts from outside are counted like ours. Where a part looks at its
    values, a few envs are run for real on the CPU, and scaled: what grows with the
    square of the rows is then missing.

    Left out: the worlds' own memory, what operations take for themselves while they
    run, and what follows a gradient step (`after_update`).

    Raises:
        ValueError: parts that do not fit together.
    """
    world = config.place.build(1, "cpu")
    num_envs = config.num_envs // num_processes()
    spec = replace(world.spec, num_envs=num_envs, device=torch.device("meta"))
    world.close()
    # compiled code would be traced instead of run
    config = replace(config, agent=config.agent.uncompiled())
    build = partial(_agent, config)
    with planned_for(device), torch.random.fork_rng(devices=[]):
        agent = build(config.agent, spec)
        experience = blank_experience(agent)
        # the next rollout's context is cut out while this one's is still there
        rollout = _bytes(experience) + _bytes(experience.context)
        try:
            activations = followed(config.agent, spec, build)
        except Exception:  # parts fail in any way on tensors without values
            activations = scaled(config.agent, spec, build, device)
    stored = _bytes(experience.traj) + _bytes(experience.carry)
    levers = config.agent.levers
    plan = (
        MemoryPlan()
        .add("rollout", rollout, levers.rollout)
        .add(
            "networks and Adam",
            training_bytes(agent.modules),
            "sizes such as --agent.encoder.size; --num-envs, of what signals remember",
        )
        .add("activations", activations, levers.activations)
    )
    if agent.rollouts_kept:
        plan = plan.add("replay", agent.rollouts_kept * stored, levers.replay)
    return plan


def _agent(config: TrainConfig, agent: AgentConfig, spec: EnvSpec) -> Agent:
    """An agent in worlds that are not there."""
    build = partial(
        agent.build,
        NoWorlds(spec),
        config.model,
        config.curiosity,
        config.seed,
        config.also,
        config.env_steps,
    )
    return build() if spec.device.type == "cpu" else without_memory(build)


def _bytes(part: object) -> int:
    """Bytes of all tensors in a tree of dataclasses and mappings."""
    if isinstance(part, Tensor):
        return part.nbytes
    if is_dataclass(part):
        return sum(_bytes(x) for x in vars(part).values())
    if isinstance(part, Mapping):
        return sum(_bytes(x) for x in part.values())
    return 0
