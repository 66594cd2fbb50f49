"""Frozen features as yardstick: how well a model's belief tells what they will be."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn

from agents.curiosity.progress.features import FrozenFeatures
from agents.curiosity.progress.ruler import Ruler
from agents.curiosity.progress.yardstick import Measured, Yardstick
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from agents.policy.ppo import masked_mean
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.belief import BeliefModel, Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.open_loop import OpenLoop
from world_models.trajectory import Trajectory


@final
class Reader(Measured):
    """What a belief, one action ahead, tells through a readout.

    Args:
        belief: of the model.
        open_loop: of the model.
        readout: `[*, S]` to `[*, F]`.
    """

    def __init__(
        self, belief: BeliefModel, open_loop: OpenLoop, readout: nn.Module
    ) -> None:
        super().__init__()
        self.belief, self.open_loop, self.readout = belief, open_loop, readout

    def start(self, num_envs: int) -> Carry:
        """The belief's."""
        return self.belief.start(num_envs)

    def told(
        self, scored: Scored, aim: Float32[Tensor, "T B F"]
    ) -> Float32[Tensor, "T B"] | None:
        """By the beliefs that the policy acted on."""
        if scored.belief is None:
            return None
        return self.error(scored.belief, scored.traj.action, aim)

    def along(
        self, scored: Scored, carry: Carry, aim: Float32[Tensor, "T B F"]
    ) -> tuple[Float32[Tensor, "T B"], Carry]:
        """By beliefs of its own."""
        seen = self.belief.along(scored.traj, carry)
        return self.error(seen.belief, scored.traj.action, aim), seen.carry

    def error(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Shaped[Tensor, "T B ..."],
        aim: Float32[Tensor, "T B F"],
    ) -> Float32[Tensor, "T B"]:
        """`√(‖readout(b_{t,1}) - aim_t‖² + 1e-6)`; gradient reaches the readout alone.

        The norm, not its square: large errors, which noise has, would outweigh the
        small ones in which what can be learned ends.
        """
        with torch.no_grad():
            embedded = self.belief.embedding(action)
            ahead = self.open_loop(belief.detach(), embedded.unsqueeze(0))[0]
        gap: Tensor = self.readout(ahead) - aim
        return (gap.square().sum(-1) + 1e-6).sqrt()


class FeatureYardstick(Yardstick):
    """A readout of the model's one-step belief, aiming at frozen features.

    The features' ruler is fixed as soon as old weights are compared. Old and new are
    always measured by one ruler on one rollout, so a moving one would not bias a single
    comparison. But the readout of now would follow it and the old one would not, and
    be paid for that.

    Args:
        features: φ.
        readout: `[*, S]` to `[*, F]`; learns from detached beliefs.
        scale: of what is to be predicted.
    """

    def __init__(
        self, features: FrozenFeatures, readout: nn.Module, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.features, self.readout, self.scale = features, readout, scale
        self.ruler = Ruler(features.size)

    @abstractmethod
    def wanted(self, features: Float32[Tensor, "R B F"]) -> Float32[Tensor, "T B F"]:
        """What is to be predicted of rows 0 … T, in the features' own units."""

    def measured(self, model: LatentDynamics) -> Reader:
        """Belief, open loop and readout."""
        return Reader(model.belief, model.open_loop, self.readout)

    def watch(self, traj: Trajectory) -> None:
        """Let whitening and ruler follow."""
        self.features.watch(traj)
        self.ruler.watch(self.wanted(self.features(traj)), traj.valid)

    def aim(
        self, now: Measured, scored: Scored, carry: Carry
    ) -> Float32[Tensor, "T B F"]:
        """Of every transition, by the ruler, times the scale."""
        return self._aim(scored.traj)

    def _aim(self, traj: Trajectory) -> Float32[Tensor, "T B F"]:
        aim: Tensor = self.scale * self.ruler(self.wanted(self.features(traj)))
        return aim

    def loss(self, now: Measured, learning: Learning) -> Loss:
        """The readout's mean error on valid transitions.

        Where nobody tells the beliefs, they are those of a memory that begins anew.
        """
        assert isinstance(now, Reader)
        traj, belief = learning.traj, learning.belief
        if belief is None:
            with torch.no_grad():
                carry = now.start(traj.first.shape[1])
                belief = now.belief.along(traj, carry).belief
        error = now.error(belief, traj.action, self._aim(traj))
        return Loss(None, masked_mean(error, traj.valid))


@final
class ChangeOfFeatures(FeatureYardstick):
    """Aims at `φ(x_{t+1}) - φ(x_t)`: how the features will change."""

    def wanted(self, features: Float32[Tensor, "R B F"]) -> Float32[Tensor, "T B F"]:
        """Their differences."""
        return features[1:] - features[:-1]


@final
class FeaturesThemselves(FeatureYardstick):
    """Aims at `φ(x_{t+1})`: what the features will be.

    Learning what φ makes of an observation is long-lived progress, which has nothing to
    do with what can be foretold; noise pays it too.
    """

    def wanted(self, features: Float32[Tensor, "R B F"]) -> Float32[Tensor, "T B F"]:
        """Those of the rows arrived at."""
        return features[1:]


@dataclass(frozen=True)
class _FeatureConfig:
    """What the yardsticks of frozen features share."""

    encoder: EncoderConfig = field(
        default_factory=lambda: PatchConfig(64, 4, precision=Precision.FLOAT32)
    )
    """frozen; of images, the newest frame alone"""
    size: int = 32
    """features of a vector"""
    hidden: int = 64
    """units of the frozen MLP on vectors"""
    readout: int = 256
    """units of the hidden layer that reads beliefs"""
    scale: float = 1.0
    """of what is predicted, in standard deviations"""

    def __post_init__(self) -> None:
        for name in ("size", "hidden", "readout"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, not {getattr(self, name)}"
                )
        if self.scale <= 0:
            raise ValueError(f"scale must be above 0, not {self.scale}")

    def _parts(
        self, surroundings: Surroundings, model: LatentDynamics
    ) -> tuple[FrozenFeatures, nn.Module, float]:
        features = FrozenFeatures.of(
            surroundings.spec, self.encoder, self.hidden, self.size
        )
        last = nn.Linear(self.readout, features.size)
        with torch.no_grad():
            last.weight.mul_(0.1)  # begins near "nothing but the mean"
        readout = nn.Sequential(
            nn.Linear(model.belief.size, self.readout), nn.ReLU(), last
        )
        return features, readout, self.scale


@dataclass(frozen=True)
class ChangeOfFeaturesConfig(_FeatureConfig):
    """How frozen random features change: the yardstick that noise does not pay."""

    def build(
        self, surroundings: Surroundings, model: LatentDynamics
    ) -> ChangeOfFeatures:
        """Build it."""
        return ChangeOfFeatures(*self._parts(surroundings, model))


@dataclass(frozen=True)
class FeaturesThemselvesConfig(_FeatureConfig):
    """Frozen random features as they are: the control that noise pays."""

    def build(
        self, surroundings: Surroundings, model: LatentDynamics
    ) -> FeaturesThemselves:
        """Build it."""
        return FeaturesThemselves(*self._parts(surroundings, model))
