"""Plays whole episodes for evaluation and videos, with any acting policy."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.acting import ActingPolicy
from envs.vector_env import Step, VectorEnv

# Told after every step: episodes finished, and env steps so far of all envs together.
StepCallback = Callable[[int, int], None]


@dataclass
class Episode:
    """Statistics of one episode: score, length, rooms and cells visited.

    Attributes:
        score: sum of the raw rewards. length: env steps.
        rooms: distinct rooms entered; None where the world has no fact `room`.
        cells: distinct (room, x, y); None where it does not tell all of these.
        complete: False where the step limit of the evaluation cut it.
    """

    score: float = 0.0
    length: int = 0
    rooms: set[int] | None = None
    cells: set[tuple[int, int, int]] | None = None
    complete: bool = False


@dataclass(frozen=True)
class PlayedEpisodes:
    """Statistics of the episodes of one player."""

    episodes: list[Episode] = field(default_factory=list)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Score of each episode."""
        return np.array([x.score for x in self.episodes])

    @property
    def rooms(self) -> int | None:
        """Distinct rooms over all episodes."""
        sets = [x.rooms for x in self.episodes if x.rooms is not None]
        return len(set().union(*sets)) if sets else None

    @property
    def cells(self) -> int | None:
        """Distinct (room, x, y) over all episodes."""
        sets = [x.cells for x in self.episodes if x.cells is not None]
        return len(set().union(*sets)) if sets else None

    @property
    def rooms_per_episode(self) -> NDArray[np.int64] | None:
        """Distinct rooms of each episode; None where the world does not tell them."""
        return _sizes([x.rooms for x in self.episodes])

    @property
    def cells_per_episode(self) -> NDArray[np.int64] | None:
        """Distinct (room, x, y) of each episode; None where the world tells none."""
        return _sizes([x.cells for x in self.episodes])

    @property
    def cut_off(self) -> int:
        """Episodes that the step limit of the evaluation ended."""
        return sum(not x.complete for x in self.episodes)

    @property
    def env_steps(self) -> int:
        """Steps of all episodes together."""
        return sum(x.length for x in self.episodes)


def play_episodes(
    env: VectorEnv,
    policy: ActingPolicy,
    num_episodes: int,
    seed: int,
    max_steps: int | None = None,
    on_step: StepCallback | None = None,
) -> PlayedEpisodes:
    """Play `num_episodes`, an equal share in each env.

    Shares are fixed beforehand: taking whichever episodes end first would prefer short
    ones. Envs that are done with theirs go on unwatched.

    Args:
        env: its streams are seeded anew, so that all players meet the same episodes.
        policy: chooses the actions.
        num_episodes: at least 1.
        seed: of the episodes.
        max_steps: cuts each episode (marked as not complete); None lets it run.
        on_step: told how far play is; what it raises ends play.
    """
    num_envs = env.spec.num_envs
    shares = [len(part) for part in np.array_split(range(num_episodes), num_envs)]
    finished: list[list[Episode]] = [[] for _ in range(num_envs)]
    row, carry = env.reset(seed), policy.start(num_envs)
    host = _on_host(row)
    current = [_begin(host, i) for i in range(num_envs)]
    env_steps = 0
    while any(len(done) < share for done, share in zip(finished, shares, strict=True)):
        did = policy.act(row, carry)
        row, carry = env.step(did.action), did.carry
        host = _on_host(row)
        overlong = torch.zeros(num_envs, dtype=torch.bool)
        for i in range(num_envs):
            if host.first[i]:
                current[i] = _begin(host, i)
                continue
            episode = current[i]
            episode.score += float(host.reward[i])
            episode.length += 1
            _visit(episode, host, i)
            ended = bool(host.terminated[i] | host.truncated[i])
            overlong[i] = not ended and episode.length == max_steps
            if (ended or overlong[i]) and len(finished[i]) < shares[i]:
                episode.complete = ended
                finished[i].append(episode)
        if overlong.any():
            row = env.reset(mask=overlong.to(env.spec.device))
            host = _on_host(row)
            for i in overlong.nonzero().flatten().tolist():
                current[i] = _begin(host, i)
        env_steps += num_envs
        if on_step is not None:
            on_step(sum(map(len, finished)), env_steps)
    return PlayedEpisodes([episode for done in finished for episode in done])


def play_frames(
    env: VectorEnv, policy: ActingPolicy, num_steps: int, seed: int
) -> Iterator[NDArray[np.uint8]]:
    """Frames `[H, W, 3]` of the first env: in colour where the world knows it."""
    row, carry = env.reset(seed), policy.start(env.spec.num_envs)
    yield _picture(row)
    for _ in range(num_steps):
        did = policy.act(row, carry)
        row, carry = env.step(did.action), did.carry
        yield _picture(row)


def _picture(row: Step) -> NDArray[np.uint8]:
    """RGB `[H, W, 3]` of the first env, whatever its channels are.

    The fact `colour` where there is one, else the first three channels, or of fewer the
    first alone, as grey. Behind a noise what is seen, since the truth has none.
    """
    seen = row.obs if "noise" in row.facts else row.facts.get("colour", row.obs)
    image = seen[0].cpu()
    shown = image[:3] if len(image) >= 3 else image[:1].expand(3, -1, -1)
    picture: NDArray[np.uint8] = shown.permute(1, 2, 0).numpy()
    return picture


def _sizes(places: Sequence[Collection[Any] | None]) -> NDArray[np.int64] | None:
    known = [len(x) for x in places if x is not None]
    return np.array(known) if known else None


def _on_host(row: Step) -> Step:
    facts = {k: v.cpu() for k, v in row.facts.items() if k in ("room", "x", "y")}
    return Step(
        row.obs,
        row.reward.cpu(),
        row.terminated.cpu(),
        row.truncated.cpu(),
        row.first.cpu(),
        facts,
    )


def _begin(row: Step, i: int) -> Episode:
    in_rooms = "room" in row.facts
    in_cells = in_rooms and "x" in row.facts and "y" in row.facts
    episode = Episode(
        rooms=set() if in_rooms else None, cells=set() if in_cells else None
    )
    _visit(episode, row, i)
    return episode


def _visit(episode: Episode, row: Step, i: int) -> None:
    if episode.rooms is None:
        return
    room = int(row.facts["room"][i])
    episode.rooms.add(room)
    if episode.cells is not None:
        episode.cells.add((room, int(row.facts["x"][i]), int(row.facts["y"][i])))
