"""A minibatch of PPO, cut out of a rollout."""

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from agents.experience import Experience
from agents.policy.ppo import Mixed, PpoBatch
from ssl_objectives.distributed import num_processes, own_rows
from world_models.belief import Carry
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Minibatch:
    """All T steps of some envs of a rollout, of this process.

    `target` are the world model's target latents, computed once per rollout.
    """

    traj: Trajectory
    carry: Carry
    ppo: PpoBatch
    target: Float32[Tensor, "R b D"] | None

    @staticmethod
    def of(
        experience: Experience,
        mixed: Mixed,
        streams: Int64[Tensor, "V"],
        target: Float32[Tensor, "R B D"] | None,
        envs: Int64[Tensor, "b"],
    ) -> "Minibatch":
        """Cut some envs out of a rollout, and leave out streams that are off."""
        traj = experience.traj.envs(envs)
        ppo = PpoBatch(
            traj.action,
            experience.extras["log_prob"][:, envs],
            mixed.advantage[:, envs],
            mixed.returns[streams][:, :, envs],
            traj.valid,
            mixed.value_valid[streams][:, :, envs],
        )
        return Minibatch(
            traj,
            experience.carry.envs(envs),
            ppo,
            None if target is None else target[:, envs],
        )


def drawn_envs(
    num_envs: int,
    num_minibatches: int,
    generator: torch.Generator,
    device: torch.device,
) -> tuple[Int64[Tensor, "b"], ...]:
    """The envs of each minibatch of an epoch, in which every env has its turn.

    `num_minibatches` neighbours go into a minibatch each, in random order. So all
    minibatches have equally many envs of each process, and are the same however many
    processes there are.

    Args:
        num_envs: of this process, whose numbers are given; a multiple of the
            minibatches.
        generator: in the same state in all processes.
    """
    groups = num_processes() * num_envs // num_minibatches
    drawn = torch.rand(groups, num_minibatches, generator=generator, device=device)
    begins = torch.arange(0, num_envs, num_minibatches, device=device)
    return (begins + own_rows(drawn.argsort(1), 0).T).unbind()
