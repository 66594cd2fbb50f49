"""Learns an embedding of frozen features by a temporal loss, from demonstrations."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from agents.rewards.temporal.temporal_loss import TemporalLoss
from ssl_objectives.refusal import ConfigError, TrainingDiverged


@dataclass(frozen=True)
class EmbeddingConfig:
    """A small network on what a frozen encoder sees, and how it learns."""

    size: int = 16
    """E, numbers of the embedding"""
    hidden: int = 64
    """units of the hidden layer"""
    steps: int = 300
    """gradient steps"""
    batch: int = 128
    """what each step draws: triplets, pieces of demonstrations, or frames of pairs"""
    learning_rate: float = 1e-3
    """of Adam"""
    decay: float = 1e-4
    """of weights"""

    def __post_init__(self) -> None:
        counts = (self.size, self.hidden, self.steps, self.batch)
        if min(counts) < 1 or not self.learning_rate > 0.0 or self.decay < 0.0:
            raise ConfigError(
                "size, hidden, steps and batch must be at least 1, learning_rate above "
                f"0 and decay at least 0, not {counts}, {self.learning_rate} and "
                f"{self.decay}."
            )

    def build(self, inputs: int) -> nn.Sequential:
        """One that has learned nothing."""
        return nn.Sequential(
            nn.Linear(inputs, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, self.size),
        )

    def fit(
        self,
        network: nn.Module,
        features: Sequence[Float32[Tensor, "_ F"]],
        loss: TemporalLoss,
        seed: int,
    ) -> None:
        """Train it.

        Args:
            network: is changed, and frozen at the end.
            features: standardised, of each demonstration.
            loss: what is to become small.
            seed: of all draws.

        Raises:
            ConfigError: the loss cannot learn from these.
            TrainingDiverged: it is not finite.
        """
        lengths = [len(x) for x in features]
        loss.check(lengths)
        rows, count = torch.cat(list(features)), torch.tensor(lengths)
        offset = count.cumsum(0) - count

        def embed(
            demo: Int64[Tensor, "*num"], time: Int64[Tensor, "*num"]
        ) -> Float[Tensor, "*num E"]:
            embedded: Tensor = network(rows[(offset[demo] + time).to(rows.device)])
            return embedded

        generator = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.AdamW(
            network.parameters(), self.learning_rate, weight_decay=self.decay
        )
        for step in range(self.steps):
            total = loss(embed, count, self.batch, generator)
            if not total.isfinite():
                raise TrainingDiverged(
                    f"The loss of the embedding is not finite at step {step}. Take a "
                    "smaller learning rate."
                )
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
        network.requires_grad_(False)
