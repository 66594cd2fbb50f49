"""What a training run will hold in memory, from its config alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from envs.vector_env import EnvSpec
from experiments.memory import MemoryPlan, tensor_bytes, training_bytes
from experiments.train_config import TrainConfig
from ssl_objectives.encoders import Encoder
from ssl_objectives.precision import CPU_CHUNK

T = TypeVar("T")


def plan_training(config: TrainConfig, device: torch.device) -> MemoryPlan:
    """Rollout, replay, networks and activations of one run on a device.

    Nothing large is allocated: worlds are asked about themselves in a batch of one, and
    networks are built without memory. Emulators' own memory is left out.

    Raises:
        ValueError: parts that do not fit together.
    """
    world = config.world.build(1, "cpu")
    spec = replace(world.spec, num_envs=config.num_envs)
    world.close()
    ppo, num_envs = config.agent.ppo, config.num_envs
    rows = (ppo.num_steps + 1) * num_envs
    frames = tensor_bytes((rows, *spec.obs_shape), torch.uint8)
    actor = _without_memory(lambda: config.agent.build_actor(spec, config.model, 2))
    belief, encoder = actor.belief, actor.belief.encoder
    networks = training_bytes(actor) + _curiosity_bytes(config, spec)

    minibatch = ppo.num_steps * num_envs // ppo.num_minibatches
    each = activation_bytes(encoder, device)
    # the frames of a minibatch are cut out of the rollout, and stacked
    stacked = minibatch * tensor_bytes(encoder.image_shape, torch.uint8)
    learning = 2 * minibatch * each + stacked
    if actor.world_model is not None:
        # each of K steps keeps gates (3 S), belief and prediction, and their gradients
        kept = 4 * belief.size + 2 * encoder.size
        learning += 2 * minibatch * actor.world_model.horizon * 4 * kept
    # whole rollouts are encoded for targets and rewards, layer by layer
    at_once = rows if device.type == "cuda" else min(rows, CPU_CHUNK)
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


def activation_bytes(encoder: Encoder, device: torch.device) -> int:
    """Bytes of all layers' outputs for one image, in the encoder's number format."""
    seen = 0

    def count(layer: nn.Module, inputs: object, output: object) -> None:
        nonlocal seen
        if isinstance(output, torch.Tensor):
            seen += output.numel()

    layers = [x for x in encoder.body.modules() if not list(x.children())]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        image = torch.zeros(1, *encoder.image_shape, device="meta")
        with torch.no_grad():
            encoder.body.to("meta")(image)
    finally:
        for hook in hooks:
            hook.remove()
    inputs = image.numel()
    return (seen + inputs + encoder.size) * encoder.precision.dtype(device).itemsize


def _curiosity_bytes(config: TrainConfig, spec: EnvSpec) -> int:
    curiosity = config.curiosity
    if curiosity is None:
        return 0
    discount = config.agent.intrinsic.discount
    signal = _without_memory(
        lambda: curiosity.build(spec.obs_shape, spec.num_envs, discount)
    )
    return training_bytes(signal)


def _without_memory(build: Callable[[], T]) -> T:
    """Build networks as shapes alone; for real where a part looks at its values."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return build()
        except (NotImplementedError, RuntimeError):
            return build()
