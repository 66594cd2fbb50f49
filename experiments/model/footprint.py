"""What the training of a world model will hold in memory, from its config alone."""

from functools import partial

import torch
from torch import Tensor

from experiments.model.build import build_model
from experiments.model.config import TrainModelConfig
from experiments.sources.source import Offered
from ssl_objectives.distributed import num_processes
from ssl_objectives.encoders.planned import planned_for
from ssl_objectives.footprint.networks import training_bytes, without_memory
from ssl_objectives.footprint.peak import peak_bytes
from ssl_objectives.footprint.plan import MemoryPlan
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory


def plan_model(
    config: TrainModelConfig, offered: Offered, device: torch.device
) -> MemoryPlan:
    """A batch, networks and activations of one process on a device.

    Nothing large is allocated: a model without memory goes through the loss of one
    batch, there and back. Where a part looks at its values, which are not there,
    activations are left out; so are the worlds and what operations take for themselves.

    Raises:
        ConfigError: parts that do not fit together.
    """
    build = partial(build_model, config, offered)
    with planned_for(device), torch.random.fork_rng(devices=[]):
        model = without_memory(build)
        traj = _blank(config, offered, model)
        for x in model.parameters():
            if x.requires_grad:  # gradients are counted with the networks
                x.grad = torch.zeros_like(x)
        try:
            activations = peak_bytes(partial(_there_and_back, config, model, traj))
        except Exception:  # parts fail in any way on tensors without values
            activations = 0
    rows = sum(x.nbytes for x in vars(traj).values() if isinstance(x, Tensor))
    return (
        MemoryPlan()
        .add("a batch", rows, "--batch-size or --num-steps")
        .add(
            "networks and Adam",
            training_bytes(model),
            "sizes such as --encoder.size",
        )
        .add("activations", activations, "--batch-size or --num-steps")
    )


def _there_and_back(
    config: TrainModelConfig, model: LatentDynamics, traj: Trajectory
) -> None:
    carry = model.start(traj.first.shape[1])
    model.loss(traj, carry, burn_in=config.burn_in).mean().backward()


def _blank(
    config: TrainModelConfig, offered: Offered, model: LatentDynamics
) -> Trajectory:
    """A batch as the source gives them, all zero, where the model lies."""
    device = next(model.parameters()).device
    num_envs = config.batch_size // num_processes()
    batch = (config.num_steps, num_envs)
    rows = (config.num_steps + 1, num_envs)

    def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=device)

    action = model.belief.embedding.none(num_envs)
    return Trajectory(
        action=action.expand(config.num_steps, *action.shape).clone(),
        reward=zeros(*batch),
        terminated=zeros(*batch, dtype=torch.bool),
        truncated=zeros(*batch, dtype=torch.bool),
        obs=zeros(*rows, *offered.obs_shape, dtype=torch.uint8),
        first=zeros(*rows, dtype=torch.bool),
        vector=zeros(*rows, offered.vector_size) if offered.vector_size else None,
    )
