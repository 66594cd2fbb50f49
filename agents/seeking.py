"""Many goals sought at once in a world that has some, and how many were reached."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Int64, Shaped, UInt8
from torch import Tensor

from agents.proportion import wilson_interval
from envs.goal_world import GoalWorld
from envs.native_env import select_rows
from envs.vector_env import ContinuousActions, WorldError

_DRAWS = 100  # times that starts are drawn again before a world is given up


@runtime_checkable
class Seeker(Protocol):
    """Acts towards goals that are given as frames; see `GoalSeeker`."""

    def aim(self, goal: UInt8[Tensor, "B C H W"]) -> None:
        """Seek these from now on."""

    def act(
        self, obs: UInt8[Tensor, "B C H W"], first: Bool[Tensor, "B"]
    ) -> Shaped[Tensor, "B ..."]:
        """The next action of every env, continuous ones in [-1, 1]."""

    def envs(self, index: Shaped[Tensor, "b"]) -> None:
        """Go on with some of the envs alone."""


@dataclass(frozen=True)
class Sought:
    """What came of seeking N goals.

    Attributes:
        reached: whether, at any step.
        steps: until it was, or until the end.
        start, last, goal: frames of each.
        facts: ground truth of rows 0 … T; behind the end of an env its last.
        goal_facts: that of the goals.
        drawn_again: starts that were successes already, and were drawn again.
        seconds: that the seeker took for all its actions, by the clock on the wall.
    """

    reached: Bool[Tensor, "N"]
    steps: Int64[Tensor, "N"]
    start: UInt8[Tensor, "N C H W"]
    last: UInt8[Tensor, "N C H W"]
    goal: UInt8[Tensor, "N C H W"]
    facts: Mapping[str, Shaped[Tensor, "R N ..."]]
    goal_facts: Mapping[str, Shaped[Tensor, "N ..."]]
    drawn_again: int
    seconds: float

    @property
    def success(self) -> float:
        """The share of goals that were reached."""
        return float(self.reached.float().mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of it."""
        return wilson_interval(int(self.reached.sum()), len(self.reached))


@torch.no_grad()
def seek(
    world: GoalWorld[Any],
    seeker: Seeker,
    num: int,
    max_steps: int,
    seed: int,
    device: torch.device | str = "cpu",
    on_step: Callable[[int, int], None] | None = None,
) -> Sought:
    """Seek `num` goals at once, each for `max_steps` steps at most.

    A start that already is a success is drawn again, with its goal: it would tell
    nothing of who seeks. Whoever has reached its goal, or whose episode the world has
    ended, takes no further part; the world's own step limit does not count.

    Args:
        world: with goals.
        seeker: acts.
        num: N.
        max_steps: after which a goal counts as missed.
        seed: of starts and goals, the same for every seeker; and of the world's
            own chance.
        device: of all of it.
        on_step: told after each step how many steps were made, and goals reached.

    Raises:
        WorldError: starts are successes however often they are drawn.
    """
    generator = torch.Generator(device).manual_seed(seed)
    state, goal, drawn_again = _tasks(world, num, generator)
    chance = torch.Generator(device).manual_seed(seed + 1)
    start, aimed, aims = world.render(state), world.render(goal), world.describe(goal)
    seeker.aim(aimed)
    alive = torch.arange(num, device=device)
    reached = torch.zeros(num, dtype=torch.bool, device=device)
    steps = torch.full((num,), max_steps, device=device)
    first, whole = torch.ones_like(reached), state
    rows, seconds = [world.describe(state)], 0.0
    for t in range(1, max_steps + 1):
        begun = time.perf_counter()
        action = seeker.act(world.render(state), first)
        seconds += time.perf_counter() - begun
        if isinstance(world.actions, ContinuousActions):
            action = world.actions.to_bounds(action)
        outcome = world.transition(state, action, chance)
        state, first = outcome.state, torch.zeros_like(first)
        done = world.reached(state, goal)
        whole = _written(whole, alive, state)
        rows.append(world.describe(whole))
        reached[alive], steps[alive[done]] = done, t
        over = done | outcome.terminated
        if over.any():  # waits: whoever is through costs nothing any more
            state, goal = _rows(state, ~over), _rows(goal, ~over)
            alive, first = alive[~over], first[~over]
            seeker.envs(~over)
        if on_step is not None:
            on_step(t, int(reached.sum()))
        if not len(alive):
            break
    last = world.render(whole)
    facts = {k: torch.stack([x[k] for x in rows]) for k in rows[0]}
    return Sought(reached, steps, start, last, aimed, facts, aims, drawn_again, seconds)


def _tasks(
    world: GoalWorld[Any], num: int, generator: torch.Generator
) -> tuple[Any, Any, int]:
    """Starts and goals, none of them reached already, and how many were drawn again."""
    state = world.start(num, generator, None)
    goal = world.goal(state, generator)
    drawn_again = 0
    for _ in range(_DRAWS):
        idle = world.reached(state, goal)
        if not idle.any():
            return state, goal, drawn_again
        drawn_again += int(idle.sum())
        fresh = world.start(num, generator, state)
        other = world.goal(fresh, generator)
        state, goal = select_rows(idle, fresh, state), select_rows(idle, other, goal)
    raise WorldError(
        f"Goals of {type(world).__name__} are reached where one starts: after drawing "
        f"{_DRAWS} times some still are. Make its `goal` give states further away."
    )


def _rows(state: Any, index: Tensor) -> Any:
    return type(state)(*[x[index] for x in state])


def _written(whole: Any, index: Tensor, part: Any) -> Any:
    """Some envs' states among those of all."""
    fields = [x.index_copy(0, index, y) for x, y in zip(whole, part, strict=True)]
    return type(whole)(*fields)
