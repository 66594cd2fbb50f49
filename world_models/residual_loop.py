"""An open loop that adds to the belief what each action changes."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from ssl_objectives.encoders.mixed_linear import MixedLinear
from ssl_objectives.encoders.precision import Precision
from world_models.belief import BeliefModel
from world_models.open_loop import OpenLoop


@final
class ResidualLoop(OpenLoop):
    """`b_{t,k} = b_{t,k-1} + f(b_{t,k-1}, a_{t+k-1})`, f with two hidden layers.

    PLDM's predictor is residual, too (arXiv 2502.14819). What nothing changes is kept
    by doing nothing, and beliefs may be of any size, where a GRU draws them into
    [-1, 1]. f begins as 0.

    Args:
        belief_size, action_size: S and E.
        hidden: units of each hidden layer of f.
        precision: of its products; see `MixedLinear`.
    """

    def __init__(
        self,
        belief_size: int,
        action_size: int,
        hidden: int,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        self.from_action = MixedLinear(action_size, hidden, precision)
        self.from_belief = MixedLinear(belief_size, hidden, precision)
        self.between = MixedLinear(hidden, hidden, precision)
        self.change = MixedLinear(hidden, belief_size, precision)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)

    def all_starts(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Float32[Tensor, "T B E"],
        horizon: int,
    ) -> Float32[Tensor, "K T B S"]:
        """Actions beyond the window count as zeros in the first hidden layer."""
        told = self.from_action(action)
        told = torch.cat([told, told.new_zeros(horizon - 1, *told.shape[1:])])
        steps = []
        for k in range(horizon):
            belief = self._step(belief, told[k : k + len(action)])
            steps.append(belief)
        return torch.stack(steps)

    def forward(
        self, belief: Float32[Tensor, "*batch S"], action: Float32[Tensor, "K *batch E"]
    ) -> Float32[Tensor, "K *batch S"]:
        """Step by step."""
        steps = []
        for told in self.from_action(action):
            belief = self._step(belief, told)
            steps.append(belief)
        return torch.stack(steps)

    def _step(
        self, belief: Float[Tensor, "*batch S"], told: Float[Tensor, "*batch H"]
    ) -> Float[Tensor, "*batch S"]:
        first = torch.relu(self.from_belief(belief) + told)
        changed: Tensor = self.change(torch.relu(self.between(first)))
        return belief + changed


@dataclass(frozen=True)
class ResidualLoopConfig:
    """An MLP says what each action changes about the belief."""

    hidden: int = 128
    """units of its two hidden layers"""

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")

    def build(self, belief: BeliefModel) -> ResidualLoop:
        """Build it, to multiply as the encoder does."""
        return ResidualLoop(
            belief.size, belief.embedding.size, self.hidden, belief.encoder.precision
        )
