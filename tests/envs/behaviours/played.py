"""Behaviours played without a world."""

import torch
from torch import Tensor

from envs.behaviours.behaviour import Behaviour
from envs.behaviours.chasing import Chasing
from envs.behaviours.mimicry import Mimicry
from envs.behaviours.noise import Noise
from envs.behaviours.peekaboo import Peekaboo
from envs.behaviours.periodic import Periodic
from envs.behaviours.reaching import Reaching
from envs.behaviours.static import Static
from envs.chance import Stream

BEHAVIOURS: dict[str, Behaviour] = {
    "static": Static(),
    "periodic": Periodic(),
    "noise": Noise(),
    "reaching": Reaching(False, "cpu"),
    "reaching, stochastic": Reaching(True, "cpu"),
    "chasing": Chasing(False, 0.0, "cpu"),
    "chasing, jitter": Chasing(False, 3.0, "cpu"),
    "chasing, stochastic": Chasing(True, 0.0, "cpu"),
    "peekaboo": Peekaboo(False),
    "peekaboo, stochastic": Peekaboo(True),
    "mimicry": Mimicry(False),
    "mimicry, stochastic": Mimicry(True),
}
NUM = 40


def stream(seed: int) -> Stream:
    return Stream(torch.Generator().manual_seed(seed))


def on(
    behaviour: Behaviour, state: Tensor, steps: int, seed: int, gaze: Tensor | None
) -> Tensor:
    """States `[steps + 1, num, F]` from one on; `gaze` is `[steps, num]` or nowhere."""
    chance, states = stream(seed), [state]
    for t in range(steps):
        watched = torch.zeros(len(state), dtype=torch.bool)
        states.append(
            behaviour.step(states[-1], watched if gaze is None else gaze[t], chance)
        )
    return torch.stack(states)


def played(
    behaviour: Behaviour, steps: int, seed: int = 0, gaze: Tensor | None = None
) -> Tensor:
    """States `[steps + 1, NUM, F]` from a fresh start on."""
    state = behaviour.start(NUM, stream(seed))
    return on(behaviour, state, steps, seed + 1, gaze)


def places(behaviour: Behaviour, states: Tensor) -> Tensor:
    """`[steps + 1, num, n, 2]`."""
    return torch.stack([behaviour.places(x) for x in states])


def strides(path: Tensor) -> Tensor:
    """Lengths of the steps of `[steps + 1, ..., 2]`."""
    return length(path[1:] - path[:-1])


def length(way: Tensor) -> Tensor:
    """Of `[..., 2]`."""
    squares: Tensor = way.square().sum(-1)
    return squares.sqrt()


def looks(steps: int) -> Tensor:
    """A gaze that comes and goes, for 30 steps on average, other for each group."""
    turns = stream(5).uniform(steps, NUM) < 1 / 30
    return turns.cumsum(0).remainder(2).bool()
