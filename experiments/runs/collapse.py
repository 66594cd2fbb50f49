"""By which metrics a collapse of latents shows, and what each of them means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

_TINY = 1e-6
ZERO_ROWS = 0.40205
"""SIGReg per row where all latents are 0, with the 17 knots up to 3 that it has"""


class Sign(NamedTuple):
    """A number that should not be low.

    Attributes:
        name: of the metric it is made of.
        value: the number.
        limit: it is low below this, and has recovered at twice this.
        warning: what it means to be low, and what helps.
        patience: rows of metrics in a row before that is said; None: as anywhere.
    """

    name: str
    value: float
    limit: float
    warning: str
    patience: int | None = None


@dataclass(frozen=True)
class CollapseLimits:
    """When latents count as collapsed.

    Attributes:
        rank_fraction: of the latent's dimension, for its effective rank.
        least_rank: an effective rank below this is collapse in any dimension.
        least_spread: latents closer to their mean than this share of their size have
            collapsed onto a point; on Atari they begin at 0.05 to 0.2.
        spread_fraction: of the largest spread so far: the way to a point is long.
        least_scale: std of a latent's component, in any model; they begin at 0.05 to 1.
        scale_fraction: of the largest scale so far.
        sigreg_band: SIGReg per row is stuck within this share of `ZERO_ROWS`. That is
            where latents have a std below 0.05, and small ones may begin there.
        sigreg_patience: rows of metrics without a step further away than ever since it
            came there; models that grew out of it, at learning rates from 1e-4 on, had
            at most 6 such rows.
        most_background: share of the background in the latents' variance; that of an
            untrained encoder is 0.7 to 0.85 on the moving dot. Evaluations are rare and
            look at many frames, so the first one above is said.
        least_std: std of a component of an encoder that is pretrained, and of its
            projections. They begin at 0.12 to 1; without VICReg's variance term they
            are below 0.015 within 100 steps.
        std_fraction: of the largest std so far, in addition: behind several linear
            layers projections begin at 0.015, and learn.
        least_knn: a short probe that names so much less than before training, as a
            share of all test images, is worse; 500 images are a point or two off.
        knn_patience: probes in a row; they are rare.
        most_told: nats that a code of chance may tell of what was known before; without
            a critic it tells 1.5 to 2.5 in a world of 64 situations, and with a critic
            that minimises what it should maximise the bound falls without end. Critics
            that play are at 0 to 0.8.
        told_after: gradient steps of the model before that is asked: a critic has to
            learn first.
    """

    rank_fraction: float = 0.01
    least_rank: float = 1.5
    least_spread: float = 1e-3
    spread_fraction: float = 0.02
    least_scale: float = 1e-4
    scale_fraction: float = 1e-3
    sigreg_band: float = 0.01
    sigreg_patience: int = 20
    most_background: float = 0.9
    least_std: float = 0.02
    std_fraction: float = 0.25
    least_knn: float = 0.02
    knn_patience: int = 2
    most_told: float = 1.0
    told_after: int = 300


def signs_of_latents(
    metrics: Mapping[str, float],
    latent_dim: int | None,
    limits: CollapseLimits,
    largest: dict[str, float],
) -> Iterator[Sign]:
    """Of a world model's latents, and of whatever SIGReg is to keep apart.

    Args:
        metrics: of one update.
        latent_dim: D of the world model; None leaves the rank alone.
        limits: when a number is low.
        largest: what numbers have been at most, by metric; brought up to date.
    """
    name = "world_model/effective_rank"
    if name in metrics and latent_dim is not None:
        yield Sign(
            name,
            metrics[name],
            max(limits.least_rank, limits.rank_fraction * latent_dim),
            f"The world model's latents have collapsed: they use about "
            f"{metrics[name]:.3g} of {latent_dim} dimensions, so prediction "
            "is easy and the bonus means little. An objective with a variance "
            "term, a slower target or a smaller learning rate helps.",
        )
    name = "world_model/latent_spread"
    if name in metrics:
        most = peak(largest, name, metrics[name])
        yield Sign(
            name,
            metrics[name],
            max(limits.least_spread, limits.spread_fraction * most),
            f"The world model's latents have all but become one point: they differ "
            f"from their mean by {metrics[name]:.2g} of their size, after {most:.2g} "
            "at most, so prediction is easy and the bonus means little. An objective "
            "with a variance term, a slower target or a smaller learning rate helps.",
        )
    name = "world_model/latent_scale"
    if name in metrics:
        most = peak(largest, name, metrics[name])
        yield Sign(
            name,
            metrics[name],
            max(limits.least_scale, limits.scale_fraction * most),
            f"The world model's latents have shrunk to next to nothing: a component's "
            f"std is {metrics[name]:.2g}, after {most:.2g} at its largest. Whoever "
            "reads them sees zeros, and squared errors are small whatever is "
            "predicted. A weaker weight decay, a larger weight of the variance term or "
            "a batch norm behind the encoder helps.",
        )
    for name in metrics:
        if name.endswith("sigreg/per_row"):
            yield _stuck(name, metrics[name], limits, largest)
    yield from _of_codes(metrics, limits)
    name = "evaluate/background_share"
    if name in metrics:
        yield Sign(
            name,
            1 - metrics[name],
            1 - limits.most_background,
            "The latents hold what lies behind and not what moves: the background "
            f"alone explains {metrics[name]:.0%} of their variance. What lasts "
            "predicts itself, however well the objective keeps latents apart. "
            "Inverse dynamics, negatives within the trajectory, a term for temporal "
            "variance or differences of frames as input help.",
            patience=1,
        )


def signs_of_pretraining(
    metrics: Mapping[str, float],
    limits: CollapseLimits,
    largest: dict[str, float],
    first: dict[str, float],
) -> Iterator[Sign]:
    """Of an encoder that is pretrained: its own latents, and what is made of them.

    Args:
        metrics: of one step, or of an evaluation.
        limits: when a number is low.
        largest: what numbers have been at most, by metric; brought up to date.
        first: the first value of those numbers that are compared with it, by metric;
            brought up to date.
    """
    yield from _of_rows("encoder", "encoder's latents", metrics, limits, largest)
    yield from _of_rows("projection", "projections", metrics, limits, largest)
    name = "evaluate/knn"
    if name in metrics:
        before = first.setdefault(name, metrics[name])
        lost = before - metrics[name]
        yield Sign(
            name,
            1 / max(lost, _TINY),
            1 / limits.least_knn,
            f"The encoder tells images apart worse than before it was trained: k-NN "
            f"names {metrics[name]:.1%} of the test images, and at the start it was "
            f"{before:.1%}. Either the latents collapse, whatever the loss says, or "
            "the method throws away what the classes differ in: look at "
            "encoder/effective_rank and at the views; a smaller learning rate may "
            "help.",
            patience=limits.knn_patience,
        )


def _of_rows(
    where: str,
    what: str,
    metrics: Mapping[str, float],
    limits: CollapseLimits,
    largest: dict[str, float],
) -> Iterator[Sign]:
    """Rank, spread and scale, each of which sees what the others do not."""
    advice = (
        "A predictor and a slower target, a term for variance, or a smaller "
        "learning rate helps."
    )
    name = f"{where}/effective_rank"
    if name in metrics:
        yield Sign(
            name,
            metrics[name],
            limits.least_rank,
            f"The {what} have collapsed: they use about {metrics[name]:.3g} "
            f"directions, so the loss says little. {advice}",
        )
    name = f"{where}/spread"
    if name in metrics:
        yield Sign(
            name,
            metrics[name],
            limits.least_spread,
            f"The {what} have all but become one point: they differ from their "
            f"mean by {metrics[name]:.2g} of their size. {advice}",
        )
    name = f"{where}/scale"
    if name in metrics:
        most = peak(largest, name, metrics[name])
        shrunk = min(limits.least_std, limits.std_fraction * most)
        yield Sign(
            name,
            metrics[name],
            max(limits.least_scale, shrunk),
            f"The {what} have shrunk to next to nothing: a component's std is "
            f"{metrics[name]:.2g}, after {most:.2g} at its largest. Differences cost "
            "little then, in however many directions, so the loss says little. "
            f"{advice}",
        )


def peak(largest: dict[str, float], name: str, value: float) -> float:
    """What a number has been at most, this time included; it is remembered."""
    largest[name] = max(largest.get(name, 0.0), value)
    return largest[name]


def _of_codes(metrics: Mapping[str, float], limits: CollapseLimits) -> Iterator[Sign]:
    """Of codes of what nobody could know: fresh rollouts tell more than minibatches."""
    name = "world_model/fresh_invariance"
    name = name if name in metrics else "world_model/invariance"
    if name not in metrics:
        return
    if metrics.get("world_model/updates", limits.told_after) < limits.told_after:
        return
    told, least = metrics[name], 1 / limits.most_told
    yield Sign(
        f"{name}/told",
        1 / max(told, _TINY),
        least,
        f"The world model's codes of chance tell {told:.2g} nats of what was known "
        "before. So part of what could be learned costs no error, and the bonus for "
        "it is lost. A larger lam, more critic steps, a smaller code or a lower "
        "loudness helps.",
    )
    yield Sign(
        f"{name}/against",
        1 / max(-told, _TINY),
        least,
        f"The critic that keeps codes of chance apart does worse than knowing nothing: "
        f"its bound is {told:.2g} nats, and 0 costs no skill. It must maximise what "
        "the generator minimises; if it does, more critic steps or a larger rate of "
        "its own helps.",
    )


def _stuck(
    name: str, per_row: float, limits: CollapseLimits, largest: dict[str, float]
) -> Sign:
    """SIGReg where it is over zeros, and does not get away from there."""
    away = abs(per_row / ZERO_ROWS - 1)
    leaves = away > largest.get(name, 0.0)
    # outside, the next stay begins anew; small latents that grow are further away
    # every few rows, those that shrink or stay never
    largest[name] = (
        max(largest.get(name, 0.0), away) if away < limits.sigreg_band else 0.0
    )
    longer = ", the larger the longer its rollouts" if "world_model" in name else ""
    return Sign(
        name,
        max(away, limits.sigreg_band) if leaves else away,
        limits.sigreg_band,
        f"SIGReg is stuck at {per_row:.4f} per row; all zeros have {ZERO_ROWS:.4f}. "
        "So latents are as good as 0, and it hardly pulls them apart. Give "
        f"SIGReg a larger weight{longer}; a batch norm as the encoder's last layer "
        "helps as well.",
        limits.sigreg_patience,
    )
