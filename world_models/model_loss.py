"""The world model's unreduced loss, and the part of it on each transition."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from ssl_objectives.distributed import gathered_rows, num_processes, own_rows
from ssl_objectives.objective import Views
from ssl_objectives.refusal import ConfigError

PREDICTION = "prediction"
"""The name of the objective's own loss among the terms of a `ModelLoss`."""


@dataclass(frozen=True)
class ModelLoss:
    """What all predictions made from rows t over k+1 steps cost, before any mean.

    Attributes:
        terms: by name, numbers per prediction: `terms[name][k, t]` belongs to the
            prediction of row `t+k+1` made at row t. `prediction` is the objective's
            loss; predictors and further terms of the model add theirs.
        valid: False where a prediction crosses an episode's end or leaves the window.
        regularizer: a batch-level term; it trains the model but is never a reward.
        weights: of the terms in what is differentiated; a term without is only
            measured.
        num_context: rows in front that were there before the rollout: what is
            predicted from them counts where it lands behind them.
        metrics: for people.
        compared: what the objective saw, without gradient, for its `observe`.
        adversary: the loss of the model's adversary on this batch, as often as it is
            called: see `Adversary`.
    """

    terms: Mapping[str, Float32[Tensor, "K T B"]]
    valid: Bool[Tensor, "K T B"]
    regularizer: Float[Tensor, ""]
    weights: Mapping[str, float] = field(default_factory=lambda: {PREDICTION: 1.0})
    num_context: int = 0
    metrics: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)
    compared: Views | None = None
    adversary: Callable[[], Float[Tensor, ""]] | None = None

    def arrival(self, term: str = PREDICTION) -> Float32[Tensor, "T B"]:
        """Sum, for each fresh transition, of a term over all predictions landing on it.

        `ℓ_t = Σ_{p+q=t+1} L_{p,q}` (BYOL-Explore, arXiv 2206.08332): the transition
        t → t+1 is credited with every prediction of row t+1, whenever it was made.
        Transitions of the context are left out: they were credited a rollout ago.

        Raises:
            ConfigError: the model has no such term; the message names those it has.
        """
        if term not in self.terms:
            known = ", ".join(self.terms)
            raise ConfigError(
                f"this world model has no term '{term}', only {known}: take one of "
                "these, or a --model that has it ('invariance': byol-hindsight)"
            )
        masked = self.terms[term].masked_fill(~self.valid, 0.0)
        horizon, steps, _ = masked.shape
        landed = masked[0].clone()
        for k in range(1, min(horizon, steps)):
            landed[k:] += masked[k, : steps - k]
        return landed[self.num_context :]

    def mean(self) -> Float32[Tensor, ""]:
        """Weighted means over valid predictions plus the regulariser: what trains."""
        share = self.valid.float()
        share = share / share.sum().clamp(min=1.0)
        total = self.regularizer
        for name, weight in self.weights.items():
            total = total + weight * (self.terms[name] * share).sum()
        return total

    def plus(
        self,
        terms: Mapping[str, Float32[Tensor, "K T B"]],
        weights: Mapping[str, float],
        regularizer: Float[Tensor, ""] | float,
        metrics: Mapping[str, Float[Tensor, ""]],
    ) -> "ModelLoss":
        """With what something else adds; see the fields of these names.

        Raises:
            ConfigError: a term of that name is there already.
        """
        if taken := terms.keys() & self.terms.keys():
            raise ConfigError(
                f"two terms of this world model are called {', '.join(taken)}; each "
                "name can be there once"
            )
        return replace(
            self,
            terms={**self.terms, **terms},
            regularizer=self.regularizer + regularizer,
            weights={**self.weights, **weights},
            metrics={**self.metrics, **metrics},
        )

    def told(self) -> dict[str, Float[Tensor, ""]]:
        """Its metrics, and the means of its further terms, without gradient."""
        told = {name: x.detach() for name, x in self.metrics.items()}
        share = self.valid.float()
        share = share / share.sum().clamp(min=1.0)
        for name, each in self.terms.items():
            if name != PREDICTION:
                told[name] = (each.detach() * share).sum()
        return told

    def detach(self) -> "ModelLoss":
        """The same numbers without gradient, for those who only read them."""
        terms = {name: x.detach() for name, x in self.terms.items()}
        return replace(self, terms=terms, regularizer=self.regularizer.detach())

    def of_all_processes(self) -> "ModelLoss":
        """Of all envs, where it is of this process's; nothing to be differentiated.

        Regulariser and metrics are the mean of theirs.
        """
        if num_processes() == 1:
            return self

        def mean(x: Float[Tensor, ""]) -> Float[Tensor, ""]:
            return gathered_rows(x.detach()[None], 0).mean(0)

        return replace(
            self,
            terms={k: gathered_rows(x.detach(), 2) for k, x in self.terms.items()},
            valid=gathered_rows(self.valid, 2),
            regularizer=mean(self.regularizer),
            metrics={k: mean(x) for k, x in self.metrics.items()},
            compared=None,
            adversary=None,
        )

    def own(self) -> "ModelLoss":
        """Of this process's envs, where it is of all; regulariser and metrics stay."""
        return replace(
            self,
            terms={k: own_rows(x, 2) for k, x in self.terms.items()},
            valid=own_rows(self.valid, 2),
        )

    @staticmethod
    def join(parts: "list[ModelLoss]") -> "ModelLoss":
        """The losses of several groups of envs, taken apart, as one: `[K, T, B]`.

        The regulariser is their mean. There is nothing to observe in it.
        """
        first = parts[0]
        return replace(
            first,
            terms={k: torch.cat([x.terms[k] for x in parts], 2) for k in first.terms},
            valid=torch.cat([x.valid for x in parts], 2),
            regularizer=torch.stack([x.regularizer for x in parts]).mean(),
            metrics={
                k: torch.stack([x.metrics[k] for x in parts]).mean()
                for k in first.metrics
            },
            compared=None,
            adversary=None,
        )


def prediction_valid(
    valid: Bool[Tensor, "T B"], horizon: int, num_context: int = 0
) -> Bool[Tensor, "K T B"]:
    """Which predictions use only valid transitions and stay inside the window.

    A prediction from row t over k+1 steps uses the transitions t … t+k. Of those made
    in the context, only the ones that land behind it count.
    """
    steps = valid.shape[0]
    running = valid
    rows = [running]
    for k in range(1, horizon):
        later = torch.zeros_like(valid)
        if k < steps:
            later[:-k] = valid[k:]
        running = running & later
        rows.append(running)
    usable = torch.stack(rows)
    if num_context:
        start = torch.arange(steps, device=valid.device)
        ahead = torch.arange(1, horizon + 1, device=valid.device).unsqueeze(-1)
        usable = usable & (start + ahead > num_context).unsqueeze(-1)
    return usable
