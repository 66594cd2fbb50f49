"""Heads between a latent and its objective: projectors and predictors.

A head may return a tuple: several rows of each image, which then are several views.
"""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.encoders.batch_norm import BatchNorm1d


@runtime_checkable
class HeadConfig(Protocol):
    """Describes a head: a dataclass whose fields are its settings."""

    def outputs(self, inputs: int) -> int:
        """Numbers in a row of its output."""

    def build(self, inputs: int) -> nn.Module:
        """Build it for rows of `inputs` numbers."""


@dataclass(frozen=True)
class Mlp:
    """Linear layers with batch norm and ReLU between them (BYOL's, 2006.07733).

    The last layer has no bias. Without the batch norm BYOL's latents come near to
    collapse (docs/logbook.md).
    """

    size: int = 128
    """D, numbers in a row of its output"""
    hidden: int = 256
    """numbers between the layers"""
    layers: int = 2
    """linear layers"""
    last_norm: bool = False
    """end with a batch norm that has no weights (TWIST, RényiCL)"""

    def __post_init__(self) -> None:
        if min(self.size, self.hidden) < 1:
            raise ValueError(
                f"size and hidden must be at least 1, not {self.size} and {self.hidden}"
            )
        check_count("layers", self.layers)

    def outputs(self, inputs: int) -> int:
        """Numbers in a row of its output."""
        return self.size

    def build(self, inputs: int) -> nn.Sequential:
        """Build it for rows of `inputs` numbers."""
        made: list[nn.Module] = []
        for _ in range(self.layers - 1):
            made += [nn.Linear(inputs, self.hidden), BatchNorm1d(self.hidden)]
            made += [nn.ReLU()]
            inputs = self.hidden
        made += [nn.Linear(inputs, self.size, bias=False)]
        if self.last_norm:
            made += [BatchNorm1d(self.size, affine=False)]
        return nn.Sequential(*made)


@dataclass(frozen=True)
class Straight:
    """No head: the latent itself."""

    def outputs(self, inputs: int) -> int:
        """As many as come in."""
        return inputs

    def build(self, inputs: int) -> nn.Identity:
        """Build it for rows of `inputs` numbers."""
        return nn.Identity()


@dataclass(frozen=True)
class Standardized:
    """Batch norm without weights: each number has mean 0 and variance 1 in a batch."""

    def outputs(self, inputs: int) -> int:
        """As many as come in."""
        return inputs

    def build(self, inputs: int) -> nn.Module:
        """Build it for rows of `inputs` numbers."""
        return BatchNorm1d(inputs, affine=False)


@final
class Residual(nn.Module):
    """`x + f(x)`.

    Args:
        change: f, from rows to rows of the same size.
    """

    def __init__(self, change: nn.Module) -> None:
        super().__init__()
        self.change = change

    def forward(self, rows: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """What came in, changed."""
        changed: Tensor = rows + self.change(rows)
        return changed


@dataclass(frozen=True)
class ResidualMlp:
    """What comes in, plus an MLP of it without norms: ATC's predictor (2009.08319)."""

    hidden: int = 512
    """numbers in its one hidden layer"""

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")

    def outputs(self, inputs: int) -> int:
        """As many as come in."""
        return inputs

    def build(self, inputs: int) -> Residual:
        """Build it for rows of `inputs` numbers."""
        first, last = nn.Linear(inputs, self.hidden), nn.Linear(self.hidden, inputs)
        return Residual(nn.Sequential(first, nn.ReLU(), last))
