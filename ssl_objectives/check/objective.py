"""`check_objective`: does an objective keep the contract? For our tests and yours."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ssl_objectives.check.state import copied, unchanged
from ssl_objectives.check.views import NUM_IDS, bindings, mapped, sizes, tracked
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views


class ObjectiveContractError(AssertionError):
    """An objective breaks the `Objective` contract; the message says how."""


def check_objective(make: Callable[[Sizes], Objective], latent_size: int = 12) -> None:
    """Compute losses on random rows and hold an objective to its contract.

    It is shown what it may be used with: two or more views with all ordered pairs, and
    (where a world model could hold it) a world model's one prediction and one target,
    beside rows that were seen and are none of these.

    Args:
        make: builds the objective: `MyConfig().build`.
        latent_size: D of the rows it is shown.

    Raises:
        ObjectiveContractError: with the first broken rule.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = make(sizes(latent_size))
        _demand(
            isinstance(first, Objective),
            f"it must be an Objective, not a {type(first).__name__}",
        )
        needs = first.needs
        _demand(isinstance(needs, Needs), f"`needs` must be Needs, not {needs!r}")
        for name, built_for, views in bindings(needs, latent_size):
            one, two = make(built_for), make(built_for)
            _Check(one, two, views, f"{name}: ").run()


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise ObjectiveContractError(message)


