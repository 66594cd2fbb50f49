"""Frozen features as yardstick: how well a model's belief tells what they will be."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn

from agents.curiosity.progress.features import Features, FrozenFeatures, Shown
from agents.curiosity.progress.ruler import Ruler
from agents.curiosity.progress.yardstick import Measured, Yardstick
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from agents.policy.ppo import masked_mean
from ssl_objectives.distributed import gathered_rows
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.belief import BeliefModel, Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.objects.distance import distances
from world_models.objects.layout import Layout, Objects
from world_models.open_loop import OpenLoop
from world_models.trajectory import Trajectory


@final
class Reader(Measured):
    """What a belief, one action ahead, tells through a readout.

    Args:
        belief: of the model.
        open_loop: of the model.
        readout: `[*, S]` to `[*, G F]`.
        aims: how aims are laid out: as G objects of F numbers, with their masks.
    """

    def __init__(
        self, belief: BeliefModel, open_loop: OpenLoop, readout: nn.Module, aims: Layout
    ) -> None:
        super().__init__()
        self.belief, self.open_loop, self.readout = belief, open_loop, readout
        self.aims = aims

    def start(self, num_envs: int) -> Carry:
        """The belief's."""
        return self.belief.start(num_envs)

    def told(
        self, scored: Scored, aim: Float32[Tensor, "T B A"]
    ) -> Float32[Tensor, "T B"] | None:
        """By the beliefs that the policy acted on."""
        if scored.belief is None:
            return None
        return self.error(scored.belief, scored.traj.action, aim)

    def along(
        self, scored: Scored, carry: Carry, aim: Float32[Tensor, "T B A"]
    ) -> tuple[Float32[Tensor, "T B"], Carry]:
        """By beliefs of its own."""
        seen = self.belief.along(scored.traj, carry)
        return self.error(seen.belief, scored.traj.action, aim), seen.carry

    def error(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Shaped[Tensor, "T B ..."],
        aim: Float32[Tensor, "T B A"],
    ) -> Float32[Tensor, "T B"]:
        """`Σ_g m_g √(‖readout_g(b_{t,1}) - aim_t,g‖² + 1e-6)`, of groups that are seen.

        Gradient reaches the readout alone. The norm, not its square: large errors,
        which noise has, would outweigh the small ones in which what can be learned
        ends.
        """
        with torch.no_grad():
            embedded = self.belief.embedding(action)
            ahead = self.open_loop(belief, embedded.unsqueeze(0))[0]
        came = self.aims.read(aim)
        guess = Objects(self.readout(ahead).view(came.place.shape), came.mask)
        return distances(guess, came, 1.0)


def mlp_readout(model: LatentDynamics, hidden: int, size: int) -> nn.Module:
    """An MLP on a model's beliefs, which begins near "nothing but the mean"."""
    last = nn.Linear(hidden, size)
    with torch.no_grad():
        last.weight.mul_(0.1)
    return nn.Sequential(nn.Linear(model.belief.size, hidden), nn.ReLU(), last)


