"""A rollout with all that learning from it needs, and minibatches cut from it."""

from dataclasses import dataclass

from jaxtyping import Float32, Shaped
from torch import Tensor

from world_models.belief import Carry
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Context:
    """The K-1 transitions before a rollout, with the carry before the first of them.

    Predictions made there land in the rollout: with them, its first transitions earn as
    many prediction losses as all others.
    """

    traj: Trajectory
    carry: Carry


@dataclass(frozen=True)
class Rollout:
    """A fresh rollout of T steps in B envs.

    Attributes:
        traj: what happened. carry: the belief's carry before row 0.
        belief: beliefs of rows 0 … T-1 as the policy saw them.
        log_prob: of the actions taken, under the policy that took them.
        value: of rows 0 … T, one per reward stream (V of them).
        context: the transitions before row 0, where asked for and already there.
    """

    traj: Trajectory
    carry: Carry
    belief: Float32[Tensor, "T B S"]
    log_prob: Float32[Tensor, "T B"]
    value: Float32[Tensor, "V T+1 B"]
    context: Context | None = None


@dataclass(frozen=True)
class Minibatch:
    """A minibatch of PPO: all T steps of some envs of a rollout.

    `target` are the world model's target latents, computed once per rollout.
    """

    traj: Trajectory
    carry: Carry
    log_prob: Float32[Tensor, "T b"]
    advantage: Float32[Tensor, "T b"]
    returns: Float32[Tensor, "V T b"]
    target: Float32[Tensor, "T+1 b D"] | None

    @staticmethod
    def of(
        rollout: Rollout,
        advantage: Float32[Tensor, "T B"],
        returns: Float32[Tensor, "V T B"],
        target: Float32[Tensor, "T+1 B D"] | None,
        envs: Shaped[Tensor, "b"],
    ) -> "Minibatch":
        """Cut some envs out of a rollout."""
        return Minibatch(
            rollout.traj.envs(envs),
            rollout.carry.envs(envs),
            rollout.log_prob[:, envs],
            advantage[:, envs],
            returns[:, :, envs],
            None if target is None else target[:, envs],
        )
