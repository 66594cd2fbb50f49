"""Deep Bregman divergences: contrastive learning with a learned divergence."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.methods.contrast.info_nce import Contrast, sim_clr
from ssl_objectives.objective import Loss, Objective, Sizes, Views
from ssl_objectives.parts.candidates import BothViews
from ssl_objectives.parts.critics import Critic, checked_temperature, unit


class BregmanCritic(Critic):
    """`exp(-D(q, k) / 2σ²) / τ`, D a divergence given by K sub-networks.

    `D(q, k) = max_j s_j(q) - s_m(q)` with `m = argmax_j s_j(k)`: how much k's best
    sub-network falls short at q. D ≥ 0, D(q, q) = 0, and D is not symmetric. While the
    s_j are affine, it is the Bregman divergence of the convex `φ = max_j s_j`; with
    hidden layers it only looks like one. Rows are normalised first. Similarities are
    in (0, 1/τ], although a softmax exponentiates them once more.

    Args:
        size: D.
        number: K, sub-networks.
        hidden: ReLUs of each sub-network; 0 keeps them affine.
        sigma: σ.
        temperature: τ.
    """

    def __init__(
        self,
        size: int,
        number: int = 10,
        hidden: int = 0,
        sigma: float = 0.9,
        temperature: float = 0.5,
    ) -> None:
        super().__init__()
        self.temperature = checked_temperature(temperature)
        self.sigma, self.number = sigma, number
        self.networks = _SubNetworks(size, number, hidden)

    def forward(
        self, query: Float[Tensor, "*G N D"], key: Float[Tensor, "*G M D"]
    ) -> Float[Tensor, "*G N M"]:
        """Similarity of every query with every key."""
        similar = torch.exp(-self.divergence(query, key) / (2 * self.sigma**2))
        return similar / self.temperature

    def divergence(
        self, query: Float[Tensor, "*G N D"], key: Float[Tensor, "*G M D"]
    ) -> Float[Tensor, "*G N M"]:
        """D of every query from every key; only sub-networks learn by the key."""
        scores = self.networks(unit(query))
        best = self.best(key).unsqueeze(-2).expand(*scores.shape[:-1], -1)
        found: Tensor = scores.amax(-1, keepdim=True) - scores.gather(-1, best)
        return found

    def best(self, rows: Float[Tensor, "*G N D"]) -> Int64[Tensor, "*G N"]:
        """Which sub-network is the largest at each row."""
        with torch.no_grad():
            scores: Tensor = self.networks(unit(rows))
        return scores.argmax(-1)


class DeepBregman(Objective):
    """Deep Bregman divergences for contrast (arXiv 2109.07455): two NT-Xents, 1 : 1.

    One with cosines, one with `BregmanCritic`, both at temperature τ. Means over pairs
    of views, as in the official code. Deviations: 10 affine sub-networks by default,
    which make a Bregman divergence; the official script has 100, each with a layer of
    512 ReLUs and dropout. Sub-networks can die: `bregman/active` counts those that are
    the largest at some row.

    Args:
        critic: the divergence.
    """

    def __init__(self, critic: BregmanCritic) -> None:
        super().__init__()
        self.bregman = Contrast(critic, BothViews())
        self.cosine = sim_clr(critic.temperature)

    @property
    def critic(self) -> BregmanCritic:
        """The divergence."""
        critic = self.bregman.critic
        assert isinstance(critic, BregmanCritic)
        return critic

    def forward(self, views: Views) -> Loss:
        """Mean over pairs of views."""
        one, two = self.cosine(views), self.bregman(views)
        total = (one.per_sample + two.per_sample) / len(views.pairs)
        metrics = {**one.metrics, "bregman/active": self._active(views)}
        return Loss(total, one.regularizer + two.regularizer, metrics)

    @torch.no_grad()
    def _active(self, views: Views) -> Float[Tensor, ""]:
        """How many sub-networks are the largest at some valid row."""
        number = self.critic.number
        best = torch.stack([self.critic.best(x) for x in views.p if x is not None])
        if views.valid is not None:
            best = best.masked_fill(~views.valid, number)
        won = best.new_zeros(number + 1).index_fill(0, best.flatten(), 1)
        return won[:number].sum().float()


@dataclass(frozen=True)
class DeepBregmanConfig:
    """Deep Bregman divergences: contrast by cosines and by a learned divergence."""

    number: int = 10
    """K, sub-networks"""
    hidden: int = 0
    """ReLUs in each of them; 0: affine, a true Bregman divergence"""
    sigma: float = 0.9
    """σ, how far a divergence reaches"""
    temperature: float = 0.5
    """τ of both softmaxes"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if self.number < 1 or self.hidden < 0 or not self.sigma > 0:
            raise ValueError(
                "a Bregman divergence needs at least one sub-network, no negative "
                f"number of ReLUs and σ above 0, not {self.number}, {self.hidden} and "
                f"{self.sigma}"
            )

    def build(self, sizes: Sizes) -> DeepBregman:
        """Build it for rows of `sizes.latent` numbers."""
        return DeepBregman(
            BregmanCritic(
                sizes.latent, self.number, self.hidden, self.sigma, self.temperature
            )
        )


class _SubNetworks(nn.Module):
    """K networks with one output each: affine, or with ReLUs of their own."""

    def __init__(self, size: int, number: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(size, number * max(1, hidden))
        self.last = (
            nn.Conv1d(number * hidden, number, 1, groups=number) if hidden else None
        )

    def forward(self, rows: Float[Tensor, "*G N D"]) -> Float[Tensor, "*G N K"]:
        """s_k of every row."""
        made: Tensor = self.first(rows)
        if self.last is None:
            return made
        each: Tensor = self.last(made.relu().flatten(0, -2).unsqueeze(-1))
        return each.view(*made.shape[:-1], -1)
