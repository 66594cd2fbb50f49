"""What world model and signals make of experience: surprise, rewards, their losses."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import IntrinsicReward, Signal
from agents.experience import Experience
from agents.metrics import Metrics, of_model
from ssl_objectives.distributed import gathered_rows
from world_models.belief import Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import ModelLoss
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Studied:
    """What a minibatch teaches world model and signals; of all processes.

    Attributes:
        total: to be differentiated.
        losses: the world model's, that are in it.
        belief: of rows 0 … T-1, with gradient; None without any.
        metrics: for people.
    """

    total: Float32[Tensor, ""]
    losses: tuple[ModelLoss, ...]
    belief: Float32[Tensor, "T b S"] | None
    metrics: Metrics


class Appraiser:
    """A world model, if there is one, and the signals that look at it.

    Args:
        model: is scored and trained; who owns it is another matter.
        signals: curiosity, by name.
        model_coeff: weight of the model's loss.
    """

    def __init__(
        self,
        model: LatentDynamics | None,
        signals: Mapping[str, Signal],
        model_coeff: float = 1.0,
    ) -> None:
        self.model, self.model_coeff = model, model_coeff
        self.curious = {name: x.curiosity for name, x in signals.items()}

    @property
    def asks(self) -> bool:
        """Whether any signal pays what the model measures."""
        return any(x.needs_model for x in self.curious.values())

    @property
    def remembers(self) -> bool:
        """Whether the model, or a network of a signal's own, has a memory."""
        models = self.model is not None and self.model.belief.core.memory_size > 0
        return models or any(x.remembers for x in self.curious.values())

    @property
    def learns(self) -> bool:
        """Whether any of it can be trained."""
        modules = [*self.curious.values(), *filter(None, [self.model])]
        return any(p.requires_grad for x in modules for p in x.parameters())

    @torch.no_grad()
    def score(
        self,
        experience: Experience,
        belief: Float32[Tensor, "rows B S"] | None,
        aims: bool,
        envs_at_once: int | None = None,
    ) -> Scored:
        """A rollout, and what surprised the model, where anybody asks.

        Args:
            experience: with the model's own carries.
            belief: the model's, of rows 0 … T-1, or of the context's rows too.
            aims: what its predictions aim at is wanted, whoever asks for surprise.
            envs_at_once: scored together; None scores all at once.
        """
        model = self.model
        traj, carry, context = experience.traj, experience.carry, experience.context
        own = None if belief is None else belief[-traj.num_steps :]
        if model is None or not (self.asks or aims):
            return Scored(experience, own)
        target = model.targets(traj, carry)
        if not self.asks:
            return Scored(experience, own, target)
        loss = model.surprise(traj, carry, context, target, belief, envs_at_once)
        return Scored(experience, own, target, loss, envs_at_once)

    @torch.no_grad()
    def rewards(self, scored: Scored) -> dict[str, IntrinsicReward]:
        """What each signal pays."""
        return {name: x.reward(scored) for name, x in self.curious.items()}

    def study(
        self,
        traj: Trajectory,
        carry: Carry,
        generator: torch.Generator,
        target: Float32[Tensor, "R b D"] | None = None,
        belief: Float32[Tensor, "T b S"] | None = None,
        past: Trajectory | None = None,
    ) -> Studied:
        """The losses of model and signals on a minibatch: one forward pass, one sum.

        Each of several processes sees its own part; predictions are made, compared and
        averaged over all of it, as one process would.

        Args:
            traj, carry: the minibatch, of this process.
            generator: of all draws.
            target: what `LatentDynamics.targets` gave, where it is known.
            belief: where there is no model, what signals may read instead.
            past: what led up to the minibatch; see `Learning.past`.
        """
        total, losses = traj.reward.new_zeros(()), []
        shared = None
        metrics: Metrics = {}
        if self.model is not None:
            seen = self.model.see(traj, carry, target)
            everywhere = seen.of_all_processes()
            action, valid = gathered_rows(traj.action, 1), gathered_rows(traj.valid, 1)
            loss = self.model.predict(everywhere, action, valid)
            losses = [loss]
            belief, target = seen.belief, seen.target.detach()
            shared = everywhere.belief
            predicted = loss.mean()
            total = total + self.model_coeff * predicted
            metrics |= {"loss/world_model": predicted.detach(), **of_model(loss)}
        elif belief is not None:
            shared = gathered_rows(belief, 1)
        believed = None if belief is None else belief.detach()
        known = losses[0].detach() if losses else None
        learning = Learning(traj, carry, generator, believed, target, known, past)
        for name, signal in self.curious.items():
            own = signal.loss(learning)
            if own is not None:
                learned = own.mean()
                total = total + learned
                metrics[f"loss/{name}"] = learned.detach()
        return Studied(total, tuple(losses), shared, metrics)
