"""Rollouts in a row, of frames that come again, and their episodes row by row."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, Surroundings
from envs.vector_env import ActionSpace, DiscreteActions, EnvSpec
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss

T, B, SHAPE, DISCOUNT = 7, 4, (1, 12, 13), 0.9
ACTIONS = DiscreteActions(5)
EYES = PatchConfig(6, 4, precision=Precision.FLOAT32)


def around(
    actions: ActionSpace = ACTIONS,
    obs_shape: tuple[int, int, int] = SHAPE,
    num_envs: int = B,
    vector_size: int = 0,
) -> Surroundings:
    """Small worlds, and no world model."""
    device = torch.device("cpu")
    spec = EnvSpec(num_envs, obs_shape, actions, device, vector_size=vector_size)
    return Surroundings(spec, 6, 7, DISCOUNT)


def rollouts(
    seed: int = 0,
    looks: int = 6,
    ends: float = 0.2,
    shape: Any = SHAPE,
    vector_size: int = 0,
) -> Iterator[Scored]:
    """A stream of rollouts; row T of each is row 0 of the next.

    With a vector, it comes again and again, and frames are black.
    """
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randint(0, 256, (looks, *shape), generator=generator)
    pictures = pictures.to(torch.uint8)
    apart = torch.Generator().manual_seed(seed)
    vectors = 2 * torch.rand(looks, vector_size, generator=apart) - 1
    obs, first, told = None, None, None
    while True:
        which = torch.randint(0, looks, (T + 1, B), generator=generator)
        frames, begins = pictures[which], torch.rand(T + 1, B, generator=generator)
        begins = begins < ends
        begins[0] = True
        shown = vectors[which]
        if obs is not None and first is not None and told is not None:
            frames[0], begins[0], shown[0] = obs, first, told
        obs, first, told = frames[-1], begins[-1], shown[-1]
        action = torch.randint(0, ACTIONS.n, (T, B), generator=generator)
        if vector_size:
            black = torch.zeros_like(frames)
            yield Scored.from_rollout(black, action, begins, vector=shown)
        else:
            yield Scored.from_rollout(frames, action, begins)


def in_a_row(rows: list[Tensor]) -> list[Tensor]:
    """Row T of each is made row 0 of the next."""
    for one, two in pairwise(rows):
        two[0] = one[-1]
    return rows


def some(stream: Iterator[Scored], num: int) -> list[Scored]:
    return [next(stream) for _ in range(num)]


def learning_of(scored: Scored, seed: int = 3) -> Learning:
    generator = torch.Generator().manual_seed(seed)
    return Learning(scored.traj, scored.experience.carry, generator)


def total(loss: Loss | None) -> Tensor:
    assert loss is not None
    if loss.per_sample is None:
        return loss.regularizer
    return loss.per_sample.mean() + loss.regularizer


def paid(signal: Curiosity, streamed: list[Scored]) -> list[Tensor]:
    with torch.no_grad():
        return [signal.reward(x).raw for x in streamed]


Naive = Callable[[list[Tensor], Tensor], float]
"""what a row of an episode is worth, by the rows of it that came before"""


def by_episode(
    rows: list[Tensor], streamed: list[Scored], worth: Naive
) -> list[Tensor]:
    """The worth of every transition, env by env and row by row: a loop without state.

    Args:
        rows: what is known of rows 0 … T of each rollout, `[R, B, ...]`.
        streamed: the rollouts.
        worth: of a row.
    """
    found = [torch.zeros(T, B) for _ in rows]
    for b in range(B):
        episode: list[Tensor] = []
        for i, (known, scored) in enumerate(zip(rows, streamed, strict=True)):
            for r in range(T + 1):
                if r == 0 and i:
                    continue
                begins = bool(scored.traj.first[r, b])
                if begins:
                    episode = []
                if r and not begins:
                    found[i][r - 1, b] = worth(episode, known[r, b])
                episode.append(known[r, b])
    return found


def goes_on(make: Callable[[], Curiosity], num: int = 2, vector_size: int = 0) -> None:
    """Save, load and go on: as if nothing had happened, bit by bit."""
    stream = rollouts(5, looks=40, vector_size=vector_size)
    torch.manual_seed(1)
    signal = make()
    optimizer = torch.optim.SGD([*signal.parameters(), torch.zeros(1)], 1e-2)

    def step(one: Curiosity, scored: Scored, learn: Any) -> Tensor:
        with torch.no_grad():
            reward = one.reward(scored).reward
        loss = one.loss(learning_of(scored))
        if loss is not None:
            learn.zero_grad()
            total(loss).backward()
            learn.step()
        one.after_update(None)
        return reward

    for scored in some(stream, num):
        signal.warm_up(scored.traj.obs, scored.traj.vector)
        step(signal, scored, optimizer)
    torch.manual_seed(2)
    twin = make()
    twin.load_state_dict({k: x.clone() for k, x in signal.state_dict().items()})
    again = torch.optim.SGD([*twin.parameters(), torch.zeros(1)], 1e-2)
    paid_anything = False
    for scored in some(stream, num):
        one, two = step(signal, scored, optimizer), step(twin, scored, again)
        assert torch.equal(one, two)
        paid_anything |= bool(one.any())
    assert paid_anything
    for name, x in signal.state_dict().items():
        assert torch.equal(x, twin.state_dict()[name]), name
