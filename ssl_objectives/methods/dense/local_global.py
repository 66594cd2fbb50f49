"""Deep InfoMax, AMDIM and ST-DIM: contrast of local features with global ones.

Deep InfoMax, AMDIM and ST-DIM are one objective with different tasks, losses and views.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import Critic, Dot, at_least_float32
from ssl_objectives.parts.local_features import (
    GlobalToLocal,
    GlobalToSameLocation,
    JensenShannon,
    LocalLoss,
    LocalToLocal,
    LocalToSameLocation,
    SoftmaxEach,
    Task,
    ViewFeatures,
)
from ssl_objectives.parts.mutual_information import masked_mean
from ssl_objectives.parts.step_counter import StepCounter

ViewPairs = Callable[[Views], Sequence[tuple[int, int]]]
"""Which view's queries meet which view's keys."""


def same_view(views: Views) -> Sequence[tuple[int, int]]:
    """Each view with itself."""
    return [(v, v) for v in range(len(views.z))]


def given_pairs(views: Views) -> Sequence[tuple[int, int]]:
    """Each view with every other one."""
    return views.pairs


def backwards_in_time(views: Views) -> Sequence[tuple[int, int]]:
    """Views are frames of a clip: each with the one before it."""
    return [(v + 1, v) for v in range(len(views.z) - 1)]


class LocalGlobal(Objective):
    """Local-global contrast: a sum of tasks, means over places and pairs of views.

    Global rows are projections `z`; local rows are feature maps, mapped by one linear
    layer over channels (a 1x1 convolution) which the objective trains. Rows that are
    not valid have loss 0, no gradient, and are nobody's negatives.

    Args:
        channels: F of the feature maps.
        size: D of the projections.
        tasks: who finds what.
        loss: what becomes of scores.
        pairs: which views meet.
        critic: of queries and keys.
        clip: c; scores become `c tanh(u / c)` before the loss. None: they do not.
        penalty: weight of the mean of u², before clipping, in the regularizer.
        least: number of views at least.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        tasks: Sequence[Task],
        loss: LocalLoss,
        pairs: ViewPairs,
        critic: Critic | None = None,
        clip: float | None = None,
        penalty: float = 0.0,
        least: int = 2,
    ) -> None:
        super().__init__()
        self.needs = Needs(views=(least, None), maps=True)
        self.local = nn.Linear(channels, size)
        self.tasks = nn.ModuleList(tasks)
        self.loss, self.pairs = loss, pairs
        self.critic = critic or Dot()
        self.clip, self.penalty = clip, penalty
        self.counter = StepCounter()

    def forward(self, views: Views) -> Loss:
        """See above; the penalty on scores, of all valid pairs, is the regularizer."""
        features = [self._features(views, v) for v in range(len(views.z))]
        whole = features[0].global_feature
        valid = views.valid
        if valid is None:
            valid = torch.ones(len(whole), dtype=torch.bool, device=whole.device)
        generator = self.counter.generator(whole.device)
        losses, penalties = [], []
        for i, j in self.pairs(views):
            for task in self.tasks:
                query, key = task(features[i], features[j], generator)
                raw = self.critic(query, key.flatten(-3, -2))
                raw = raw.unflatten(-1, (len(whole), -1))
                clipped = raw if self.clip is None else _soft_clip(raw, self.clip)
                each = self.loss(clipped, valid)
                losses.append(each.view(-1, len(whole)).mean(0))
                if self.penalty:
                    penalties.append(_mean_square(raw, valid))
        pairs = len(losses) / len(self.tasks)
        total = torch.stack(losses).sum(0).masked_fill(~valid, 0.0) / pairs
        if not penalties:
            return Loss(total, total.new_zeros(()))
        size = torch.stack(penalties).sum() / pairs
        metrics = {"local_global/squared_score": size.detach()}
        return Loss(total, self.penalty * size, metrics)

    def observe(self, views: Views) -> None:
        """Let tasks draw anew."""
        self.counter.advance()

    def _features(self, views: Views, v: int) -> ViewFeatures:
        whole, maps = views.z[v], views.maps[v]
        assert whole is not None
        assert maps is not None
        places = self.local(at_least_float32(maps).flatten(-2).mT)
        return ViewFeatures(at_least_float32(whole), places)


