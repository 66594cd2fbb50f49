"""A GRU cell split in two, so that input gates are computed for all rows at once."""

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from world_models.gated_unroll import unroll


class GatedCell(nn.Module):
    """The GRU of torch: `h' = (1-z) n + z h`, `n = tanh(W_n x + r (U_n h + b))`.

    `gates` depends on inputs alone and runs once over a whole sequence; `step` is the
    part that has to go one row after another, and `unroll` many of them.
    """

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.from_input = nn.Linear(input_size, 3 * size)
        self.from_memory = nn.Linear(size, 3 * size)
        nn.init.xavier_uniform_(self.from_input.weight)
        for gate in self.from_memory.weight.chunk(3):
            nn.init.orthogonal_(gate)
        nn.init.zeros_(self.from_input.bias)
        nn.init.zeros_(self.from_memory.bias)

    def gates(self, x: Float32[Tensor, "*batch I"]) -> Float32[Tensor, "*batch G"]:
        """Input part of the three gates, `G = 3 S`."""
        rows: Tensor = self.from_input(x)
        return rows

    def step(
        self, gates: Float[Tensor, "*batch G"], memory: Float[Tensor, "*batch S"]
    ) -> Float[Tensor, "*batch S"]:
        """Memory after one more row."""
        reset_x, update_x, new_x = gates.chunk(3, -1)
        reset_h, update_h, new_h = self.from_memory(memory).chunk(3, -1)
        reset = torch.sigmoid(reset_x + reset_h)
        update = torch.sigmoid(update_x + update_h)
        new = torch.tanh(torch.addcmul(new_x, reset, new_h))
        return torch.lerp(new, memory, update)

    def unroll(
        self,
        gates: Float[Tensor, "J B G"],
        memory: Float[Tensor, "R B S"],
        keep: Float[Tensor, "K B 1"] | None = None,
    ) -> Float[Tensor, "K R B S"]:
        """Memories after 1 … K = J-R+1 steps from R rows; see `gated_unroll.unroll`.

        Raises:
            ValueError: `keep` with R > 1.
        """
        linear = self.from_memory
        if torch.is_grad_enabled():
            return unroll(gates, memory, keep, linear.weight, linear.bias)
        assert keep is None or len(memory) == 1
        rows = []
        for k in range(len(gates) - len(memory) + 1):
            kept = memory if keep is None else memory * keep[k]
            memory = self.step(gates[k : k + len(memory)], kept)
            rows.append(memory)
        return torch.stack(rows)
