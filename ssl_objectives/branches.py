"""The Siamese network for images: encoder, projector, predictor, target network."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor, nn

from ssl_objectives.distributed import gathered
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.evaluating import evaluating
from ssl_objectives.objective import Objective, TargetKind, Views
from ssl_objectives.parts.step_counter import StepCounter
from ssl_objectives.parts.targets import EmaTarget, rising


class _WithMaps(Protocol):
    """What an encoder must be where an objective wants feature maps."""

    def with_maps(
        self, images: Shaped[Tensor, "N ..."]
    ) -> tuple[Float[Tensor, "N R"], Float[Tensor, "N F h w"]]:
        """Latents and feature maps."""


class _WithVisible(Protocol):
    """What an encoder must be where an objective hides patches from it."""

    def with_visible(
        self, images: Shaped[Tensor, "N ..."], kept: Int64[Tensor, "N K"]
    ) -> tuple[Float[Tensor, "N R"], Float[Tensor, "N F h w"]]:
        """Latents and feature maps of some patches alone."""


class Branches(nn.Module):
    """Encoder → projector (→ predictor), and the target network (shared, stopped, EMA).

    The target network copies encoder and projector and follows them after each update.
    Deviation: BYOL's official code begins with two different networks; here the target
    begins as a copy. A projector that returns a tuple makes several views of an image.

    Args:
        encoder: `[N, …]` images to `[N, R]` latents: what is kept in the end. Its
            `with_maps(images)` gives latents and feature maps, for who needs maps;
            `with_visible(images, kept)` likewise of some patches alone.
        projector: latents to the space of the objective; `nn.Identity()` for none.
        predictor: projections to predictions; None where the method has none.
        objective: says in `needs` which target it wants.
        decay: of the target network, per update; only with an EMA target.
        steps: if above 0, the decay rises to 1 over so many updates, as BYOL's
            (`parts.targets.rising`).
        name: what people are told of as refusing; default: the objective's class.
        precision: what projector and predictor compute in; what they give is float32.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        predictor: nn.Module | None,
        objective: Objective,
        decay: float = 0.99,
        steps: int = 0,
        name: str | None = None,
        precision: Precision = Precision.FLOAT32,
    ) -> None:
        super().__init__()
        self.precision = precision
        self.online = nn.Sequential(encoder, projector)
        self.predictor = predictor
        self.objective = objective
        self.name = name or type(objective).__name__
        self.kind = objective.needs.target
        self.target: EmaTarget | None = None
        self.counter = StepCounter()
        self.decay, self.decay_steps = decay, steps
        if self.kind is TargetKind.EMA:
            self.target = EmaTarget(self.online, decay)
        self._seen: Views | None = None
        self._latents: Tensor | None = None

    @property
    def encoder(self) -> nn.Module:
        """What remains when pretraining is over."""
        return self.online[0]

    @property
    def projector(self) -> nn.Module:
        """From the encoder's latents to the space of the objective."""
        return self.online[1]

    @property
    def seen(self) -> Views | None:
        """What the last loss was taken of, without history; until `after_update`."""
        return self._seen

    @property
    def latents(self) -> Float[Tensor, "N R"] | None:
        """What the encoder made of the first view, in this process; as `seen`."""
        return self._latents

    def views(
        self,
        images: Sequence[Shaped[Tensor, "N ..."]],
        valid: Bool[Tensor, "N"] | None = None,
        row: Int64[Tensor, "N"] | None = None,
        *,
        num_targets: int | None = None,
        extra: Mapping[str, Tensor] | None = None,
    ) -> Views:
        """Project, predict and aim: every view is compared with every other target.

        With several processes, the rows of all (`ssl_objectives/distributed.py`).

        Args:
            images: one batch per view.
            valid: rows that count.
            row: stable ids of the rows.
            num_targets: how many views, from the first, are also targets; None: all.
            extra: whatever else the objective needs, see `Views.extra`.

        Raises:
            ValueError: fewer or more views than the objective takes, or something
                that it needs is missing.
        """
        needs = self.objective.needs
        num_targets = len(images) if num_targets is None else num_targets
        self._check_given(row, extra or {})
        reps, maps = self._encode(images, row)
        self._latents = reps[0].detach()
        made = [self._head(self.projector, x) for x in reps]
        z = tuple(x for several in made for x in several)
        self._check_number(len(z))
        per_image = len(made[0])
        aims, maps_of_aims = self._targets(
            images[:num_targets], z[: num_targets * per_image]
        )
        views = Views(
            z=z,
            p=z if self.predictor is None else self._predicted(z),
            t=aims + (None,) * (len(z) - len(aims)),
            pairs=_pairs(len(z), len(aims)),
            valid=valid,
            row=row,
            rep=reps if needs.rep else (),
            maps=maps,
            aims=maps_of_aims,
            extra={name: (extra or {})[name] for name in needs.extra},
        )
        return gathered(views)

    def loss(
        self,
        images: Sequence[Shaped[Tensor, "N ..."]],
        valid: Bool[Tensor, "N"] | None = None,
        row: Int64[Tensor, "N"] | None = None,
        *,
        num_targets: int | None = None,
        extra: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What to minimise: mean over valid rows, plus the regulariser; and metrics."""
        views = self.views(images, valid, row, num_targets=num_targets, extra=extra)
        self._seen = views.detach()
        loss = self.objective(views)
        return loss.mean(views.valid), dict(loss.metrics)

    @torch.no_grad()
    def after_update(self) -> None:
        """Let the target follow and the objective observe; after each gradient step."""
        if self.target is not None:
            done = self.counter.progress(self.decay_steps) if self.decay_steps else 0.0
            self.target.follow(self.online, rising(self.decay, done))
        self.counter.advance()
        seen, self._seen, self._latents = self._seen, None, None
        if seen is not None:
            self.objective.observe(seen)

    @torch.no_grad()
    def project(self, images: Shaped[Tensor, "N ..."]) -> Float[Tensor, "N D"]:
        """Projections for `Objective.refresh`: of the target network if there is one.

        In evaluation mode, so that images do not see each other. Of several views that
        a projector makes, the first.
        """
        network = self.online if self.target is None else self.target.network
        with evaluating(network):
            return self._through(network, images)[0]

    def _encode(
        self, images: Sequence[Tensor], row: Tensor | None
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Latents, and feature maps if the objective wants them."""
        if self.objective.needs.masked:
            assert row is not None, "an objective that hides patches needs row ids"
            kept = self.objective.visible(row)
            hiding = cast(_WithVisible, self.encoder)
            both = [hiding.with_visible(x, kept) for x in images]
            return tuple(x for x, _ in both), tuple(x for _, x in both)
        if self.objective.needs.one_batch and len(images) > 1:
            made = self._encode_each([torch.cat(tuple(images))])
            parts = [len(x) for x in images]
            reps, maps = (
                tuple(y for x in each for y in x.split(parts)) for each in made
            )
            return reps, maps
        return self._encode_each(images)

    def _encode_each(
        self, images: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        if not self.objective.needs.maps:
            return tuple(self.encoder(x) for x in images), ()
        both = [cast(_WithMaps, self.encoder).with_maps(x) for x in images]
        return tuple(x for x, _ in both), tuple(x for _, x in both)

    def _predicted(self, z: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        assert self.predictor is not None
        return tuple(self._head(self.predictor, x)[0] for x in z)

    def _through(self, network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
        """Encoder and projector, one behind the other."""
        encoder, projector = cast(nn.Sequential, network)
        return self._head(projector, encoder(images))

    def _head(self, head: nn.Module, rows: Tensor) -> tuple[Tensor, ...]:
        """What a head makes of rows, as views: computed in one format, given in one."""
        if self.precision is Precision.FLOAT32:
            return _several(head(rows))
        with self.precision.autocast(rows.device):
            made = _several(head(rows))
        return tuple(x.to(rows.dtype) for x in made)

    def _targets(
        self, images: Sequence[Tensor], z: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Target rows, and feature maps of whole images if the objective wants them."""
        if self.objective.needs.aims:
            network = self.online if self.target is None else self.target.network
            with torch.no_grad():
                both = [self._with_aims(network, x) for x in images]
            return tuple(x for rows, _ in both for x in rows), tuple(x for _, x in both)
        if self.kind is TargetKind.SHARED:
            return z, ()
        if self.target is None:
            return tuple(x.detach() for x in z), ()
        with torch.no_grad():
            made = [self._through(self.target.network, x) for x in images]
        return tuple(x for several in made for x in several), ()

    def _with_aims(
        self, network: nn.Module, images: Tensor
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """What a network makes of images, and its feature maps."""
        encoder, projector = cast(nn.Sequential, network)
        rows, maps = cast(_WithMaps, encoder).with_maps(images)
        return self._head(projector, rows), maps

    def _check_number(self, num: int) -> None:
        least, most = self.objective.needs.views
        if num < least or (most is not None and num > most):
            if most is None:
                wanted = f"at least {least}"
            else:
                wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ValueError(
                f"{self.name} takes {wanted} views of each image, not {num}"
            )

    def _check_given(self, row: Tensor | None, extra: Mapping[str, Tensor]) -> None:
        needs, name = self.objective.needs, self.name
        if needs.rows and row is None:
            raise ValueError(f"{name} remembers rows; give their ids as `row`")
        for missing in needs.extra - extra.keys():
            raise ValueError(
                f"{name} needs '{missing}' of each image; give it in `extra`"
            )


def _pairs(num: int, num_targets: int) -> tuple[tuple[int, int], ...]:
    """Each view with every other one's target; a single view with its own."""
    pairs = [(i, j) for i in range(num) for j in range(num_targets) if i != j]
    return tuple(pairs) or ((0, 0),)


def _several(made: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What a head makes of a batch, as views."""
    return made if isinstance(made, tuple) else (made,)