class _Check:
    """One objective, a twin of it, and rows: every rule is a method."""

    def __init__(
        self, objective: Objective, twin: Objective, views: Views, where: str
    ) -> None:
        self.objective, self.twin, self.views = objective, twin, views
        self.where = where
        assert views.valid is not None
        self.valid = views.valid

    def run(self) -> None:
        """All rules, the simplest first: what is told is what is really wrong."""
        self._returns_a_loss()
        self._repeats_and_writes_nothing()
        self._gradient_goes_where_it_should()
        self._invalid_rows_have_no_influence()
        self._survives_without_valid_rows()
        self._groups_are_independent()
        self._order_does_not_matter()
        self._observes_and_refreshes()
        self._state_is_all_there_is()

    def _say(self, condition: bool, rule: str) -> None:
        _demand(condition, self.where + rule)

    def _seen_valid(self) -> Tensor:
        """Which rows of z count."""
        seen = self.views.seen_valid
        assert seen is not None
        return seen

    def _loss(self, views: Views) -> Loss:
        loss: Loss = self.objective(views)
        return loss

    def _returns_a_loss(self) -> None:
        loss: Any = self.objective(self.views)
        self._say(
            isinstance(loss, Loss),
            f"forward must return a Loss, not a {type(loss).__name__}",
        )
        promised = self.objective.needs.per_sample
        self._say(
            (loss.per_sample is not None) == promised,
            f"needs.per_sample is {promised}, but there is "
            f"{'no' if promised else 'a'} per-sample term",
        )
        if loss.per_sample is not None:
            got, want = tuple(loss.per_sample.shape), tuple(self.valid.shape)
            self._say(
                got == want and loss.per_sample.dtype == torch.float32,
                f"per_sample is {loss.per_sample.dtype} {got}, expected one float32 "
                f"per row, {want}",
            )
            self._say(_finite(loss.per_sample), "per_sample is not finite")
        terms = {"the regularizer": loss.regularizer}
        terms |= {f"the metric '{k}'": x for k, x in loss.metrics.items()}
        for name, x in terms.items():
            scalar = isinstance(x, Tensor) and x.dim() == 0
            self._say(scalar, f"{name} must be a tensor without axes")
            self._say(_finite(x), f"{name} is not finite")

    def _repeats_and_writes_nothing(self) -> None:
        before = copied(self.objective)
        one, two = self._loss(self.views), self._loss(self.views)
        self._say(
            _same(one, two),
            "forward twice on the same views gave two losses; draw random numbers from "
            "a state that only `observe` advances",
        )
        self._say(
            unchanged(before, self.objective.state_dict()),
            "forward writes state; move that to `observe`",
        )

    def _gradient_goes_where_it_should(self) -> None:
        views = tracked(self.views)
        _total(self._loss(views)).backward()
        given, seen_valid = _rows_of(views), self._seen_valid()
        self._say(
            any(x.grad is not None and bool(x.grad.any()) for x in given),
            "no gradient reaches predictions or projections",
        )
        seen = {id(x) for x in views.seen}
        for x in given:
            spoiled = x.grad is not None and not _finite(x.grad)
            self._say(not spoiled, "a gradient is not finite")
            valid = seen_valid if id(x) in seen else self.valid
            leaked = x.grad is not None and bool(x.grad[~valid].any())
            self._say(not leaked, "rows that are not valid get gradient")
        if self.objective.needs.target is not TargetKind.SHARED:
            aims = (*views.t, *views.aims)
            moved = any(x is not None and x.grad is not None for x in aims)
            self._say(not moved, "targets get gradient; detach them")

    def _invalid_rows_have_no_influence(self) -> None:
        noise = torch.Generator().manual_seed(2)

        def spoil(x: Tensor, valid: Tensor) -> Tensor:
            garbage = 1e3 * torch.randn(x.shape, generator=noise)
            return torch.where(valid.view(*valid.shape, *_ones(x, valid)), x, garbage)

        self._same_on(
            self.valid,
            mapped(
                self.views,
                lambda x: spoil(x, self.valid),
                seen=lambda x: spoil(x, self._seen_valid()),
            ),
            "rows that are not valid change the loss of others",
        )
        everything = torch.ones_like(self.valid)
        all_seen = torch.ones_like(self._seen_valid())
        one = self._loss(replace(self.views, valid=None, valid_z=None))
        two = self._loss(replace(self.views, valid=everything, valid_z=all_seen))
        self._say(
            _close(one, two), "valid=None must mean the same as valid=True everywhere"
        )

    def _survives_without_valid_rows(self) -> None:
        valid = self.valid.clone()
        valid[-1] = False
        for none in (valid, torch.zeros_like(valid)):
            seen = self._seen_valid() & none.any()
            views = tracked(replace(self.views, valid=none, valid_z=seen))
            loss = _total(self._loss(views))
            if loss.requires_grad:
                loss.backward()
            grads = [x.grad for x in _rows_of(views)]
            sound = all(x is None or _finite(x) for x in grads)
            self._say(
                _finite(loss) and sound,
                "a group without any valid row gives a loss or gradient that is not "
                "finite (a mean over nothing?)",
            )

    def _groups_are_independent(self) -> None:
        if self.valid.dim() == 1:
            return

        def move(x: Tensor) -> Tensor:
            moved = x.clone()
            moved[0] = 3.0 * moved[0].flip(-1) + 1.0
            return moved

        kept = self.valid.clone()
        kept[0] = False
        self._same_on(
            kept,
            mapped(self.views, move),
            "per_sample of one group depends on another; leading axes are independent",
            regularizer=False,
        )

    def _same_on(
        self, kept: Tensor, other: Views, rule: str, regularizer: bool = True
    ) -> None:
        one, two = self._loss(self.views), self._loss(other)
        if one.per_sample is not None and two.per_sample is not None:
            near = torch.allclose(
                one.per_sample[kept], two.per_sample[kept], rtol=1e-4, atol=1e-5
            )
            self._say(near, rule)
        if regularizer:
            near = torch.allclose(one.regularizer, two.regularizer, 1e-4, 1e-5)
            self._say(near, rule)

    def _order_does_not_matter(self) -> None:
        order, axis = torch.tensor([3, 0, 6, 2, 5, 1, 4]), self.valid.dim() - 1
        moved = mapped(self.views, lambda x: x.index_select(axis, order), rows=True)
        one, two = self._loss(self.views), self._loss(moved)
        if one.per_sample is not None:
            one = replace(one, per_sample=one.per_sample[..., order])
        self._say(
            _close(one, two),
            "the loss of a row depends on where in the batch it stands",
        )

    def _observes_and_refreshes(self) -> None:
        latents = next(x for x in (*self.views.p, *self.views.z) if x is not None)
        ids = torch.arange(NUM_IDS)
        noise = torch.Generator().manual_seed(3)
        data = torch.randn(NUM_IDS, latents.shape[-1], generator=noise)
        called = "observe"
        try:
            with torch.no_grad():
                self.objective.observe(self.views)
                called = "refresh"
                self.objective.refresh([(ids[:25], data[:25]), (ids[25:], data[25:])])
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise ObjectiveContractError(
                f"{self.where}{called} failed with {problem}"
            ) from error

    def _state_is_all_there_is(self) -> None:
        try:
            self.twin.load_state_dict(copied(self.objective))
        except RuntimeError as error:
            raise ObjectiveContractError(
                f"{self.where}its state does not fit another one built alike: {error}"
            ) from error
        for _ in range(2):
            one: Loss = self.objective(self.views)
            two: Loss = self.twin(self.views)
            self._say(
                _same(one, two),
                "with the state of another loaded, the loss differs: keep all state in "
                "persistent buffers",
            )
            with torch.no_grad():
                self.objective.observe(self.views)
                self.twin.observe(self.views)


def _rows_of(views: Views) -> list[Tensor]:
    """All that a network made and gradient may reach, targets apart."""
    everything = (*views.p, *views.z, *views.rep, *views.maps)
    return [x for x in everything if x is not None]


def _ones(x: Tensor, valid: Tensor) -> list[int]:
    """Axes of length 1 for all that a row holds."""
    return [1] * (x.dim() - valid.dim())


def _total(loss: Loss) -> Tensor:
    if loss.per_sample is None:
        return loss.regularizer
    return loss.per_sample.sum() + loss.regularizer


def _finite(x: Tensor) -> bool:
    return bool(x.isfinite().all())


def _terms(loss: Loss) -> list[Tensor]:
    each = [] if loss.per_sample is None else [loss.per_sample]
    return [*each, loss.regularizer]


def _same(one: Loss, two: Loss) -> bool:
    pairs = zip(_terms(one), _terms(two), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def _close(one: Loss, two: Loss) -> bool:
    pairs = zip(_terms(one), _terms(two), strict=True)
    return all(torch.allclose(a, b, 1e-4, 1e-5) for a, b in pairs)
