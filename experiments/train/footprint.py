"""What a training run will hold in memory, from its config alone."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from agents.actor import Actor
from agents.curiosity.signal import Curiosity
from agents.curiosity.signals import SignalConfig, build_signal
from envs.vector_env import EnvSpec
from experiments.train.config import TrainConfig
from ssl_objectives.encoders.chunks import CPU_CHUNK
from ssl_objectives.footprint.networks import (
    activation_bytes,
    tensor_bytes,
    training_bytes,
    without_memory,
)
from ssl_objectives.footprint.plan import MemoryPlan


def plan_training(config: TrainConfig, device: torch.device) -> MemoryPlan:
    """Rollout, replay, networks and activations of one run on a device.

    Nothing large is allocated: worlds are asked about themselves in a batch of one, and
    networks are built without memory. Left out, since only their authors know it: the
    worlds' own memory, and what curiosity computes on the way to its reward and loss.

    Raises:
        ValueError: parts that do not fit together.
    """
    world = config.world.build(1, "cpu")
    spec = replace(world.spec, num_envs=config.num_envs)
    world.close()
    ppo, num_envs = config.agent.ppo, config.num_envs
    rows = (ppo.num_steps + 1) * num_envs
    frames = tensor_bytes((rows, *spec.obs_shape), torch.uint8)
    num_values = 1 + len(config.signals)
    actor = without_memory(
        lambda: config.agent.build_actor(spec, config.model, num_values)
    )
    belief, encoder = actor.belief, actor.belief.encoder
    networks = training_bytes(actor) + _curiosity_bytes(config, spec, actor)

    minibatch = ppo.num_steps * num_envs // ppo.num_minibatches
    each = activation_bytes(encoder, device)
    # the frames of a minibatch are cut out of the rollout, and stacked
    stacked = minibatch * tensor_bytes(encoder.image_shape, torch.uint8)
    learning = 2 * minibatch * each + stacked
    # what a recurrent core holds on its way back, of which it keeps 7 numbers
    learning += 4 * minibatch * 19 * belief.core.memory_size
    model = actor.world_model
    if model is not None:
        # each of K steps keeps a belief and its gates (5 S); and the head's layers,
        # once more while the loss is taken, and their gradients
        layers = [x for x in model.predictor.modules() if isinstance(x, nn.Linear)]
        kept = 5 * belief.size + 3 * sum(x.out_features for x in layers)
        learning += 4 * minibatch * model.horizon * kept
    # whole rollouts are encoded for targets and rewards, layer by layer
    chunks = CPU_CHUNK * torch.get_num_threads()
    at_once = rows if device.type == "cuda" else min(rows, chunks)
    scoring = at_once * (each + 3 * tensor_bytes(spec.obs_shape, torch.float32))

    beliefs = tensor_bytes((rows, belief.size + encoder.size), torch.float32)
    plan = (
        MemoryPlan()
        .add("rollout frames", frames, "--num-envs or --agent.ppo.num-steps")
        .add("beliefs and targets", beliefs, "--num-envs or --agent.ppo.num-steps")
        .add("networks and Adam", networks, "sizes such as --agent.encoder.size")
        .add(
            "activations",
            max(learning, scoring),
            "--num-envs"
            if scoring > learning
            else "--num-envs, or raise --agent.ppo.num-minibatches",
        )
    )
    capacity = config.agent.replay.capacity
    if capacity:
        plan = plan.add("replay", capacity * frames, "--agent.replay.capacity")
    return plan


def _curiosity_bytes(config: TrainConfig, spec: EnvSpec, actor: Actor) -> int:
    def build(signal: SignalConfig) -> Curiosity:
        return build_signal(signal, spec, actor.belief, actor.world_model).curiosity

    return sum(
        training_bytes(without_memory(partial(build, x)))
        for x in config.signals.values()
    )
