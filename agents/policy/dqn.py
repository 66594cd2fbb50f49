"""Double DQN (arXiv 1509.06461) as a policy that learns from a replay."""

import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from agents.acting import ActingPolicy
from agents.at_least import check_least
from agents.policy.dqn_loss import Transitions, double_q_target, dqn_loss
from agents.policy.epsilon_greedy import Epsilon, EpsilonGreedy
from agents.policy.off_policy import Lessons, OffPolicy, PolicyLoss
from agents.policy.q_network import QNetwork
from envs.vector_env import DiscreteActions, EnvSpec
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from world_models.belief import BeliefModel, Carry, build_belief
from world_models.cores.core import CoreConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorEncoderConfig


@dataclass(frozen=True)
class DqnConfig:
    """Act by Q values, which double DQN learns from past rewards as they were paid."""

    encoder: EncoderConfig | VectorEncoderConfig = field(default_factory=NatureConfig)
    """how the policy sees; it shares nothing with the world model"""
    core: CoreConfig = field(default_factory=FrameStackConfig)
    """what the policy remembers"""
    hidden: tuple[int, ...] = (64, 64)
    """units of each hidden layer between belief and Q values"""
    discount: float = 0.95
    """γ per env step, of all streams together; their return ends where episodes do"""
    scaled_targets: bool = True
    """learn (1-γ) r + γ Q instead of r + γ Q: Q has the scale of the rewards"""
    target_rate: float = 0.01
    """τ: how far the target network moves towards the other, per gradient step"""
    updates_per_rollout: int = 10
    """gradient steps behind each rollout"""
    batch: int = 64
    """transitions in each of them"""
    newest: int = 0
    """rollouts learned from, the latest; 0: all that the replay holds"""
    burn_in: int = 4
    """steps in front of each, that only bring a recurrent memory up to date"""
    learning_rate: float = 1e-3
    """of Adam"""
    max_grad_norm: float = 10.0
    """gradients are scaled down to this norm"""
    epsilon: float = 0.025
    """the least share of random actions, reached at last"""
    epsilon_rate: float = 3e-4
    """by which that share falls from 1, per env step, once learning has begun"""
    action_size: int = 32
    """E, size of an action's embedding"""

    def __post_init__(self) -> None:
        check_least(self, 1, "batch", "action_size")
        check_least(self, 0, "updates_per_rollout", "newest", "burn_in", "epsilon_rate")
        check_least(self, 0, "learning_rate", "max_grad_norm")
        for name in ("discount", "target_rate", "epsilon"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, not {value}")
        if self.scaled_targets and self.discount == 1.0:
            raise ValueError("scaled_targets with discount 1 leave no reward to learn")
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden layers need units, not {self.hidden}")

    def build(self, spec: EnvSpec, begin: int) -> "Dqn":
        """Build the policy; see `OffPolicyConfig.build`.

        Raises:
            ValueError: actions are no choice among a few.
        """
        space = spec.actions
        if not isinstance(space, DiscreteActions):
            raise ValueError(
                "DQN chooses among discrete actions, and this world takes real "
                "numbers: use --policy ppo"
            )
        belief = build_belief(
            self.encoder,
            self.core,
            spec.obs_shape,
            space,
            self.action_size,
            spec.vector_size,
        )
        return Dqn(self, QNetwork(belief, space.n, self.hidden), begin)


@final
class Dqn(OffPolicy):
    """Double DQN: Q values, and a slow copy of them that targets are taken from.

    The slow copy has a belief model of its own, as slow as the rest of it. Deviation:
    it moves by τ at each step, where the paper copies it every so often.

    Args:
        config: its numbers.
        online: the network that acts and learns.
        begin: env steps before ε falls.
    """

    def __init__(self, config: DqnConfig, online: QNetwork, begin: int) -> None:
        super().__init__()
        self.config, self.begin = config, begin
        self.online = online
        self.target = copy.deepcopy(online).requires_grad_(False)
        self.remembers = online.belief.core.memory_size > 0
        burn_in = config.burn_in if self.remembers else 0
        self.lessons = Lessons(
            config.updates_per_rollout,
            config.batch,
            burn_in + 1,
            config.newest or None,
            config.learning_rate,
            config.max_grad_norm,
        )

    def exploring(self, generator: torch.Generator) -> ActingPolicy:
        """With ε that falls."""
        config = self.config
        falling = Epsilon(self.begin, config.epsilon_rate, config.epsilon)
        return EpsilonGreedy(self.online, generator, falling)

    def playing(self, generator: torch.Generator, greedy: bool) -> ActingPolicy:
        """With the least ε, or with none where `greedy`."""
        least = 0.0 if greedy else self.config.epsilon
        return EpsilonGreedy(self.online, generator, Epsilon.always(least))

    def loss(
        self, traj: Trajectory, carry: Carry, reward: Float32[Tensor, "T b"]
    ) -> PolicyLoss:
        """The loss of the last transition of each window; those before are burn-in."""
        belief = self.online.belief
        begun = belief.recall(carry)
        last, here = belief.behind_burn_in(traj, begun, traj.num_steps - 1)
        seen = belief.along(last, here)
        q = self.online(seen.belief)
        with torch.no_grad():
            ahead = self.online(_arrived(belief, last, seen.carry))
            slow, behind = self.target.belief, seen.carry
            if self.remembers:  # it has another memory of the same rows
                behind = slow.along(traj, begun).carry
            valued = self.target(_arrived(slow, last, behind))
        happened = Transitions(last.action, reward[-1:], last.terminated, last.valid)
        config = self.config
        wanted = double_q_target(
            happened, ahead, valued, config.discount, config.scaled_targets
        )
        return dqn_loss(happened, q, wanted)

    @torch.no_grad()
    def after_update(self) -> None:
        """Move the slow copy; what it counts and averages is copied."""
        slow, fast = self._parameters_of_both
        torch._foreach_lerp_(slow, fast, self.config.target_rate)
        self._copy_buffers()

    def follow(self, traj: Trajectory) -> None:
        """Let moments of the vector observation follow, in both networks alike."""
        self.online.belief.follow(traj)
        self._copy_buffers()

    def _copy_buffers(self) -> None:
        for slow, fast in self._buffers_of_both:
            slow.copy_(fast)

    # found once: to go through all modules takes longer than to move small weights

    @cached_property
    def _parameters_of_both(self) -> tuple[list[Tensor], list[Tensor]]:
        return list(self.target.parameters()), list(self.online.parameters())

    @cached_property
    def _buffers_of_both(self) -> list[tuple[Tensor, Tensor]]:
        pairs = zip(self.target.buffers(), self.online.buffers(), strict=True)
        return list(pairs)


def _arrived(
    belief: BeliefModel, traj: Trajectory, carry: Carry
) -> Float32[Tensor, "1 b S"]:
    """Beliefs of the last row, whose carry is given."""
    nothing = carry.action[None][:0]
    vector = None if traj.vector is None else traj.vector[-1:]
    return belief.observe(traj.obs[-1:], nothing, traj.first[-1:], carry, vector).belief
