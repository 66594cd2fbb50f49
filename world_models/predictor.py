"""What predicts latents, from beliefs that an open loop carried on."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from ssl_objectives.encoders.batch_norm import BatchNorm1d
from ssl_objectives.encoders.mixed_linear import MixedLinear
from ssl_objectives.encoders.precision import Precision
from world_models.adversary import Adversary, AdversaryLoss
from world_models.belief import BeliefModel
from world_models.rows import OverRows


@dataclass(frozen=True)
class Ahead:
    """All that a predictor may read, for K steps from each start at once.

    Attributes:
        start: b_{t,0}, the beliefs predicted from.
        after: `after[k]` is the open-loop belief b_{t,k+1}, behind k+1 actions.
        action: embeddings of the action before each of these.
        aim: latents of what came, without gradient; None where nothing has come yet
            and the model imagines.
        valid: which predictions count; None likewise. Losses of the others are left
            out by the model, but not what rows compared with them make of them.
    """

    start: Float32[Tensor, "*batch S"]
    after: Float32[Tensor, "K *batch S"]
    action: Float32[Tensor, "K *batch E"]
    aim: Float32[Tensor, "K *batch D"] | None = None
    valid: Bool[Tensor, "K *batch"] | None = None

    @property
    def before(self) -> Float32[Tensor, "K *batch S"]:
        """The belief in front of the last action: b_{t,k}."""
        return torch.cat([self.start.unsqueeze(0), self.after[:-1]])


@dataclass(frozen=True)
class Prediction:
    """What a predictor says comes, and what it counts beside.

    Attributes:
        latent: of what comes.
        terms: further numbers per prediction, by name.
        weights: of these terms in what the model minimises; without, 0.
        adversary: the loss of the predictor's adversary on this batch.
    """

    latent: Float32[Tensor, "K *batch D"]
    terms: Mapping[str, Float32[Tensor, "K *batch"]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    adversary: AdversaryLoss | None = None


class Predictor(nn.Module, ABC):
    """From open-loop beliefs to the latents of what comes.

    Args:
        adversary: a network that plays against the predictor, if there is one; the
            model lets it learn behind each gradient step.
    """

    # set here: an attribute of the class would hide a module of that name
    def __init__(self, adversary: Adversary | None = None) -> None:
        super().__init__()
        self.adversary = adversary

    @abstractmethod
    def forward(self, ahead: Ahead) -> Prediction:
        """Predict all steps of all starts.

        Without `ahead.aim` only the latent is asked for. Twice the same gives the same
        twice: random numbers follow from a counter in a buffer that `follow` advances.
        """

    def follow(self) -> None:
        """Follow a gradient step."""


@final
class LatentHead(Predictor):
    """The predictor g of BYOL-Explore: an MLP on the open-loop belief.

    Args:
        belief_size, latent_size: S and P.
        hidden: units of its hidden layer; 0: a linear map.
        batch_norm: in front of the ReLU, as BYOL's (arXiv 2006.07733).
        precision: of its products; see `MixedLinear`.
    """

    def __init__(
        self,
        belief_size: int,
        hidden: int,
        latent_size: int,
        batch_norm: bool = False,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if hidden:
            layers.append(MixedLinear(belief_size, hidden, precision))
            layers += [OverRows(BatchNorm1d(hidden))] if batch_norm else []
            layers.append(nn.ReLU())
        self.layers = nn.Sequential(
            *layers, MixedLinear(hidden or belief_size, latent_size, precision)
        )

    def forward(self, ahead: Ahead) -> Prediction:
        """`g(b_{t,k+1})`."""
        return Prediction(self.layers(ahead.after))


@runtime_checkable
class PredictorConfig(Protocol):
    """Builds a predictor from a model's beliefs to what it predicts."""

    def build(self, belief: BeliefModel, latent_size: int, aim_size: int) -> Predictor:
        """Build it.

        Args:
            belief: whose beliefs the open loop begins with, of the same size.
            latent_size: numbers in what it predicts.
            aim_size: P, numbers in what came; others only behind a model's head.
        """


@dataclass(frozen=True)
class LatentHeadConfig:
    """An MLP, or a linear map, from open-loop beliefs to latents."""

    hidden: int = 256
    """units of the hidden layer; 0: a linear map"""
    batch_norm: bool = False
    """normalise them over the batch, as BYOL's predictor does"""

    def __post_init__(self) -> None:
        if self.hidden < 0:
            raise ValueError(f"hidden must be at least 0, not {self.hidden}")
        if self.batch_norm and not self.hidden:
            raise ValueError("batch_norm is of hidden units, and there are none")

    def build(self, belief: BeliefModel, latent_size: int, aim_size: int) -> LatentHead:
        """Build it, to multiply as the encoder does."""
        return LatentHead(
            belief.size,
            self.hidden,
            latent_size,
            self.batch_norm,
            belief.encoder.precision,
        )


@final
class BeliefItself(Predictor):
    """The open-loop belief is the prediction, as in PLDM (arXiv 2502.14819).

    For beliefs that are latents, and an open loop that leaves as it is what does not
    change: nothing need be learned to predict that. Beliefs of another size than
    latents are read out by a linear map.

    Args:
        belief_size, latent_size: S and P.
        precision: of the products; see `MixedLinear`.
    """

    def __init__(
        self,
        belief_size: int,
        latent_size: int,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        self.read: nn.Module = nn.Identity()
        if belief_size != latent_size:
            self.read = MixedLinear(belief_size, latent_size, precision)

    def forward(self, ahead: Ahead) -> Prediction:
        """`b_{t,k+1}`."""
        return Prediction(self.read(ahead.after))


@dataclass(frozen=True)
class BeliefItselfConfig:
    """Open-loop beliefs are the predicted latents: for --core latent."""

    def build(
        self, belief: BeliefModel, latent_size: int, aim_size: int
    ) -> BeliefItself:
        """Build it, to multiply as the encoder does."""
        return BeliefItself(belief.size, latent_size, belief.encoder.precision)
