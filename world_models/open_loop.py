"""Open-loop (forward) dynamics: K steps ahead, from a belief and actions alone."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from ssl_objectives.encoders.precision import Precision
from world_models.belief import BeliefModel
from world_models.cores.gru_cell import GruCell


class OpenLoop(nn.Module, ABC):
    """Carries beliefs on over actions, without seeing what comes."""

    @abstractmethod
    def all_starts(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Float32[Tensor, "T B E"],
        horizon: int,
    ) -> Float32[Tensor, "K T B S"]:
        """From every row at once, over the K actions that followed it.

        `[k, t]` is the belief after the actions `t … t+k`. What lies beyond the window
        is masked by the caller.
        """

    @abstractmethod
    def forward(
        self, belief: Float32[Tensor, "*batch S"], action: Float32[Tensor, "K *batch E"]
    ) -> Float32[Tensor, "K *batch S"]:
        """From given beliefs over K given actions."""


@final
class GruLoop(OpenLoop):
    """GRU over actions, `b_{t,k} = h(b_{t,k-1}, a_{t+k-1})` with `b_{t,0} = b_t`.

    BYOL-Explore's open-loop RNN (arXiv 2206.08332). Input gates depend on the action
    alone, so each action's are computed once, however many predictions use it.

    Args:
        belief_size, action_size: S and E.
        precision: of its products; see `MixedLinear`.
    """

    def __init__(
        self,
        belief_size: int,
        action_size: int,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        self.cell = GruCell(action_size, belief_size, precision)

    def all_starts(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Float32[Tensor, "T B E"],
        horizon: int,
    ) -> Float32[Tensor, "K T B S"]:
        """Actions beyond the window count as zero vectors' gates."""
        gates = self.cell.gates(action)
        gates = torch.cat([gates, gates.new_zeros(horizon - 1, *gates.shape[1:])])
        return self.cell.from_all(gates, belief)

    def forward(
        self, belief: Float32[Tensor, "*batch S"], action: Float32[Tensor, "K *batch E"]
    ) -> Float32[Tensor, "K *batch S"]:
        """Step by step."""
        steps = []
        for gates in self.cell.gates(action):
            belief = self.cell.step(gates, belief)
            steps.append(belief)
        return torch.stack(steps)


@final
class Unmoved(OpenLoop):
    """Leaves beliefs as they are: for predictors that need no other, and no actions."""

    def all_starts(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Float32[Tensor, "T B E"],
        horizon: int,
    ) -> Float32[Tensor, "K T B S"]:
        """K times the same, in no memory of their own."""
        return belief.expand(horizon, *belief.shape)

    def forward(
        self, belief: Float32[Tensor, "*batch S"], action: Float32[Tensor, "K *batch E"]
    ) -> Float32[Tensor, "K *batch S"]:
        """Likewise."""
        return belief.expand(len(action), *belief.shape)


@runtime_checkable
class OpenLoopConfig(Protocol):
    """Builds the open loop of a model."""

    def build(self, belief: BeliefModel) -> OpenLoop:
        """Build it, for beliefs and embedded actions of these sizes."""


@dataclass(frozen=True)
class GruLoopConfig:
    """A GRU carries beliefs on over actions, as in BYOL-Explore."""

    def build(self, belief: BeliefModel) -> GruLoop:
        """Build it, to multiply as the encoder does."""
        return GruLoop(belief.size, belief.embedding.size, belief.encoder.precision)


@dataclass(frozen=True)
class UnmovedConfig:
    """Beliefs stay as they are."""

    def build(self, belief: BeliefModel) -> Unmoved:
        """Build it."""
        return Unmoved()
