"""A minibatch of PPO, cut out of a rollout."""

from dataclasses import dataclass

from jaxtyping import Float32, Int64
from torch import Tensor

from agents.experience import Experience
from agents.policy.ppo import Mixed, PpoBatch
from world_models.belief import Carry
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Minibatch:
    """All T steps of some envs of a rollout.

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