@dataclass(frozen=True)
class DeepInfoMaxConfig:
    """Deep InfoMax's local term (arXiv 1808.06670): an image knows its own places.

    `E_others[softplus(u) - log 2] - E_own[log 2 - softplus(-u)]` with `u = z·l`, within
    each view; with `SoftmaxEach` its InfoNCE form. Scale as the official code: means
    over places and images. Deviations: linear maps instead of MI networks of 2048
    units; no matching of a prior, no coordinates to predict; the softmax leaves the own
    places out by -∞ where the official code uses -10.
    """

    loss: JensenShannon | SoftmaxEach = field(default_factory=JensenShannon)
    """what becomes of scores"""

    def build(self, sizes: Sizes) -> LocalGlobal:
        """Build it for the encoder's feature maps.

        Raises:
            ValueError: there are none.
        """
        tasks = [GlobalToLocal()]
        channels = _channels(sizes, "Deep InfoMax")
        return LocalGlobal(channels, sizes.latent, tasks, self.loss, same_view, least=1)


@dataclass(frozen=True)
class AmdimConfig:
    """AMDIM (arXiv 1906.00910): an image and a place of it know places of other views.

    `SoftmaxEach` over `u = q·k / √D`, clipped to `c tanh(u / c)`, and a penalty on the
    mean of u² before clipping; the sum of both tasks, mean over directions, as in the
    official code. Deviations: one scale of feature maps where AMDIM has 5x5 and 7x7;
    one source place per step where it draws one per image; its latest code has the
    penalty 4e-2.
    """

    clip: float = 20.0
    """c, scores' largest size"""
    penalty: float = 5e-2
    """weight of squared scores"""

    def __post_init__(self) -> None:
        if not self.clip > 0:
            raise ValueError(f"scores must be clipped above 0, not at {self.clip}")

    def build(self, sizes: Sizes) -> LocalGlobal:
        """Build it for the encoder's feature maps.

        Raises:
            ValueError: there are none.
        """
        return LocalGlobal(
            _channels(sizes, "AMDIM"),
            sizes.latent,
            [GlobalToLocal(), LocalToLocal()],
            SoftmaxEach(),
            given_pairs,
            Dot(sizes.latent**0.5),
            self.clip,
            self.penalty,
        )


@dataclass(frozen=True)
class StDimConfig:
    """ST-DIM (arXiv 1906.08226): a frame, and each place of it, know the frame before.

    InfoNCE over the images of a batch at every place: `z_t · l_{t-1}` and
    `W l_t · l_{t-1}`, without normalisation; the sum of both, means over places, as in
    the official code. Views are frames of a clip, in order. Deviations: places are
    mapped linearly before they are compared, and z is a projection of its own.
    """

    def build(self, sizes: Sizes) -> LocalGlobal:
        """Build it for the encoder's feature maps.

        Raises:
            ValueError: there are none.
        """
        return LocalGlobal(
            _channels(sizes, "ST-DIM"),
            sizes.latent,
            [GlobalToSameLocation(), LocalToSameLocation(sizes.latent)],
            SoftmaxEach(),
            backwards_in_time,
        )


def _channels(sizes: Sizes, name: str) -> int:
    if sizes.maps is None:
        raise ValueError(f"{name} compares feature maps; use an encoder that has them")
    return sizes.maps[0]


def _soft_clip(u: Float[Tensor, "..."], size: float) -> Float[Tensor, "..."]:
    return size * torch.tanh(u / size)


def _mean_square(
    scores: Float[Tensor, "*P N N K"], valid: Bool[Tensor, "N"]
) -> Float[Tensor, ""]:
    of_images = scores.square().mean(-1)
    both = (valid.unsqueeze(-1) & valid).expand_as(of_images)
    return masked_mean(of_images.flatten(), both.flatten())
