"""Rewards learned from demonstrations, paid to an agent: as they are, or as shaping."""

from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.rewards.reward_model import RewardModel
from ssl_objectives.distributed import gathered_rows


@final
class DemonstratedReward(Curiosity):
    """`r_t = R(o_{t+1})`, and `R(o_{t+1}) / (1 - γ)` where an episode is terminated.

    For agents that are paid nothing else: R is high where demonstrations ended. Who
    ends an episode there could not go on being paid for it, and would do better to stay
    one step before; so what is terminated counts as if it stayed as it is for ever (an
    absorbing state, arXiv 1809.02925). Episodes that are cut off do not.

    Beside a reward of the world's it changes which policy is best; `Shaping` does not.

    Args:
        model: R, frozen.
        discount: γ, below 1.
        scale: of what is paid; none subtracts anything.

    Raises:
        ValueError: frames of another shape than the model's, or γ is 1.
    """

    across_processes = True

    def __init__(self, model: RewardModel, discount: float, scale: RewardScale) -> None:
        super().__init__()
        if not 0.0 <= discount < 1.0:
            raise ValueError(
                "what an episode ends with is paid for ever, so discount must be at "
                f"least 0 and below 1, not {discount}"
            )
        self.model, self.discount, self.scale = model, discount, scale

    @staticmethod
    def within(surroundings: Surroundings, model: RewardModel) -> "DemonstratedReward":
        """Such a signal for an agent: divided by the std of its discounted return.

        Raises:
            ValueError: frames of another shape than the model's, or γ is 1.
        """
        _check_frames(surroundings, model)
        scale = ReturnStdScale(surroundings.spec.num_envs, surroundings.discount)
        return DemonstratedReward(model, surroundings.discount, scale)

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """Of what each transition led to."""
        traj, valid = scored.traj, scored.valid
        value = self.model(traj.obs[1:])
        ends = torch.where(traj.terminated, 1.0 / (1.0 - self.discount), 1.0)
        raw = (value * ends).masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid), {"value": _mean(value)})


@final
class Shaping(Curiosity):
    """`r_t = γ Φ(o_{t+1}) - Φ(o_t)`, with Φ = R, and Φ = 0 behind a terminated episode.

    Potential-based shaping (Ng, Harada and Russell 1999): along an episode its
    discounted sum telescopes to `γ^T Φ(o_T) - Φ(o_0)`. No policy changes that, so the
    best policy for the world's own reward stays the best, and is only found sooner. For
    that the return must end with the episode, γ must be the return's, and nothing may
    be scaled on the way: a `RewardStream` has a weight.

    Alone it teaches nothing, since every policy is paid alike.

    Args:
        model: Φ, frozen.
        discount: γ.
    """

    across_processes = True

    def __init__(self, model: RewardModel, discount: float) -> None:
        super().__init__()
        self.model, self.discount = model, discount

    @staticmethod
    def within(surroundings: Surroundings, model: RewardModel) -> "Shaping":
        """Such a signal for an agent that earns a reward of the world's as well.

        Raises:
            ValueError: it earns none, the return does not end with an episode, or
                frames are of another shape than the model's.
        """
        if not surroundings.extrinsic:
            raise ValueError(
                "shaping alone teaches nothing, since every policy is paid the same, "
                "and the world's own reward is switched off: pay the learned reward "
                "itself (--curiosity perceptual), or give --agent.extrinsic.weight"
            )
        if not surroundings.episodic:
            raise ValueError(
                "shaping leaves the best policy as it is only if its return ends with "
                "an episode: set the stream's episodic (--agent.intrinsic.episodic)"
            )
        _check_frames(surroundings, model)
        return Shaping(model, surroundings.discount)

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """The change of potential over each transition."""
        traj, valid = scored.traj, scored.valid
        potential = self.model(traj.obs)
        after = potential[1:].masked_fill(traj.terminated, 0.0)
        raw = (self.discount * after - potential[:-1]).masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, raw, {"potential": _mean(potential)})


def _mean(value: Float32[Tensor, "rows B"]) -> Float32[Tensor, ""]:
    """Over the envs of all processes."""
    return gathered_rows(value, 1).mean()


def _check_frames(surroundings: Surroundings, model: RewardModel) -> None:
    shape = surroundings.spec.obs_shape
    if tuple(shape) != model.image_shape:
        raise ValueError(
            f"the learned reward looks at frames of shape {model.image_shape} "
            f"(channels, height, width), and here they are {tuple(shape)}: take the "
            "world that its demonstrations are of (--world), or fit one on "
            "demonstrations from this world"
        )
