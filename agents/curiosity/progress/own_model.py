"""A world model of the signal's own, which nobody else reads."""

from dataclasses import dataclass, field, replace
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from ssl_objectives.distributed import gathered_rows
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.evaluating import evaluating
from world_models.belief import build_belief, checked
from world_models.cores.core import CoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import ModelConfig
from world_models.model_loss import ModelLoss
from world_models.presets import byol_explore
from world_models.vector_encoder import VectorEncoderConfig
from world_models.vector_input import numbers_read


@final
class OwnModel(nn.Module):
    """A model that learns from the minibatches a signal is given.

    Its memory begins anew in front of what leads up to each minibatch, without gradient
    there; where nothing does (PPO's whole rollouts), in front of the minibatch itself.
    """

    def __init__(self, model: LatentDynamics) -> None:
        super().__init__()
        self.model = model
        self._taught: list[ModelLoss] = []  # of the step that is being taken

    @property
    def remembers(self) -> bool:
        """Whether what lies behind a row tells it more than the row itself."""
        belief = self.model.belief
        return belief.core.memory_size > 0 or belief.num_frames > 1

    def learn(self, learning: Learning) -> tuple[Float[Tensor, ""], Learning]:
        """Its loss on a minibatch, and the minibatch with beliefs of its own.

        The loss is that of the parts of all processes, the beliefs are of this one's.
        """
        traj = learning.traj
        carry = self.model.start(traj.first.shape[1])
        if learning.past is not None:
            with torch.no_grad(), evaluating(self.model):
                carry = self.model.belief.along(learning.past, carry).carry
        seen = self.model.see(traj, carry)
        loss = self.model.predict(
            seen.of_all_processes(),
            gathered_rows(traj.action, 1),
            gathered_rows(traj.valid, 1),
        )
        self._taught = [loss]
        known = replace(
            learning,
            belief=seen.belief.detach(),
            target=seen.target.detach(),
            model_loss=loss.detach(),
        )
        return loss.mean(), known

    def follow(self) -> bool:
        """Behind a gradient step: follow it, and say whether the model was in it."""
        taught, self._taught = self._taught, []
        if taught:
            self.model.after_update(*taught)
        return bool(taught)


def alone(scored: Scored) -> Scored:
    """A rollout without what another model made of it."""
    experience = replace(scored.experience, context=None, overlap=0)
    return Scored(experience, envs_at_once=scored.envs_at_once)


@dataclass(frozen=True)
class OwnModelConfig:
    """A world model with eyes and memory of its own."""

    model: ModelConfig = field(default_factory=byol_explore)
    """what it predicts"""
    encoder: EncoderConfig | VectorEncoderConfig = field(default_factory=NatureConfig)
    """turns frames, or numbers of a vector, into latents"""
    core: CoreConfig = field(default_factory=RecurrentConfig)
    """turns latents into beliefs"""
    action_size: int = 32
    """E, size of an action's embedding"""
    beside: int | None = None
    """numbers of the world's vector that it reads besides pixels, the first so many;
    none: all"""

    def build(self, surroundings: Surroundings) -> OwnModel:
        """Build it for these worlds.

        Raises:
            ValueError: parts that do not fit together.
        """
        spec = surroundings.spec
        eyes_read = isinstance(self.encoder, VectorEncoderConfig)
        if eyes_read and self.beside is not None:
            raise ValueError(
                "beside is for a model that sees pixels; this one's encoder reads the "
                "vector itself and says which of its numbers"
            )
        belief = build_belief(
            self.encoder,
            self.core,
            spec.obs_shape,
            spec.actions,
            self.action_size,
            numbers_read(self.beside, spec.vector_size),
        )
        built = checked(self.model.build(belief), LatentDynamics, self.model)
        return OwnModel(built)
