"""Static images: several views of each through one network, as objectives read them."""

from collections.abc import Sequence
from itertools import permutations

import torch
from jaxtyping import Bool, Int64, Shaped
from torch import Tensor, nn

from ssl_objectives.objective import Objective, TargetKind, Views
from ssl_objectives.parts.targets import EmaTarget


class Branches(nn.Module):
    """Encoder → projector (→ predictor), and the target that the objective asks for.

    The target network copies encoder and projector and follows them after each update.
    Deviation: BYOL's official code begins with two different networks; here the target
    begins as a copy.

    Args:
        encoder: `[N, …]` images to `[N, D]` latents: what is kept in the end.
        projector: latents to the space of the objective; `nn.Identity()` for none.
        predictor: projections to predictions; None where the method has none.
        objective: says in `needs` which target it wants.
        decay: of the target network, per update; only with an EMA target.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        predictor: nn.Module | None,
        objective: Objective,
        decay: float = 0.99,
    ) -> None:
        super().__init__()
        self.online = nn.Sequential(encoder, projector)
        self.predictor = predictor
        self.objective = objective
        self.kind = objective.needs.target
        self.target: EmaTarget | None = None
        if self.kind is TargetKind.EMA:
            self.target = EmaTarget(self.online, decay)
        self._seen: Views | None = None

    @property
    def encoder(self) -> nn.Module:
        """What remains when pretraining is over."""
        return self.online[0]

    def views(
        self,
        images: Sequence[Shaped[Tensor, "N ..."]],
        valid: Bool[Tensor, "N"] | None = None,
        row: Int64[Tensor, "N"] | None = None,
    ) -> Views:
        """Project, predict and aim: every ordered pair of views is compared.

        Raises:
            ValueError: fewer or more views than the objective takes.
        """
        least, most = self.objective.needs.views
        if len(images) < least or (most is not None and len(images) > most):
            wanted = f"{least} to {most}" if most is not None else f"at least {least}"
            raise ValueError(
                f"{type(self.objective).__name__} takes {wanted} views of each image, "
                f"not {len(images)}"
            )
        z = tuple(self.online(x) for x in images)
        p = z if self.predictor is None else tuple(self.predictor(x) for x in z)
        return Views(
            z=z,
            p=p,
            t=self._targets(images, z),
            pairs=tuple(permutations(range(len(images)), 2)),
            valid=valid,
            row=row,
        )

    def loss(
        self,
        images: Sequence[Shaped[Tensor, "N ..."]],
        valid: Bool[Tensor, "N"] | None = None,
        row: Int64[Tensor, "N"] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What to minimise: mean over valid rows, plus the regulariser; and metrics."""
        views = self.views(images, valid, row)
        self._seen = views.detach()
        loss = self.objective(views)
        total = loss.regularizer
        if loss.per_sample is not None:
            count = len(loss.per_sample) if valid is None else valid.sum().clamp(min=1)
            total = total + loss.per_sample.sum() / count
        return total, dict(loss.metrics)

    @torch.no_grad()
    def after_update(self) -> None:
        """Let the target follow and the objective observe; after each gradient step."""
        if self.target is not None:
            self.target.follow(self.online)
        seen, self._seen = self._seen, None
        if seen is not None:
            self.objective.observe(seen)

    def _targets(
        self, images: Sequence[Tensor], z: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        if self.kind is TargetKind.SHARED:
            return z
        if self.target is None:
            return tuple(x.detach() for x in z)
        with torch.no_grad():
            return tuple(self.target.network(x) for x in images)
