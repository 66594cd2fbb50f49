"""Linear softmax probes of many facts at once, as in AtariARI (arXiv 1906.08226)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from world_models.probing.f1 import Counts, weighted_f1
from world_models.probing.probe import Probe, Reader, Tally
from world_models.probing.rows import Rows

_SEED = 0  # of weights and batches: all latents are asked the same
UNSEEN = -1  # stands for a class that no training row has


@final
class ClassReader(Reader):
    """Reads facts that are classes by one linear map each.

    Attributes:
        known: the classes of each fact that training rows have, in order.
        outputs: a score for each of them.
    """

    def __init__(
        self,
        known: Mapping[str, Int64[Tensor, "K"]],
        outputs: Mapping[str, nn.Linear],
    ) -> None:
        self.known, self.outputs = known, outputs

    @torch.no_grad()
    def told(self, rows: Rows) -> dict[str, Int64[Tensor, "N"]]:
        """The class that each fact most probably has."""
        if not self.outputs:
            return {}
        latent = rows.latent.float()
        return {k: x[self.outputs[k](latent).argmax(-1)] for k, x in self.known.items()}

    def read(self, rows: Rows) -> dict[str, Tally]:
        """`Counts` of each fact."""
        return {
            k: Counts(x, rows.facts[k], rows.episode)
            for k, x in self.told(rows).items()
        }


@final
@dataclass(frozen=True)
class Softmax(Probe):
    """A linear softmax per fact on latents as they are, by Adam with early stopping.

    `-log softmax(W_l z + b_l)[y_l]`, of all facts in one product, and each as if it
    were alone: each has its own learning rate, which falls to a fifth where its loss on
    the validation rows no longer falls, its own end, and the weights of its best epoch.

    The settings are those of the paper. Deviations from its published code: that has
    neither schedule nor early stopping, which the paper describes; a fact ends when
    neither its F1 nor its loss improves, and the weights of the pass with the best F1
    are kept, of equal ones that with the least loss (where classes are many, few rows
    are told rightly, and by accuracy one class of all rows may seem the best; latents
    of a random CNN are so much alike that it stays so for many passes, while the loss
    falls); a class that no training row has has no output, where the code has 256 of
    each label. (It would hardly be told, and is missed in both.)
    """

    learning_rate: float = 5e-4
    """of Adam at the start"""
    batch: int = 64
    """rows in a gradient step"""
    epochs: int = 100
    """passes over the training rows, at most"""
    patience: int = 15
    """passes without a better F1 or loss on validation rows, before a fit ends"""
    plateau: int = 5
    """passes without a better loss, behind which its learning rate falls"""
    lowest: float = 1e-5
    """learning rate to which it falls at most"""
    name: str = field(default="softmax", init=False)

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "patience", "plateau"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if not 0 < self.lowest <= self.learning_rate:
            raise ValueError(
                "learning_rate must not lie below lowest, and both above 0, not "
                f"{self.learning_rate} and {self.lowest}"
            )

    def fit(self, train: Rows, val: Rows) -> ClassReader:
        """Of all facts that are classes."""
        known = {k: x.unique() for k, x in train.classes.items()}
        if not known:
            return ClassReader({}, {})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            made = [nn.Linear(train.latent.shape[1], len(x)) for x in known.values()]
        fits = [_Fit(x.to(train.latent.device), self) for x in made]
        x, other_x = train.latent.float(), val.latent.float()
        y, other_y = _numbers(known, train), _numbers(known, val)
        generator = torch.Generator().manual_seed(_SEED)
        side_by_side = _SideBySide(fits)
        for _ in range(self.epochs):
            going = [i for i, fit in enumerate(fits) if not fit.ended]
            if not going:
                break
            if len(going) < len(side_by_side.fits):
                side_by_side = _SideBySide([fits[i] for i in going])
            order = torch.randperm(len(x), generator=generator).to(x.device)
            wanted = y[:, going]
            for chosen in order.split(self.batch):
                side_by_side.step(x[chosen], wanted[chosen])
            side_by_side.judge(other_x, other_y[:, going])
        outputs = (fit.best_output() for fit in fits)
        return ClassReader(known, dict(zip(known, outputs, strict=True)))


@final
@dataclass(frozen=True)
class Majority(Probe):
    """The baseline that looks at nothing: it says the commonest training class."""

    name: str = field(default="majority", init=False)

    def fit(self, train: Rows, val: Rows) -> ClassReader:
        """Of all facts that are classes; nothing is chosen."""
        known = {k: x.mode().values[None] for k, x in train.classes.items()}
        blind = nn.Linear(train.latent.shape[1], 1).to(train.latent.device)
        return ClassReader(known, dict.fromkeys(known, blind))


@final
class _Fit:
    """One fact's optimiser, its schedule, and its best weights so far."""

    def __init__(self, output: nn.Linear, config: Softmax) -> None:
        self.output, self.patience = output, config.patience
        self.optimizer = torch.optim.Adam(
            output.parameters(), config.learning_rate, eps=1e-5, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=0.2, patience=config.plateau, min_lr=config.lowest
        )
        self.best, self.least, self.since = -1.0, float("inf"), 0
        self.kept: dict[str, Tensor] = {}

    @property
    def ended(self) -> bool:
        """Whether it has not become better for long."""
        return self.since >= self.patience

    def judge(self, f1: float, loss: float) -> None:
        """Take note of a pass."""
        self.schedule.step(loss)
        risen, fallen = f1 > self.best, loss < self.least
        self.since = 0 if risen or fallen else self.since + 1
        if risen or (fallen and f1 == self.best):
            self.kept = {k: v.clone() for k, v in self.output.state_dict().items()}
        self.best, self.least = max(self.best, f1), min(self.least, loss)

    def best_output(self) -> nn.Linear:
        """As it was behind its best pass."""
        self.output.load_state_dict(self.kept)
        return self.output.requires_grad_(False)


