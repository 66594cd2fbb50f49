"""How far predicted objects are from where they came to be."""

from dataclasses import dataclass, field
from typing import final

from jaxtyping import Float32
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from world_models.objects.layout import Layout, Objects


def distances(guess: Objects, came: Objects, scale: float) -> Float32[Tensor, "*batch"]:
    """See `ObjectDistance`; masks give no gradient."""
    away = scale * (guess.place - came.place)
    far = (away.square().sum(-1) + 1e-6).sqrt()
    return (far * guess.mask.detach() * came.mask).sum((-2, -1))


@final
class ObjectDistance(Objective):
    """`Σ_o m_o m'_o √(‖s (x̂_o - x'_o)‖² + 10⁻⁶)` over the objects of all groups.

    An object counts where it can be seen when the prediction is made (`m`) and when it
    comes true (`m'`); arXiv 2007.07853 sums the same norms, without s. Its square would
    make rare jumps all there is to learn.

    Args:
        layout: of predictions and targets.
        scale: s.
    """

    needs = Needs(target=TargetKind.STOP)

    def __init__(self, layout: Layout, scale: float = 5.0) -> None:
        super().__init__()
        self.layout, self.scale = layout, scale

    def forward(self, views: Views) -> Loss:
        """Per row; rows that are not valid are 0 without gradient."""
        ((i, j),) = views.pairs
        prediction, target = views.p[i], views.t[j]
        assert prediction is not None
        assert target is not None
        guess, came = self.layout.read(prediction), self.layout.read(target.detach())
        total = distances(guess, came, self.scale)
        if views.valid is not None:
            total = total.masked_fill(~views.valid, 0.0)
        return Loss(total, total.new_zeros(()))


@dataclass(frozen=True)
class ObjectDistanceConfig:
    """Distances of predicted objects from where they came to be."""

    layout: Layout = field(default_factory=Layout)
    """groups and objects"""
    scale: float = 5.0
    """what distances are multiplied with"""

    def build(self, sizes: Sizes) -> ObjectDistance:
        """Build the objective.

        Raises:
            ValueError: what is predicted are no such objects.
        """
        if sizes.latent != self.layout.size:
            raise ValueError(
                f"{self.layout.groups} groups of {self.layout.objects} objects are "
                f"{self.layout.size} numbers, and {sizes.latent} are predicted"
            )
        return ObjectDistance(self.layout, self.scale)
