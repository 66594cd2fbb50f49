"""What a model makes of a trajectory before it predicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from jaxtyping import Float32, Shaped, UInt8
from torch import Tensor

from ssl_objectives.distributed import gathered_rows


@dataclass(frozen=True)
class Seen:
    """Beliefs, latents and aims of T transitions, whose rows are 0 … T.

    Attributes:
        belief: of the T rows acted from.
        target: latents that predictions aim at, of all T+1 rows.
        latent: the encoder's, of the rows that were encoded with gradient: T, or T+1
            where targets come from the encoder itself. None where rewards are scored.
        projected: the same rows behind the projector; what objectives regularise.
        frames: of all T+1 rows, where the objective compares with them.
        facts: ground truth of all T+1 rows, for terms that are taught by it.
    """

    belief: Float32[Tensor, "T B S"]
    target: Float32[Tensor, "R B P"]
    latent: Float32[Tensor, "Q B D"] | None = None
    projected: Float32[Tensor, "Q B P"] | None = None
    frames: UInt8[Tensor, "R B C H W"] | None = None
    facts: Mapping[str, Shaped[Tensor, "R B ..."]] = field(default_factory=dict)

    def map(self, change: Any) -> "Seen":
        """All tensors changed alike: a function from a tensor to a tensor."""
        own = {x.name: getattr(self, x.name) for x in fields(self) if x.name != "facts"}
        made: dict[str, Any] = {
            k: None if x is None else change(x) for k, x in own.items()
        }
        return Seen(**made, facts={k: change(x) for k, x in self.facts.items()})

    def of_all_processes(self) -> "Seen":
        """The envs of all processes, with gradient; see `gathered_rows`."""
        return self.map(lambda x: gathered_rows(x, 1))

    def envs(self, start: int, stop: int) -> "Seen":
        """Envs `start … stop-1`; views."""
        return self.map(lambda x: x[:, start:stop])


def unknown_before(
    rows: Shaped[Tensor, "R B *D"], num: int
) -> Shaped[Tensor, "Q B *D"]:
    """The rows behind `num` others, of which nothing is known: zeros."""
    return torch.cat([rows.new_zeros(num, *rows.shape[1:]), rows])


def windows(rows: Shaped[Tensor, "R B *D"], horizon: int) -> Shaped[Tensor, "K T B *D"]:
    """`[k, t]` is row t+k+1; rows beyond the window are zero. A view, not a copy."""
    steps = len(rows) - 1
    padding = rows.new_zeros(horizon - 1, *rows.shape[1:])
    rows = torch.cat([rows[1:], padding])
    return rows.unfold(0, steps, 1).movedim(-1, 1)
