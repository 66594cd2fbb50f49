"""The rollout collector: T steps of all envs with any acting policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float32, Int64, Shaped
from torch import Tensor

from agents.acting import ActingPolicy
from agents.experience import Experience
from envs.vector_env import Step, VectorEnv
from ssl_objectives.distributed import gathered_rows
from world_models.belief import Carry
from world_models.context import Context
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Happened:
    """What people want to know of a rollout; nobody learns from it.

    Attributes:
        ended: where an episode ended.
        episode_return, episode_length: of it, there.
        kinds: facts whose values have names, of the rows that were reached.
        events: facts that are events, likewise.
        tallies: facts that say what came of an episode, of the same rows.
        finite_vectors: every number of every vector is finite.
    """

    ended: Bool[Tensor, "T B"]
    episode_return: Float32[Tensor, "T B"]
    episode_length: Float32[Tensor, "T B"]
    kinds: Mapping[str, Int64[Tensor, "T B"]] = field(default_factory=dict)
    events: Mapping[str, Bool[Tensor, "T B"]] = field(default_factory=dict)
    tallies: Mapping[str, Shaped[Tensor, "T B"]] = field(default_factory=dict)
    finite_vectors: Bool[Tensor, ""] = field(default_factory=lambda: torch.tensor(True))

    def of_all_processes(self) -> "Happened":
        """In the envs of all processes."""

        def each(told: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: gathered_rows(x, 1) for name, x in told.items()}

        return Happened(
            gathered_rows(self.ended, 1),
            gathered_rows(self.episode_return, 1),
            gathered_rows(self.episode_length, 1),
            each(self.kinds),
            each(self.events),
            each(self.tallies),
            gathered_rows(self.finite_vectors[None], 0).all(),
        )


class Collector:
    """Collects rollouts with an acting policy; holds all that lives between them.

    Args:
        env: the worlds.
        policy: acts in them; PPO's actor, a scripted one, or anybody's.
        num_steps: T, steps per rollout.
        overlap: transitions of the previous rollout handed on as `Context`
            (K-1 for a model that predicts K steps ahead).

    Raises:
        ValueError: the overlap is longer than the rollout.
    """

    def __init__(
        self, env: VectorEnv, policy: ActingPolicy, num_steps: int, overlap: int = 0
    ) -> None:
        if overlap > num_steps:
            raise ValueError(
                f"a model horizon of {overlap + 1} needs rollouts of at least "
                f"{overlap} steps, not {num_steps}; lower the horizon"
            )
        self.env, self.policy = env, policy
        self.num_steps, self.overlap = num_steps, overlap
        self.row: Step | None = None
        self._forget()

    def begin(self, seed: int) -> None:
        """Reset the envs, and with them all that was carried from step to step."""
        self.row = self.env.reset(seed)
        self._forget()

    def _forget(self) -> None:
        self.carry: Carry = self.policy.start(self.env.spec.num_envs)
        self.context: Context | None = None
        zeros = torch.zeros(self.env.spec.num_envs, device=self.env.spec.device)
        self._return, self._length = zeros, zeros.clone()

    @torch.no_grad()
    def collect(self) -> tuple[Experience, Happened]:
        """Act for T steps; the last row of a rollout is the first of the next one."""
        assert self.row is not None, "call begin() first"
        row, carry = self.row, self.carry
        # frames dominate memory: written in place instead of listed and stacked
        obs = row.obs.new_empty(self.num_steps + 1, *row.obs.shape)
        obs[0] = row.obs
        first, vector, acted, outcomes = [row.first], [row.vector], [], []
        returns: list[Tensor] = []
        lengths: list[Tensor] = []
        facts = self.env.spec.facts
        noted: dict[str, list[Tensor]] = {
            name: [] for name, x in facts.items() if x.names or x.event or x.tally
        }
        handed_on = carry
        for t in range(self.num_steps):
            if t == self.num_steps - self.overlap:
                handed_on = carry
            did = self.policy.act(row, carry)
            row, carry = self.env.step(did.action), did.carry
            obs[t + 1] = row.obs
            acted.append(did)
            outcomes.append((row.reward, row.terminated, row.truncated))
            first.append(row.first)
            vector.append(row.vector)
            self._count(row, returns, lengths)
            for name, told in noted.items():
                told.append(row.facts[name])
        reward, terminated, truncated = map(torch.stack, zip(*outcomes, strict=True))
        traj = Trajectory(
            action=torch.stack([x.action for x in acted]),
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            obs=obs,
            first=torch.stack(first),
            vector=_stacked(vector),
        )
        experience = Experience(
            traj=traj,
            carry=self.carry,
            end=carry,
            extras={
                name: torch.stack([x.extras[name] for x in acted])
                for name in acted[0].extras
            },
            context=self.context,
            overlap=self.overlap,
        )
        if self.overlap:
            tail = traj.steps(self.num_steps - self.overlap, self.num_steps)
            self.context = Context(tail.copy(), handed_on)  # not the whole rollout
        self.row, self.carry = row, carry
        told_of = {name: torch.stack(told) for name, told in noted.items()}
        happened = Happened(
            traj.terminated | traj.truncated,
            torch.stack(returns),
            torch.stack(lengths),
            {name: x for name, x in told_of.items() if facts[name].names},
            {name: x for name, x in told_of.items() if facts[name].event},
            {name: x for name, x in told_of.items() if facts[name].tally},
            torch.ones((), dtype=torch.bool, device=obs.device)
            if traj.vector is None
            else traj.vector.isfinite().all(),
        )
        return experience, happened

    def _count(self, row: Step, returns: list[Tensor], lengths: list[Tensor]) -> None:
        """Returns and lengths of the episodes so far; from zero behind an end."""
        ended = row.terminated | row.truncated
        self._return = self._return + row.reward
        self._length = self._length + (~row.first).float()
        returns.append(self._return)
        lengths.append(self._length)
        self._return = self._return.masked_fill(ended, 0.0)
        self._length = self._length.masked_fill(ended, 0.0)

    def state_dict(self) -> dict[str, Any]:
        """Envs (where they can), current row, carries, context, running returns."""
        assert self.row is not None, "call begin() first"
        return {
            "env": self.env.state_dict(),
            "policy": self.policy.state_dict(),
            "row": _tree(self.row),
            "carry": _tree(self.carry),
            "context": None
            if self.context is None
            else {
                "traj": _tree(self.context.traj),
                "carry": _tree(self.context.carry),
            },
            "return": self._return,
            "length": self._length,
        }

    def load_state_dict(self, state: dict[str, Any], seed: int) -> None:
        """Continue; where the envs cannot be restored, begin fresh episodes."""
        self.policy.load_state_dict(state["policy"])
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


def _stacked(rows: list[Tensor | None]) -> Tensor | None:
    there = [x for x in rows if x is not None]
    return torch.stack(there) if there else None


def _tree(part: Step | Carry | Trajectory) -> dict[str, Any]:
    """The fields of a dataclass of tensors."""
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in vars(part).items()}


def _to(tree: dict[str, Any], device: torch.device) -> dict[str, Any]:
    return {
        k: _to(v, device)
        if isinstance(v, dict)
        else None
        if v is None
        else v.to(device)
        for k, v in tree.items()
    }
