"""Open-loop (forward) dynamics: K steps ahead, from a belief and actions alone."""

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from world_models.cores.gru_cell import GruCell


class OpenLoop(nn.Module):
    """GRU over actions, `b_{t,k} = h(b_{t,k-1}, a_{t+k-1})` with `b_{t,0} = b_t`.

    BYOL-Explore's open-loop RNN (arXiv 2206.08332). Input gates depend on the action
    alone, so each action's are computed once, however many predictions use it.
    """

    def __init__(self, belief_size: int, action_size: int) -> None:
        super().__init__()
        self.cell = GruCell(action_size, belief_size)

    def all_starts(
        self,
        belief: Float32[Tensor, "T B S"],
        action: Float32[Tensor, "T B E"],
        horizon: int,
    ) -> Float32[Tensor, "K T B S"]:
        """From every row at once, over the K actions that followed it.

        `[k, t]` is the belief after the actions `t … t+k`. Actions beyond the window
        count as zero vectors' gates; those predictions are masked by the caller.
        """
        gates = self.cell.gates(action)
        gates = torch.cat([gates, gates.new_zeros(horizon - 1, *gates.shape[1:])])
        return self.cell.from_all(gates, belief)

    def forward(
        self, belief: Float32[Tensor, "*batch S"], action: Float32[Tensor, "K *batch E"]
    ) -> Float32[Tensor, "K *batch S"]:
        """From given beliefs over K given actions."""
        steps = []
        for gates in self.cell.gates(action):
            belief = self.cell.step(gates, belief)
            steps.append(belief)
        return torch.stack(steps)


def prediction_head(belief_size: int, hidden: int, latent_size: int) -> nn.Sequential:
    """The predictor g: a one-hidden-layer MLP from beliefs to latents."""
    return nn.Sequential(
        nn.Linear(belief_size, hidden), nn.ReLU(), nn.Linear(hidden, latent_size)
    )
