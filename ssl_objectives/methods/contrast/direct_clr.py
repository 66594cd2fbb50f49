"""DirectCLR: InfoNCE on a part of the encoder's output, without a projector."""

from dataclasses import dataclass, replace

from torch import Tensor

from ssl_objectives.methods.contrast.info_nce import info_nce
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import Cosine, checked_temperature


class DirectClr(Objective):
    """DirectCLR (arXiv 2110.09348): InfoNCE on the first d₀ numbers of the encoder.

    `-log e^{s_nn/τ} / Σ_m e^{s_nm/τ}`, s the cosine of `h[:d₀]` in two views, N
    candidates, none of the own view; the mean of both directions, as in the official
    code. The other numbers get no gradient from here: they learn only what layers that
    they share with the first ones learn. Where the encoder ends in a linear layer
    rather than in a sum with a skip connection, that layer's other rows stay as they
    were at the start.

    Args:
        size: d₀.
        temperature: τ.
    """

    needs = Needs(rep=True)

    def __init__(self, size: int, temperature: float = 0.1) -> None:
        super().__init__()
        self.size = size
        self.contrast = info_nce(Cosine(temperature))

    def forward(self, views: Views) -> Loss:
        """Mean over pairs of views."""
        first = tuple(self._first(x) for x in views.rep)
        loss: Loss = self.contrast(replace(views, z=first, p=first, t=first))
        assert loss.per_sample is not None
        return replace(loss, per_sample=loss.per_sample / len(views.pairs))

    def _first(self, rep: Tensor | None) -> Tensor | None:
        return None if rep is None else rep[..., : self.size]


@dataclass(frozen=True)
class DirectClrConfig:
    """DirectCLR: contrast the first numbers of the encoder's output, no projector."""

    share: float = 360 / 2048
    """of the encoder's numbers, d₀ / R"""
    temperature: float = 0.1
    """τ of the cosine"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if not 0 < self.share <= 1:
            raise ValueError(f"a share must be in (0, 1], not {self.share}")

    def build(self, sizes: Sizes) -> DirectClr:
        """Build it for the encoder's output.

        Raises:
            ValueError: its size is not known.
        """
        if sizes.rep < 1:
            raise ValueError(
                "DirectCLR reads the encoder's output; say how many numbers it has"
            )
        return DirectClr(max(1, round(self.share * sizes.rep)), self.temperature)
