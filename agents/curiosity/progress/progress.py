"""Learning progress as intrinsic reward: what old weights predict worse than new."""

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from agents.curiosity.normalize import RewardScale
from agents.curiosity.progress.kept_carry import KeptCarry
from agents.curiosity.progress.old_weights import OldWeights
from agents.curiosity.progress.own_model import OwnModel, alone
from agents.curiosity.progress.yardstick import Measured, Yardstick
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward
from agents.policy.ppo import masked_mean
from ssl_objectives.distributed import gathered_rows
from ssl_objectives.evaluating import evaluating
from ssl_objectives.objective import Loss
from world_models.latent_dynamics import LatentDynamics

# Losses that differ by less than this share differ by how float32 was rounded.
_ROUNDING = 1e-5


@final
class Progress(Curiosity):
    """`r_t = L_t(θ_old) - L_t(θ_new)` (arXiv 2007.07853), signed and scaled.

    Positive where the model has learned since its old weights, negative where it has
    forgotten, and 0 where there is nothing left to learn or nothing can be. Measured
    on a fresh rollout before anybody learns from it; nothing is paid until the old
    weights' warm start is over.

    Deviation: differences below a hundred-thousandth of the loss are 0. They are
    rounding errors, and would be scaled up where there is no progress at all.

    Args:
        now: what is measured, around the model itself: it is not among the signal's
            modules, unless the model is.
        old: follows `now`.
        yardstick: gives the loss.
        scale: of what is paid.
        num_envs: B, of this process.
        own: a model of the signal's own, if `now` is around it.
        updates: of the model in the whole run, where they are known; for people.
    """

    across_processes = True

    def __init__(
        self,
        now: Measured,
        old: OldWeights,
        yardstick: Yardstick,
        scale: RewardScale,
        num_envs: int,
        own: OwnModel | None = None,
        updates: int | None = None,
    ) -> None:
        super().__init__()
        self._now = (now,)  # in a tuple it is no module of this one
        self.old, self.yardstick, self.scale, self.own = old, yardstick, scale, own
        self.carry = KeptCarry(now.start(num_envs))
        self.old_carry = KeptCarry(now.start(num_envs))
        self.needs_model = yardstick.needs_model and own is None
        self.remembers = own is not None and own.remembers
        self.updates = updates

    @property
    def now(self) -> Measured:
        """The weights of now."""
        return self._now[0]

    def settled(self) -> Mapping[str, float]:
        """γ or δ, and when it begins to pay."""
        settled = dict(self.old.settled)
        if self.updates is not None:
            settled["updates planned"] = float(self.updates)
        return {**settled, "paid from model update": float(self.old.warm_start)}

    def caution(self) -> str | None:
        """Whether the run ends before anything is paid."""
        if self.updates is None or self.updates > self.old.warm_start:
            return None
        return (
            f"learning progress is paid behind model update {self.old.warm_start:,}, "
            f"and this run has {self.updates:,}: nothing will be paid. Raise "
            "--env-steps, or lower --curiosity.warm-start."
        )

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """Progress on each transition, over its root mean square."""
        if self.own is not None:
            scored = alone(scored)
        if not self.old.ready:
            self.yardstick.watch(scored.traj)
        new, old = self._losses(scored)
        valid = scored.valid
        gain = (old - new).masked_fill(~valid, 0.0)
        raw = gain.where(gain.abs() > _ROUNDING * new, 0.0)
        everywhere = gathered_rows(valid, 1)
        told = {
            "old_loss": masked_mean(gathered_rows(old, 1), everywhere),
            "new_loss": masked_mean(gathered_rows(new, 1), everywhere),
            "memory": new.new_full((), self.old.setting),
        }
        if not self.old.ready:
            nothing = torch.zeros_like(raw)
            return IntrinsicReward(nothing, nothing, told)
        return IntrinsicReward(raw, self.scale(raw, valid), told)

    def _losses(
        self, scored: Scored
    ) -> tuple[Float32[Tensor, "T B"], Float32[Tensor, "T B"]]:
        """Of new weights and of old ones, by one aim; at most a pass of each.

        Raises:
            ValueError: the model's loss is needed, and not there.
        """
        if self.needs_model:
            _ = scored.known
        now, begin = self.now, self.carry.take()
        with evaluating(now):
            aim = self.yardstick.aim(now, scored, begin)
            new = now.told(scored, aim)
            if new is None:
                new, after = now.along(scored, begin, aim)
                self.carry.keep(after)
            else:
                begin = now.begins(scored)
        before, network = self.old_carry.take(begin), self.old.network
        assert isinstance(network, Measured)
        # Also before it counts, so that a plan of memory sees what will be held.
        old, after = network.along(scored, before, aim)
        if self.old.ready:
            self.old_carry.keep(after)
        return new, old

    def loss(self, learning: Learning) -> Loss | None:
        """What the yardstick's readout learns, and the model if it is one's own."""
        if self.own is None:
            return self.yardstick.loss(self.now, learning)
        mine, learning = self.own.learn(learning)
        read = self.yardstick.loss(self.now, learning)
        return Loss(None, mine if read is None else mine + read.regularizer)

    def after_update(self, model: LatentDynamics | None) -> None:
        """Let old weights follow a step that trained the model."""
        moved = model is not None if self.own is None else self.own.follow()
        if moved:
            self.old.follow(self.now)
