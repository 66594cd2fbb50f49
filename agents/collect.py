"""The rollout collector: T steps of all envs with the current policy."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from agents.policy.actor_critic import ActorCritic
from agents.rollout import Context, Rollout
from envs.vector_env import Step, VectorEnv
from world_models.belief import BeliefModel, Carry, Observed
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class EpisodeEnds:
    """Episode statistics: return and length where an episode ended, `[T, B]`."""

    ended: Bool[Tensor, "T B"]
    episode_return: Float32[Tensor, "T B"]
    episode_length: Float32[Tensor, "T B"]


class Collector:
    """Collects rollouts with the policy; holds all that lives between them.

    Args:
        env: the worlds.
        num_steps: T, steps per rollout.
        overlap: transitions of the previous rollout handed on as `Context`
            (K-1 for a model that predicts K steps ahead).
        generator: draws the actions.

    Raises:
        ValueError: the overlap is longer than the rollout.
    """

    def __init__(
        self,
        env: VectorEnv,
        belief: BeliefModel,
        policy: ActorCritic,
        num_steps: int,
        overlap: int,
        generator: torch.Generator,
    ) -> None:
        if overlap > num_steps:
            raise ValueError(
                f"a model horizon of {overlap + 1} needs rollouts of at least "
                f"{overlap} steps, not {num_steps}; lower the horizon"
            )
        self.env = env
        self.belief = belief
        self.policy = policy
        self.num_steps = num_steps
        self.overlap = overlap
        self.generator = generator
        self.row: Step | None = None
        self._forget()

    def begin(self, seed: int) -> None:
        """Reset the envs, and with them all that was carried from step to step."""
        self.row = self.env.reset(seed)
        self._forget()

    def _forget(self) -> None:
        self.carry: Carry = self.belief.start(self.env.spec.num_envs)
        self.context: Context | None = None
        zeros = torch.zeros(self.env.spec.num_envs, device=self.env.spec.device)
        self._return, self._length = zeros, zeros.clone()

    @torch.no_grad()
    def collect(self) -> tuple[Rollout, EpisodeEnds]:
        """Act for T steps; the last row of a rollout is the first of the next one."""
        assert self.row is not None, "call begin() first"
        row, carry, start = self.row, self.carry, self.carry
        # frames dominate memory: written in place instead of listed and stacked
        obs = row.obs.new_empty(self.num_steps + 1, *row.obs.shape)
        obs[0], first = row.obs, [row.first]
        actions, rewards, terminated, truncated = [], [], [], []
        beliefs, log_probs, values = [], [], []
        returns, lengths = [], []
        handed_on = carry
        for t in range(self.num_steps):
            if t == self.num_steps - self.overlap:
                handed_on = carry
            seen = self._observe(row, carry)
            belief = seen.belief[0]
            distribution, value = self.policy(belief)
            action = distribution.sample(self.generator)
            row, carry = self.env.step(action), seen.carry.acted(action)
            ended = row.terminated | row.truncated
            self._return = self._return + row.reward
            self._length = self._length + (~row.first).float()
            returns.append(self._return)
            lengths.append(self._length)
            self._return = self._return.masked_fill(ended, 0.0)
            self._length = self._length.masked_fill(ended, 0.0)
            obs[t + 1] = row.obs
            first.append(row.first)
            actions.append(action)
            rewards.append(row.reward)
            terminated.append(row.terminated)
            truncated.append(row.truncated)
            beliefs.append(belief)
            log_probs.append(distribution.log_prob(action))
            values.append(value)
        values.append(self.policy(self._observe(row, carry).belief[0])[1])
        traj = Trajectory(
            action=torch.stack(actions),
            reward=torch.stack(rewards),
            terminated=torch.stack(terminated),
            truncated=torch.stack(truncated),
            obs=obs,
            first=torch.stack(first),
        )
        rollout = Rollout(
            traj=traj,
            carry=start,
            belief=torch.stack(beliefs),
            log_prob=torch.stack(log_probs),
            value=torch.stack(values, 1),
            context=self.context,
        )
        if self.overlap:
            tail = traj.steps(self.num_steps - self.overlap, self.num_steps)
            self.context = Context(tail.copy(), handed_on)  # not the whole rollout
        self.row, self.carry = row, carry
        ends = EpisodeEnds(
            traj.terminated | traj.truncated, torch.stack(returns), torch.stack(lengths)
        )
        return rollout, ends

    def _observe(self, row: Step, carry: Carry) -> Observed:
        nothing = carry.action[None][:0]
        return self.belief.observe(row.obs[None], nothing, row.first[None], carry)

    def state_dict(self) -> dict[str, Any]:
        """Envs (where they can), current row, carries, context, running returns."""
        assert self.row is not None, "call begin() first"
        return {
            "env": self.env.state_dict(),
            "row": _step_state(self.row),
            "carry": vars(self.carry),
            "context": None
            if self.context is None
            else {
                "traj": {k: v for k, v in vars(self.context.traj).items()},
                "carry": vars(self.context.carry),
            },
            "return": self._return,
            "length": self._length,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any], seed: int) -> None:
        """Continue; where the envs cannot be restored, begin fresh episodes."""
        self.generator.set_state(state["generator"].cpu())
        device = self.env.spec.device
        if state["env"] is None:
            self.begin(seed)
            return
        self.env.load_state_dict(state["env"])
        self.row = Step(**_to(state["row"], device))
        self.carry = Carry(**_to(state["carry"], device))
        self._return = state["return"].to(device)
        self._length = state["length"].to(device)
        self.context = None
        if state["context"] is not None:
            traj = Trajectory(**_to(state["context"]["traj"], device))
            self.context = Context(
                traj, Carry(**_to(state["context"]["carry"], device))
            )


def _step_state(row: Step) -> dict[str, Any]:
    return {**vars(row), "facts": dict(row.facts)}


def _to(tree: dict[str, Any], device: torch.device) -> dict[str, Any]:
    return {
        k: _to(v, device) if isinstance(v, dict) else v.to(device)
        for k, v in tree.items()
    }
