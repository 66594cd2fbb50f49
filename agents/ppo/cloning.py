"""Behaviour cloning: a policy learns to do what was done in demonstrations."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from agents.descent import Descent
from agents.metrics import Metrics
from agents.policy.actor_critic import ActionDistribution, Categorical
from agents.policy.ppo import masked_mean
from agents.ppo.actor import Actor
from world_models.trajectory import Trajectory


@final
class Cloning:
    """Gradient steps on `-E log π(a | b)` over what others did (Pomerleau 1991).

    Beliefs learn with the policy, and the moments of a vector follow; values do not
    learn: nobody says what demonstrations were worth. The optimiser is its own, so that
    reinforcement begins with a fresh one.

    Args:
        actor: whose policy, and belief, learn.
        learning_rate: of Adam.
        max_grad_norm: the gradient is scaled down to this norm.
        burn_in: first transitions of each trajectory, that only bring memory up to
            date: most begin in the middle of an episode.
        shapes_belief: whether the belief learns, too.
    """

    def __init__(
        self,
        actor: Actor,
        learning_rate: float = 1e-3,
        max_grad_norm: float = 0.5,
        burn_in: int = 0,
        shapes_belief: bool = True,
    ) -> None:
        self.actor, self.burn_in = actor, burn_in
        self.shapes_belief = shapes_belief
        learners = [actor.policy, actor.belief] if shapes_belief else [actor.policy]
        self.descent = Descent(learners, learning_rate, max_grad_norm)

    def step(self, traj: Trajectory) -> Metrics:
        """One gradient step; tells of it `imitation/loss`, and `imitation/agreement`.

        That is in how much of the transitions the likeliest action was the one that was
        done, where actions are discrete; of those before the step.
        """
        self.actor.train()
        loss, told = self._told(traj)
        self.descent.step(loss)
        self.actor.belief.follow(traj)
        return told

    @torch.no_grad()
    def measure(self, traj: Trajectory) -> Metrics:
        """The same without a step, in evaluation mode."""
        was_training = self.actor.training
        self.actor.eval()
        told = self._told(traj)[1]
        self.actor.train(was_training)
        return told

    def _told(self, traj: Trajectory) -> tuple[Float32[Tensor, ""], Metrics]:
        belief, start = self.actor.belief, self.actor.start(traj.first.shape[1])
        traj, carry = belief.behind_burn_in(traj, start, self.burn_in)
        believed = belief.along(traj, carry).belief
        distribution, _ = self.actor.policy(
            believed if self.shapes_belief else believed.detach()
        )
        loss = masked_mean(-distribution.log_prob(traj.action), traj.valid)
        told = {"imitation/loss": loss.detach()}
        right = _agreed(distribution, traj)
        if right is not None:
            told["imitation/agreement"] = masked_mean(right.float(), traj.valid)
        return loss, told


def _agreed(
    distribution: ActionDistribution, traj: Trajectory
) -> Bool[Tensor, "T B"] | None:
    """Where the likeliest action is the one that was done; None of real numbers."""
    if not isinstance(distribution, Categorical):
        return None
    return distribution.mode() == traj.action
