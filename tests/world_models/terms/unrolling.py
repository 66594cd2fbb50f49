"""A small unrolled trajectory, for the tests of terms."""

from dataclasses import dataclass

import torch
from torch import Tensor

from world_models.model_loss import prediction_valid
from world_models.predictor import Ahead
from world_models.terms.term import Unrolled

T, B, K, D, S, E = 8, 3, 2, 5, 4, 6


@dataclass(frozen=True)
class Drawn:
    """Latents and flags, from which a term's input is made anew each time."""

    latent: Tensor
    action: Tensor
    valid: Tensor
    after: Tensor
    aim: Tensor

    def unrolled(self, rows: int | None = T + 1) -> Unrolled:
        """With latents of so many rows; None leaves them out, as where rewards are."""
        start = torch.zeros_like(self.after[0])
        embedded = torch.zeros(*self.after.shape[:-1], E)
        return Unrolled(
            None if rows is None else self.latent[:rows],
            Ahead(start, self.after, embedded, self.aim),
            self.aim + 1,
            self.action,
            self.valid,
            prediction_valid(self.valid, K),
        )


def drawn(generator: torch.Generator, action: Tensor | None = None) -> Drawn:
    """Random ones; env 1 begins an episode in row 3, and rows 5 and 6 of env 2."""
    valid = torch.ones(T, B, dtype=torch.bool)
    valid[2, 1] = valid[4, 2] = valid[5, 2] = False
    if action is None:
        action = torch.randint(0, 5, (T, B), generator=generator)
    return Drawn(
        torch.randn(T + 1, B, D, generator=generator).requires_grad_(),
        action,
        valid,
        torch.randn(K, T, B, S, generator=generator).requires_grad_(),
        torch.randn(K, T, B, D, generator=generator),
    )
