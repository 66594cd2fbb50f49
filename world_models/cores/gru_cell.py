"""A GRU cell split in two, so that input gates are computed for all rows at once."""

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from ssl_objectives.encoders.mixed_linear import MixedLinear
from ssl_objectives.encoders.precision import Precision
from world_models.cores.gru_unroll import unroll


class GruCell(nn.Module):
    """The GRU of torch: `h' = (1-z) n + z h`, `n = tanh(W_n x + r (U_n h + b))`.

    `gates` depends on inputs alone and runs once over a whole sequence; `step` is the
    part that has to go one row after another; `along` and `from_all` take many.

    Args:
        input_size, size: I and S.
        precision: of its products; memories are float32.
    """

    def __init__(
        self,
        input_size: int,
        size: int,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        self.size, self.precision = size, precision
        self.from_input = MixedLinear(input_size, 3 * size, precision)
        self.from_memory = MixedLinear(size, 3 * size, precision)
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

    def along(
        self,
        gates: Float[Tensor, "T B G"],
        memory: Float[Tensor, "B S"],
        keep: Float[Tensor, "T B 1"],
    ) -> Float[Tensor, "T B S"]:
        """Memories along a sequence, each multiplied with `keep` before its step."""
        return self._unroll(gates, memory.unsqueeze(0), keep).squeeze(1)

    def from_all(
        self, gates: Float[Tensor, "J B G"], memory: Float[Tensor, "R B S"]
    ) -> Float[Tensor, "K R B S"]:
        """Memories 1 … K = J-R+1 steps from each of R rows; start r begins at row r."""
        return self._unroll(gates, memory, None)

    def _unroll(self, gates: Tensor, memory: Tensor, keep: Tensor | None) -> Tensor:
        linear = self.from_memory
        if torch.is_grad_enabled():
            dtype = self.precision.dtype(memory.device)
            low = None if dtype is torch.float32 else dtype
            return unroll(gates, memory, keep, linear.weight, linear.bias, low)
        rows = []  # whole rollouts are scored here: remember nothing for a way back
        for k in range(len(gates) - len(memory) + 1):
            kept = memory if keep is None else memory * keep[k]
            memory = self.step(gates[k : k + len(memory)], kept)
            rows.append(memory)
        return torch.stack(rows)
