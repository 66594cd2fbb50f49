"""What a training run will hold in memory, from its config alone."""

import torch
from torch import nn

from envs.vector_env import EnvSpec
from experiments.memory import MemoryPlan, tensor_bytes, training_bytes
from experiments.train_config import TrainConfig
from ssl_objectives.encoders import Encoder


def plan_training(config: TrainConfig, spec: EnvSpec) -> MemoryPlan:
    """Rollout, replay, networks and activations of one run."""
    ppo, num_envs = config.agent.ppo, spec.num_envs
    rows = (ppo.num_steps + 1) * num_envs
    frames = tensor_bytes((rows, *spec.obs_shape), torch.uint8)
    with torch.random.fork_rng(devices=[]):
        actor = config.agent.build_actor(spec, config.model, 2)
    minibatch = ppo.num_steps * num_envs // ppo.num_minibatches
    active = minibatch * activation_bytes(actor.belief.encoder)
    size = actor.belief.size + actor.belief.encoder.size
    if actor.world_model is not None:
        # each of K steps keeps gates (3 S), belief and prediction, and their gradients
        horizon = actor.world_model.horizon
        each = 4 * actor.belief.size + 2 * actor.belief.encoder.size
        active += 2 * minibatch * horizon * tensor_bytes((each,), torch.float32)
    plan = (
        MemoryPlan()
        .add("rollout frames", frames, "--num-envs or --agent.ppo.num-steps")
        .add("beliefs and targets", tensor_bytes((rows, size), torch.float32))
        .add("networks and Adam", training_bytes(actor), "--agent.encoder.size")
        .add("activations", active, "more --agent.ppo.num-minibatches")
    )
    capacity = config.agent.replay.capacity
    if capacity:
        plan = plan.add("replay", capacity * frames, "--agent.replay.capacity")
    return plan


def activation_bytes(encoder: Encoder) -> int:
    """Bytes of activations and their gradients that one image needs in training."""
    seen = 0

    def count(layer: nn.Module, inputs: object, output: object) -> None:
        nonlocal seen
        if isinstance(output, torch.Tensor):
            seen += output.nbytes

    leaves = [x for x in encoder.modules() if not list(x.children())]
    hooks = [layer.register_forward_hook(count) for layer in leaves]
    try:
        with torch.no_grad():
            encoder(torch.zeros(1, *encoder.image_shape, dtype=torch.uint8))
    finally:
        for hook in hooks:
            hook.remove()
    return 2 * seen
