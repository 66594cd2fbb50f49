"""Perceptual rewards: steps, and how likely it is that one was reached (1612.06699)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import final

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from agents.rewards.alignment import starts_in_order
from agents.rewards.demonstration import Demonstration, features_of
from agents.rewards.reward_model import RewardModel
from agents.rewards.segmentation import ExactSegmentation, Segmentation, labels_of
from agents.rewards.selection import AgainstEach, Look, Selection, Standard
from ssl_objectives.encoders.depths import Depths, Spot
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.refusal import ConfigError


@final
class PerceptualReward(RewardModel):
    """`R(s) = Σ_{i ≥ 2} 2^{i-1} R_i(s)`, with R_i how much s looks like step i.

    Demonstrations are cut into n steps; for each step M features are chosen that tell
    its frames from others; and a Gaussian of each of them, independent, is the step
    (Sermanet et al. 2016, arXiv 1612.06699):

        `L_i(s) = -1/M Σ_m (φ_m - μ⁺_m)² / σ⁺_m²`

    its log-likelihood but for constants. The first step pays nothing, since every
    episode begins there; later ones pay more, so that to stay at one is worth less than
    to go on.

    Features are in units of their spread over all demonstrations. σ⁺ is at least
    `floor` of those, so that a feature that stood still in a step does not decide
    alone. L_i is brought to [0, 1]: 1 is its mean over the step, and whatever is more
    likely; 0 its mean over that other step which is most like it, and whatever is less
    likely. R is divided by the sum of its weights.

    Deviations: what a segmentation costs (`SquaredDeviation`) and what a step is told
    from (`AgainstEach`) differ from the paper; `MeanSpread` and `AgainstRest` are as
    published. The weights are as we read them: its appendix was not at hand.

    Args:
        depths: what is seen in a frame.
        config: n, M and the rest.

    Attributes:
        chosen: numbers of the features of each step, best first; `there` is False where
            fewer than M ever change.
    """

    def __init__(self, depths: Depths, config: "PerceptualRewardConfig") -> None:
        super().__init__(depths)
        self.config = config
        shape = steps, features = config.steps, config.features
        self.register_buffer("centre", torch.zeros(depths.size))
        self.register_buffer("unit", torch.ones(depths.size))
        self.register_buffer("live", torch.zeros(depths.size, dtype=torch.bool))
        self.register_buffer("chosen", torch.zeros(shape, dtype=torch.int64))
        self.register_buffer("there", torch.zeros(shape, dtype=torch.bool))
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(steps, features))
        self.register_buffer("low", torch.full((steps,), -1.0))
        self.register_buffer("high", torch.zeros(steps))
        self.centre: Tensor
        self.unit: Tensor
        self.live: Tensor
        self.chosen: Tensor
        self.there: Tensor
        self.mean: Tensor
        self.spread: Tensor
        self.low: Tensor
        self.high: Tensor

    @staticmethod
    def fit(
        demos: Sequence[Demonstration], steps: int, encoder: Encoder
    ) -> "PerceptualReward":
        """Learn from demonstrations that have `steps` steps; all else as usual.

        Raises:
            ConfigError: see `PerceptualRewardConfig.fit`.
        """
        return PerceptualRewardConfig(steps).fit(encoder, demos)

    @property
    def weights(self) -> Float32[Tensor, "n"]:
        """What each step counts, of 1: 0 for the first, then 2^{i-1} of their sum."""
        power = 2.0 ** torch.arange(self.config.steps, device=self.low.device)
        power[0] = 0.0
        return power / power.sum()

    @torch.no_grad()
    def forward(self, obs: UInt8[Tensor, "*batch C H W"]) -> Float32[Tensor, "*batch"]:
        """R, from 0 to 1."""
        return (self.step_rewards(obs) * self.weights).sum(-1)

    @torch.no_grad()
    def step_rewards(
        self, obs: UInt8[Tensor, "*batch C H W"]
    ) -> Float32[Tensor, "*batch n"]:
        """R_i of each step, the first included, from 0 to 1."""
        likely = self._log_likelihood(self.standard(self.depths(obs)))
        return ((likely - self.low) / (self.high - self.low)).clamp(0.0, 1.0)

    @property
    def standard(self) -> Standard:
        """How features are standardised."""
        return Standard(self.centre, self.unit, self.live)

    @torch.no_grad()
    def starts(self, frames: UInt8[Tensor, "T C H W"]) -> Int64[Tensor, "n"]:
        """First frames of the steps of one demonstration, cut by what changes in it.

        Raises:
            ConfigError: it is too short.
        """
        return self._cut(self.standard(self.depths(frames)))

    @torch.no_grad()
    def followed(self, frames: UInt8[Tensor, "T C H W"]) -> Int64[Tensor, "n"]:
        """First frames of the steps of one demonstration, by how others looked.

        `argmax Σ_t R_{i(t)}(s_t)` over the steps in their order (`starts_in_order`):
        what was seen in other demonstrations counts, and not what changes most in this
        one. Not in the paper.

        Raises:
            ConfigError: it has fewer frames than there are steps.
        """
        return starts_in_order(self.step_rewards(frames))

    def spots(self, step: int) -> list[Spot]:
        """Where the chosen features of a step lie in the encoder, best first."""
        chosen = self.chosen[step][self.there[step]]
        return [self.depths.spot(int(x)) for x in chosen]

    def _log_likelihood(
        self, standard: Float32[Tensor, "*batch F"]
    ) -> Float32[Tensor, "*batch n"]:
        apart = (standard[..., self.chosen] - self.mean) / self.spread
        return -(apart.square() * self.there).sum(-1) / self.there.sum(-1).clamp(min=1)

    @torch.no_grad()
    def _learn(self, features: Sequence[Float32[Tensor, "_ F"]]) -> None:
        """Everything, from what is seen in each demonstration."""
        config, standard = self.config, Standard.of(features)
        self.centre.copy_(standard.mean)
        self.unit.copy_(standard.spread)
        self.live.copy_(standard.live)
        rows = [standard(x) for x in features]
        labels = [labels_of(self._cut(x), len(x)) for x in rows]
        row, label = torch.cat(rows), torch.cat(labels).to(self.mean.device)
        index, there = config.selection.choose(
            row, label, standard.live, config.steps, config.features
        )
        look = Look.of(row, label, config.steps)
        self.chosen.copy_(index)
        self.there.copy_(there)
        self.mean.copy_(look.mean.gather(1, index))
        self.spread.copy_(look.spread.gather(1, index).clamp(min=config.floor))
        self._bring_to_scale(row, label)

    def _cut(self, features: Float32[Tensor, "T F"]) -> Int64[Tensor, "n"]:
        """First frames of steps, of standardised features."""
        config, segmentation = self.config, self.config.segmentation
        unit = self.standard.unit_in([prod(x) for x in self.depths.shapes])
        seen = segmentation.score.seen(features[:, self.live], unit[self.live])
        if not config.end:
            return segmentation.starts(seen, config.steps)
        starts = segmentation.starts(seen[: -config.end], config.steps - 1)
        return torch.cat([starts, starts.new_tensor([len(seen) - config.end])])

    def _bring_to_scale(
        self, rows: Float32[Tensor, "num F"], label: Int64[Tensor, "num"]
    ) -> None:
        """What is 0, and what is 1."""
        likely = self._log_likelihood(rows)
        steps = range(self.config.steps)
        mean = torch.stack([likely[label == x].mean(0) for x in steps])
        for step in steps:
            low = mean[:, step][torch.arange(len(mean)) != step].max()
            # of features that tell nothing both are alike, and nothing is paid
            self.high[step] = torch.maximum(mean[step, step], low + 1e-3)
            self.low[step] = low


@dataclass(frozen=True)
class PerceptualRewardConfig:
    """Steps that demonstrations have in common, and how each of them looks."""

    steps: int = 3
    """n, steps of the task, the first included; at least 2"""
    features: int = 32
    """M, features that each step is told by"""
    selection: Selection = field(default_factory=AgainstEach)
    """which features those are"""
    floor: float = 0.1
    """least spread within a step, of a feature's spread over all frames"""
    segmentation: Segmentation = field(default_factory=ExactSegmentation)
    """how demonstrations are cut into steps"""
    end: int = 0
    """last frames of each demonstration that are the last step; 0: as it is cut"""

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise ConfigError(
                "The first step of a task pays nothing, so it must have at least two: "
                f"steps cannot be {self.steps}."
            )
        if self.features < 1:
            raise ConfigError(f"features must be at least 1, not {self.features}.")
        if not self.floor > 0.0:
            raise ConfigError(f"floor must be above 0, not {self.floor}.")
        if self.end < 0:
            raise ConfigError(f"end must be at least 0, not {self.end}.")

    def build(self, encoder: Encoder) -> PerceptualReward:
        """One that has learned nothing, to be loaded."""
        return PerceptualReward(Depths(encoder), self)

    def fit(
        self, encoder: Encoder, demos: Sequence[Demonstration], seed: int = 0
    ) -> PerceptualReward:
        """Learn from 1 to 20 demonstrations, in closed form: no seed is used.

        Raises:
            ConfigError: none, too short ones, frames of another shape, or nothing that
                the encoder sees changes in them.
        """
        reward = self.build(encoder)
        features = features_of(demos, reward.depths)
        reward.to(features[0].device)
        reward._learn(features)
        return reward