class FeatureYardstick(Yardstick):
    """A readout of the model's one-step belief, aiming at frozen features.

    The features' ruler is fixed as soon as old weights are compared. Old and new are
    always measured by one ruler on one rollout, so a moving one would not bias a single
    comparison. But the readout of now would follow it and the old one would not, and
    be paid for that.

    Args:
        features: φ.
        readout: `[*, S]` to `[*, G F]`; learns from detached beliefs.
        scale: of what is to be predicted.
        steady: from which number of the vector to which: transitions that change any of
            them do not count. None counts all.
    """

    def __init__(
        self,
        features: Features,
        readout: nn.Module,
        scale: float = 1.0,
        steady: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.features, self.readout, self.scale = features, readout, scale
        self.steady = steady
        self.ruler = Ruler(features.groups, features.size)
        self.aims = Layout(features.groups, 1, features.size)

    def wanted(self, traj: Trajectory) -> Shown:
        """What is to be predicted of each transition, in the features' own units.

        It counts where it can be seen before and behind.
        """
        value, mask = self.features(traj)
        mask = mask[1:] * mask[:-1]
        if self.steady is not None and traj.vector is not None:
            told = traj.vector[..., slice(*self.steady)]
            mask = mask * (told[1:] == told[:-1]).all(-1, keepdim=True)
        return Shown(self.of(value), mask)

    @abstractmethod
    def of(self, value: Float32[Tensor, "R B G F"]) -> Float32[Tensor, "T B G F"]:
        """What of the features of rows 0 … T is to be predicted."""

    def measured(self, model: LatentDynamics) -> Reader:
        """Belief, open loop and readout."""
        return Reader(model.belief, model.open_loop, self.readout, self.aims)

    def watch(self, traj: Trajectory) -> None:
        """Let whitening and ruler follow."""
        self.features.watch(traj)
        value, mask = self.wanted(traj)
        self.ruler.watch(value, (mask > 0) & traj.valid.unsqueeze(-1))

    def aim(
        self, now: Measured, scored: Scored, carry: Carry
    ) -> Float32[Tensor, "T B A"]:
        """Of every transition, by the ruler, times the scale; masks behind."""
        return self._aim(scored.traj)

    def _aim(self, traj: Trajectory) -> Float32[Tensor, "T B A"]:
        value, mask = self.wanted(traj)
        place = (self.scale * self.ruler(value)).unsqueeze(-2)
        return self.aims.write(Objects(place, mask.unsqueeze(-1)))

    def loss(self, now: Measured, learning: Learning) -> Loss:
        """The readout's mean error on valid transitions, of all processes.

        Where nobody tells the beliefs, they are those of a memory that begins anew.
        """
        assert isinstance(now, Reader)
        traj, belief = learning.traj, learning.belief
        if belief is None:
            with torch.no_grad():
                carry = now.start(traj.first.shape[1])
                belief = now.belief.along(traj, carry).belief
        error = now.error(belief, traj.action, self._aim(traj))
        everywhere = gathered_rows(error, 1), gathered_rows(traj.valid, 1)
        return Loss(None, masked_mean(*everywhere))


@final
class ChangeOfFeatures(FeatureYardstick):
    """Aims at `φ(x_{t+1}) - φ(x_t)`: how the features will change."""

    def of(self, value: Float32[Tensor, "R B G F"]) -> Float32[Tensor, "T B G F"]:
        """Their differences."""
        return value[1:] - value[:-1]


@final
class FeaturesThemselves(FeatureYardstick):
    """Aims at `φ(x_{t+1})`: what the features will be.

    Learning what φ makes of an observation is long-lived progress, which has nothing to
    do with what can be foretold; noise pays it too.
    """

    def of(self, value: Float32[Tensor, "R B G F"]) -> Float32[Tensor, "T B G F"]:
        """Those of the rows arrived at."""
        return value[1:]


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
    beside: int | None = None
    """numbers of the vector that have features, the first so many; none: all, 0:
    pixels alone"""
    steady: tuple[int, int] | None = None
    """from which number of the vector to which: only transitions that leave these as
    they are count (8 12 in the attention world: the group in view); none: all count"""

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
    ) -> tuple[FrozenFeatures, nn.Module, float, tuple[int, int] | None]:
        told = surroundings.spec.vector_size
        if self.steady is not None and not 0 <= self.steady[0] < self.steady[1] <= told:
            raise ValueError(
                f"steady must be two of 0 to {told}, the smaller first: this world "
                f"tells {told} numbers besides pixels; here are {self.steady}"
            )
        features = FrozenFeatures.of(
            surroundings.spec, self.encoder, self.hidden, self.size, self.beside
        )
        readout = mlp_readout(model, self.readout, features.size)
        return features, readout, self.scale, self.steady


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
