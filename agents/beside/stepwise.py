"""Curiosity that is paid at every step, for loops that want it there and then."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float32
from torch import Tensor

from agents.acting import nothing_carried
from agents.beside.companion import Companion
from agents.beside.held import hold_scales
from agents.beside.shown import Moved, Shown
from agents.beside.streams import Streams
from agents.curiosity.signal import IntrinsicReward
from agents.experience import Experience
from agents.metrics import Metrics, mean_of, of_rewards
from world_models.belief import Carry
from world_models.context import Context
from world_models.trajectory import Trajectory


class _Passed(NamedTuple):
    """A row that was acted from."""

    traj: Trajectory  # one transition
    carry: Carry
    belief: Float32[Tensor, "1 B S"]


@final
class Stepwise:
    """Shows a companion the steps of envs that reset at once, and pays for each.

    A step is a rollout of one transition, with those before it as context: so it earns
    every prediction that lands on it. Its envs stay in step with each other: where an
    episode ended, row 1 shows its last observation, and row 0 of the next step the
    first of the next one, where memories forget. What is learned from are rollouts of
    T steps that hold both (`Streams`).

    Nothing is paid in the first T steps of all: from them signals learn what is normal,
    as from random play elsewhere. Scales follow blocks of T steps (`Held`).

    Args:
        companion: that pays and learns.
        num_steps: T.
    """

    def __init__(self, companion: Companion, num_steps: int) -> None:
        self.companion, self.num_steps = companion, num_steps
        spec, model = companion.spec, companion.model
        for signal in companion.appraiser.curious.values():
            hold_scales(signal, num_steps, spec.num_envs)
        companion.modules.to(spec.device)
        history = 0 if model is None else model.belief.num_frames - 1
        self.streams = Streams(spec.num_envs, num_steps, history)
        self.metrics: Metrics = {}
        self._paid: list[dict[str, IntrinsicReward]] = []
        self._row: Shown | None = None

    def begin(self, now: Shown) -> None:
        """All envs were reset, and show this."""
        spec, model = self.companion.spec, self.companion.model
        self.streams.restart(now, nothing_carried(spec, spec.num_envs).action)
        ones = torch.ones(spec.num_envs, dtype=torch.bool, device=spec.device)
        self._row, self._first = now, ones
        self._carry = None if model is None else model.start(spec.num_envs)
        self._passed: deque[_Passed] = deque(maxlen=self.companion.overlap)

    @torch.no_grad()
    def step(self, moved: Moved) -> Float32[Tensor, "B"]:
        """What is paid for a step; behind T of them, learn.

        Raises:
            RuntimeError: the envs have not begun.
        """
        if self._row is None:
            raise RuntimeError("The envs have not begun: call begin() first")
        traj = self._transition(self._row, moved)
        self.streams.add(moved)
        experience, belief = self._seen(traj)
        paid = torch.zeros_like(moved.reward)
        if self.companion.warm:
            reward, by_signal = self.companion.pay(experience, belief)
            paid = reward[0]
            self._paid.append(by_signal)
        self._row, self._first = moved.now, moved.ended
        while self.streams.ready:
            self._learn()
        return paid

    def _transition(self, row: Shown, moved: Moved) -> Trajectory:
        """From row 0, what the envs showed, to row 1, what they arrived at."""
        there = moved.arrived
        vector = None
        if row.vector is not None and there.vector is not None:
            vector = torch.stack([row.vector, there.vector])
        return Trajectory(
            action=moved.action[None],
            reward=moved.reward[None],
            terminated=moved.terminated[None],
            truncated=moved.truncated[None],
            obs=torch.stack([row.obs, there.obs]),
            first=torch.stack([self._first, torch.zeros_like(self._first)]),
            vector=vector,
        )

    def _seen(self, traj: Trajectory) -> tuple[Experience, Tensor | None]:
        """With the model's memory along it, and the K-1 transitions before."""
        model, carry = self.companion.model, self._carry
        if model is None or carry is None:
            nothing = self.companion.nothing(traj)
            return Experience(traj, nothing, nothing), None
        seen = model.belief.along(traj, carry)
        context, belief = None, seen.belief
        if self._passed:
            past = [x.traj for x in self._passed]
            context = Context(_in_line(past, traj), self._passed[0].carry)
            belief = torch.cat([*(x.belief for x in self._passed), belief])
        overlap = min(len(self._passed) + 1, self.companion.overlap)
        experience = Experience(traj, carry, seen.carry, {}, context, overlap)
        self._passed.append(_Passed(traj, carry, seen.belief))
        self._carry = seen.carry
        return experience, belief

    @torch.enable_grad()
    def _learn(self) -> None:
        """From the next T steps of each env."""
        companion, model = self.companion, self.companion.model
        traj, carry = self.streams.cut()
        if not companion.warm:
            companion.warm_up(traj)
            self._measure(traj, carry)
        companion.learn(traj, carry)
        self.metrics = {**companion.metrics, **_told(self._paid)}
        self._paid = []
        if model is not None and self._passed:
            self._see_again()

    @torch.no_grad()
    def _measure(self, traj: Trajectory, carry: Carry) -> None:
        """Pay for the first rollout, to nobody: now scales know what is usual."""
        model = self.companion.model
        if model is None:
            nothing = self.companion.nothing(traj)
            self.companion.pay(Experience(traj, nothing, nothing), None)
            return
        carry = model.belief.recall(carry)
        seen = model.belief.along(traj, carry)
        self.companion.pay(Experience(traj, carry, seen.carry), seen.belief)

    @torch.no_grad()
    def _see_again(self) -> None:
        """Beliefs of the context by the weights of now."""
        model = self.companion.model
        assert model is not None
        for i, x in enumerate(self._passed):
            belief = model.belief.along(x.traj, x.carry).belief
            self._passed[i] = x._replace(belief=belief)

    def state_dict(self) -> dict[str, Any]:
        """All but what the envs show: behind loading, they begin anew."""
        return {
            "companion": self.companion.state_dict(),
            "streams": self.streams.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, with `begin`."""
        self.companion.load_state_dict(state["companion"])
        self.streams.load_state_dict(state["streams"], self.companion.spec.device)
        self._row = None


def _in_line(past: list[Trajectory], last: Trajectory) -> Trajectory:
    """Transitions that follow each other; the row behind them is row 0 of the last."""

    def rows(name: str) -> Any:
        each = [getattr(x, name) for x in (*past, last)]
        return None if each[0] is None else torch.cat([x[:1] for x in each])

    led: dict[str, Any] = {
        name: torch.cat([getattr(x, name) for x in past])
        for name in ("action", "reward", "terminated", "truncated")
    }
    return Trajectory(
        obs=rows("obs"), first=rows("first"), vector=rows("vector"), **led
    )


def _told(steps: list[dict[str, IntrinsicReward]]) -> Metrics:
    """What is told of steps that were paid one by one, as of one rollout."""
    if not steps:
        return {}
    paid = {
        name: IntrinsicReward(
            torch.cat([x[name].raw for x in steps]),
            torch.cat([x[name].reward for x in steps]),
            mean_of([dict(x[name].told) for x in steps]),
        )
        for name in steps[0]
    }
    everywhere = torch.ones_like(next(iter(paid.values())).raw, dtype=torch.bool)
    return of_rewards(paid, everywhere)
