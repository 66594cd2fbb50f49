"""Never give up (NGU, arXiv 2002.06038): novel in the episode, and in the run."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from agents.curiosity.embeddings.inverse import InverseEmbedding
from agents.curiosity.embeddings.means import mean_loss, mean_of_all
from agents.curiosity.episodic.kernel import Kernel
from agents.curiosity.episodic.neighbours import EpisodicNeighbours
from agents.curiosity.moments import EmaMoments
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.rnd import RandomNetworkDistillation, RndConfig
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.sight import Eyes
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.distributed import gathered_rows
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.objective import Loss


@final
class NeverGiveUp(Curiosity):
    """`r_t = r_ep(o_{t+1}) · clip(1 + (e_{t+1} - μ) / σ, 1, L)`.

    r_ep is of the episode: the inverse root of how many like it there were (`Kernel`),
    by an embedding that inverse dynamics trains. e is the error of random network
    distillation, which falls in the whole run, and μ and σ its mean and standard
    deviation. Deviation: these are debiased EMAs over rollouts, as is the kernel's
    distance; the paper's count all of the past alike.

    Args:
        embedding: what is compared within an episode.
        memory: of the episode.
        kernel: r_ep by the distances to the nearest.
        novelty: e.
        most: L.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(
        self,
        embedding: InverseEmbedding,
        memory: EpisodicNeighbours,
        kernel: Kernel,
        novelty: RandomNetworkDistillation,
        most: float,
        scale: RewardScale,
    ) -> None:
        super().__init__()
        self.embedding, self.memory, self.kernel = embedding, memory, kernel
        self.novelty, self.most, self.scale = novelty, most, scale
        self.errors = EmaMoments(0.99)
        self.warm_up_steps = novelty.warm_up_steps

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """Seed the statistics of what is whitened."""
        self.novelty.warm_up(obs, vector)

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """The product, where transitions arrive."""
        traj, valid = scored.traj, scored.valid
        embedded = self.embedding(self.embedding.sight(traj))
        squared = self.memory.along(embedded, traj.first)
        episodic = self.kernel(squared, valid)
        lifelong = self._lifelong(self.novelty.errors(traj)[1:], valid)
        raw = (episodic * lifelong).masked_fill(~valid, 0.0)
        told = {
            "episodic": mean_of_all(episodic, valid),
            "lifelong": mean_of_all(lifelong, valid),
        }
        return IntrinsicReward(raw, self.scale(raw, valid), told)

    def _lifelong(
        self, error: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        self.errors.update(gathered_rows(error, 1), gathered_rows(valid, 1))
        apart = (error - self.errors.mean) / self.errors.std.clamp(min=1e-8)
        return (1 + apart).clamp(1.0, self.most)

    def loss(self, learning: Learning) -> Loss:
        """Inverse dynamics, and distillation."""
        traj = learning.traj
        embedded = self.embedding(self.embedding.sight(traj))
        error = self.embedding.error(embedded, traj.action)
        inverse, distilled = mean_loss(error, traj.valid), self.novelty.loss(learning)
        return Loss(distilled.per_sample, distilled.regularizer + inverse.regularizer)


@dataclass(frozen=True)
class NguConfig:
    """Reward what is new in the episode, more so if it is new in the run (NGU)."""

    encoder: Eyes = field(default_factory=lambda: NatureConfig(32))
    """of the embedding"""
    hidden: int = 128
    """units of the head that tells the action"""
    rows: int = 1024
    """of an episode that are remembered"""
    nearest: int = 10
    """k: neighbours in the episode that are looked at"""
    cluster: float = 0.008
    """ξ: distances below it count as none"""
    epsilon: float = 1e-4
    """ε of the kernel"""
    constant: float = 1e-3
    """c, beside the root of the sum of kernels"""
    most_similar: float = 8.0
    """s: beyond this similarity nothing is paid"""
    novelty: RndConfig = field(default_factory=RndConfig)
    """what measures novelty in the run"""
    most: float = 5.0
    """L: the most that novelty in the run multiplies"""

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")
        if not 1 <= self.nearest <= self.rows:
            raise ValueError(
                f"nearest must be from 1 to rows, {self.rows}, not {self.nearest}"
            )
        if not self.most >= 1.0:
            raise ValueError(f"most must be at least 1, not {self.most}")
        self._kernel()

    def build(self, surroundings: Surroundings) -> NeverGiveUp:
        """Build the signal."""
        spec = surroundings.spec
        embedding = InverseEmbedding(spec, self.encoder, self.hidden)
        return NeverGiveUp(
            embedding,
            EpisodicNeighbours(spec.num_envs, embedding.size, self.rows, self.nearest),
            self._kernel(),
            self.novelty.build(surroundings),
            self.most,
            ReturnStdScale(spec.num_envs, surroundings.discount),
        )

    def _kernel(self) -> Kernel:
        return Kernel(self.epsilon, self.cluster, self.constant, self.most_similar)
