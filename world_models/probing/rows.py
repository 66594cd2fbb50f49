"""Rows that probes read: latents, the facts that belong to them, their episodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Latents, and what is true of them.

    Attributes:
        latent: what is read.
        facts: by name: numbers, float `[N, F]`, or one class of each row, int64 `[N]`,
            counted from 0.
        episode: the number of each row's episode. Rows of one episode are alike, so
            none has rows on two sides of a split, and intervals are of episodes.
    """

    latent: Float[Tensor, "N D"]
    facts: Mapping[str, Shaped[Tensor, "N ..."]]
    episode: Int64[Tensor, "N"]

    def __len__(self) -> int:
        """N, the number of rows."""
        return len(self.latent)

    @property
    def numbers(self) -> dict[str, Float[Tensor, "N F"]]:
        """Facts that are numbers."""
        return {k: x for k, x in self.facts.items() if x.is_floating_point()}

    @property
    def classes(self) -> dict[str, Int64[Tensor, "N"]]:
        """Facts that are classes."""
        return {k: x for k, x in self.facts.items() if not x.is_floating_point()}

    def where(self, kept: Bool[Tensor, "N"] | Int64[Tensor, "n"]) -> "Rows":
        """Some of the rows."""
        facts = {k: x[kept] for k, x in self.facts.items()}
        return Rows(self.latent[kept], facts, self.episode[kept])

    def about(self, names: Sequence[str]) -> "Rows":
        """The same rows with some of the facts."""
        return Rows(self.latent, {k: self.facts[k] for k in names}, self.episode)

    @staticmethod
    def join(parts: "Sequence[Rows]") -> "Rows":
        """The rows of all parts, which have the same facts."""
        return Rows(
            torch.cat([x.latent for x in parts]),
            {k: torch.cat([x.facts[k] for x in parts]) for k in parts[0].facts},
            torch.cat([x.episode for x in parts]),
        )
