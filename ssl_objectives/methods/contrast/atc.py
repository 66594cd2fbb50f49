"""ATC: augmented temporal contrast of a frame with one a few steps later."""

from dataclasses import dataclass

from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.objective import Needs, Sizes, TargetKind
from ssl_objectives.parts.candidates import OtherView
from ssl_objectives.parts.critics import Bilinear


def atc(size: int, groups: int = 1) -> Contrast:
    """ATC's loss (arXiv 2009.08319): which later frame belongs to this one?

    `-log e^{l_ii} / Σ_j e^{l_ij}` with `l_ij = p_iᵀ W c̄_j`: p is the prediction of the
    anchor (its code plus an MLP of it, `ResidualMlp`), c̄ the code of the later frame by
    a slow copy of the network, without gradient; the negatives are the later frames of
    all others in the batch. One direction, from anchors to later frames, if views are
    such (`LaterTarget`). Deviation: W begins as
    the identity / √D, as CPC's here, where the official code draws it.

    Args:
        size: D, numbers in a code.
        groups: K, problems along the first group axis, with a W for each.
    """
    needs = Needs(target=TargetKind.EMA)
    return Contrast(Bilinear(size, groups), OtherView(), needs=needs)


@dataclass(frozen=True)
class AtcConfig:
    """ATC: tell which frame comes a few steps later, by a bilinear critic."""

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective for `sizes.latent`, with a matrix for each step ahead."""
        return atc(sizes.latent, max(1, sizes.ahead))