@final
class _SideBySide:
    """The maps of several facts in one matrix: one product serves all.

    Of each, `dL/ds = softmax(s) - onehot(y)`, over the mean of rows.

    Attributes:
        fits: whose weights and gradients are parts of the matrices here.
    """

    def __init__(self, fits: Sequence[_Fit]) -> None:
        self.fits = fits
        self._sizes = [x.output.out_features for x in fits]
        self._weight = torch.cat([x.output.weight.detach() for x in fits])
        self._bias = torch.cat([x.output.bias.detach() for x in fits])
        self._gradients = torch.empty_like(self._weight), torch.empty_like(self._bias)
        for whole, gradient, name in zip(
            (self._weight, self._bias), self._gradients, ("weight", "bias"), strict=True
        ):
            parts = whole.split(self._sizes), gradient.split(self._sizes)
            for fit, part, slope in zip(fits, *parts, strict=True):
                parameter = getattr(fit.output, name)
                parameter.data, parameter.grad = part, slope

    @torch.no_grad()
    def step(self, x: Float[Tensor, "n D"], y: Int64[Tensor, "n L"]) -> None:
        """One step of each, on its own loss."""
        slopes = []
        for scores, wanted in zip(self._scores(x), y.split(1, 1), strict=True):
            told = scores.softmax(-1)
            slopes.append(told.scatter_add_(1, wanted, told.new_full(y.shape, -1.0)))
        slope = torch.cat(slopes, 1).div_(len(x))
        torch.mm(slope.T, x, out=self._gradients[0])
        torch.sum(slope, 0, out=self._gradients[1])
        for fit in self.fits:
            fit.optimizer.step()

    @torch.no_grad()
    def judge(self, x: Float[Tensor, "V D"], y: Int64[Tensor, "V L"]) -> None:
        """Tell each its F1 and loss on the validation rows."""
        scores = self._scores(x)
        f1 = weighted_f1(torch.stack([s.argmax(-1) for s in scores], 1), y)
        losses = [
            nn.functional.cross_entropy(s, z, ignore_index=UNSEEN, reduction="none")
            for s, z in zip(scores, y.unbind(1), strict=True)
        ]
        loss = torch.stack(losses, 1).mean(0)
        told = torch.stack([f1, loss.double()], 1).tolist()
        for fit, judged in zip(self.fits, told, strict=True):
            fit.judge(*judged)

    def _scores(self, x: Float[Tensor, "n D"]) -> tuple[Float32[Tensor, "n C"], ...]:
        scores: Tensor = nn.functional.linear(x, self._weight, self._bias)
        return tuple(torch.split(scores, self._sizes, 1))


def _numbers(
    known: Mapping[str, Int64[Tensor, "K"]], rows: Rows
) -> Int64[Tensor, "N L"]:
    """Classes of all facts as places among those that are known; else `UNSEEN`."""
    made = []
    for name, classes in known.items():
        value = rows.facts[name].contiguous()
        place = torch.searchsorted(classes, value).clamp(max=len(classes) - 1)
        made.append(place.where(classes[place] == value, UNSEEN))
    return torch.stack(made, 1)
