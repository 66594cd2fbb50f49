"""Frames of an Atari game with their labels, collected as in AtariARI (1906.08226)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from envs.atari.native import AtariConfig
from envs.atari.protocol import NamedProtocol
from envs.atari.ram import AtariFact
from envs.vector_env import DiscreteActions, Step
from ssl_objectives.refusal import DatasetError

SCREEN = (210, 160)  # the protocol's (height, width)
SMALL = (84, 84)  # ours
LEAST = 64  # frames; only longer episodes are kept
IDLE = 1  # actions from 0 on that the random agent never takes


@dataclass(frozen=True)
class Frames:
    """Frames in the order of their episodes, each with its labels.

    Attributes:
        obs: single grey frames.
        action: that led into each; of an episode's first frame, none that counts.
        labels: by name, 0 … 255.
        episode: numbers that rise; the frames of one episode lie in a row.
        num_actions: of the game.
    """

    obs: UInt8[Tensor, "N 1 H W"]
    action: Int64[Tensor, "N"]
    labels: Mapping[str, Int64[Tensor, "N"]]
    episode: Int64[Tensor, "N"]
    num_actions: int

    def __len__(self) -> int:
        """N, the number of frames."""
        return len(self.obs)

    def where(self, kept: Bool[Tensor, "N"]) -> "Frames":
        """Some of the frames."""
        labels = {k: x[kept] for k, x in self.labels.items()}
        obs, action, episode = (x[kept] for x in (self.obs, self.action, self.episode))
        return Frames(obs, action, labels, episode, self.num_actions)

    def starts(self, following: int) -> Int64[Tensor, "n"]:
        """Frames that so many others of their episode follow."""
        if following >= len(self):
            return self.episode.new_zeros(0)
        last = len(self) - following
        return (self.episode[:last] == self.episode[following:]).nonzero().flatten()


def collect(
    game: str,
    num_frames: int,
    seed: int,
    size: tuple[int, int] = SCREEN,
    num_envs: int = 16,
) -> Frames:
    """Play at random, without the action 0, in `num_envs` games for equal times.

    The protocol is `ATARI_ARI`: skip 4, nothing sticky. Episodes, those that were cut
    off when the collection ended too, are kept if they are longer than 64 frames.

    Of the published code's flaws these are not copied: at an episode's end it puts the
    next one's first frame beside the last one's labels. Here a row's labels are of the
    memory at the very time of its frame, and the row that ends an episode is left out,
    since its picture is older than its memory.

    Args:
        game: one that has labels.
        num_frames: played; fewer are kept.
        seed: of the games and the agent.
        size: (height, width) of the frames.
        num_envs: games at once.

    Raises:
        ValueError: no such game, or it has no labels.
        DatasetError: no episode was long enough.
    """
    height, width = size
    world = AtariConfig(
        game,
        NamedProtocol.ATARI_ARI,
        (AtariFact.LABELS,),
        height=height,
        width=width,
    )
    env = world.build(num_envs, "cpu")
    assert isinstance(env.spec.actions, DiscreteActions)
    number = env.spec.actions.n
    generator = torch.Generator().manual_seed(seed)
    rows, actions = [env.reset(seed)], [torch.zeros(num_envs, dtype=torch.int64)]
    for _ in range(num_frames // num_envs - 1):
        drawn = torch.randint(IDLE, number, (num_envs,), generator=generator)
        actions.append(drawn)
        rows.append(env.step(drawn))
    env.close()
    frames = long_episodes(in_order(rows, torch.stack(actions), number))
    if not len(frames):
        raise DatasetError(
            f"None of {num_envs} games lasted longer than {LEAST} frames, of "
            f"{num_frames:,} in all: give more frames."
        )
    return frames


def in_order(
    rows: list[Step], action: Int64[Tensor, "T B"], num_actions: int
) -> Frames:
    """Frames env by env and episode by episode, without the rows that end episodes."""

    def laid(x: Tensor) -> Tensor:
        return x.transpose(0, 1).flatten(0, 1)

    def column(name: str) -> Tensor:
        return laid(torch.stack([getattr(x, name) for x in rows]))

    begins = column("first")
    begins[:: len(rows)] = True  # of the stream of each env
    frames = Frames(
        column("obs"),
        laid(action),
        {k: laid(torch.stack([x.facts[k] for x in rows])) for k in rows[0].facts},
        begins.cumsum(0) - 1,
        num_actions,
    )
    return frames.where(~(column("terminated") | column("truncated")))


def long_episodes(frames: Frames, least: int = LEAST) -> Frames:
    """Without episodes of `least` frames or fewer."""
    _, own, length = frames.episode.unique(return_inverse=True, return_counts=True)
    return frames.where(length[own] > least)
