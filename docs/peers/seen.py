"""Rollouts that both implementations read, and how far apart what they say is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from peers.rllte import pay, rows_left, transitions
from torch import Tensor

from agents.acting import RandomPolicy
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Surroundings
from agents.trajectories import rollout
from envs.atari.native import AtariConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import EnvSpec
from world_models.trajectory import Trajectory

ENVS, STEPS, ROLLOUTS = 4, 64, 3


@dataclass(frozen=True)
class Seen:
    """Rollouts of random play in one world, and random play before them."""

    name: str
    spec: EnvSpec
    before: Tensor
    trajs: list[Trajectory]

    @property
    def around(self) -> Surroundings:
        """What our signals are built for."""
        return Surroundings(self.spec, 0, 0, 0.99)

    def scored(self) -> list[Scored]:
        """The same, as our signals read them."""
        return [Scored.from_rollout(x.obs, x.action, x.first) for x in self.trajs]

    def only(self, env: int) -> "Seen":
        """What one env showed."""
        chosen = torch.tensor([env])
        spec = EnvSpec(1, self.spec.obs_shape, self.spec.actions, self.spec.device)
        trajs = [x.envs(chosen) for x in self.trajs]
        return Seen(self.name, spec, self.before[:, env : env + 1], trajs)


@dataclass(frozen=True)
class Gap:
    """How far theirs are from ours: numbers of all transitions that can be paid."""

    ours: Tensor
    theirs: Tensor

    def told(self) -> dict[str, float]:
        """The largest difference, by itself and of our largest; and the correlation."""
        ours, theirs = self.ours.double(), self.theirs.double()
        most = (ours - theirs).abs().max()
        alike = torch.corrcoef(torch.stack([ours, theirs]))[0, 1]
        return {
            "values": len(ours),
            "our_mean": ours.mean().item(),
            "their_mean": theirs.mean().item(),
            "max_difference": most.item(),
            "relative": (most / ours.abs().max()).item(),
            "correlation": alike.item(),
        }


@dataclass(frozen=True)
class Compared:
    """A signal as it comes, with what differs made equal, and what that was."""

    signal: str
    as_they_come: Gap
    made_equal: Gap
    how: str


def worlds() -> Iterator[Seen]:
    """Episodes that end in one, frames of a game in the other."""
    for name, config in (
        ("key-door", KeyDoorConfig(max_episode_steps=40)),
        ("MontezumaRevenge", AtariConfig()),
    ):
        env = config.build(ENVS, "cpu")
        policy, trajs = RandomPolicy(env, 1), []
        before, _ = rollout(env, 128, policy, env.reset(1))
        row = env.reset(2)
        for _ in range(ROLLOUTS):
            traj, row = rollout(env, STEPS, policy, row)
            trajs.append(traj)
        env.close()
        yield Seen(name, env.spec, before.obs, trajs)


def paid(seen: Seen, raw: list[Tensor]) -> Tensor:
    """The numbers of all transitions that can be paid, in a row."""
    return torch.cat([x[t.valid] for x, t in zip(raw, seen.trajs, strict=True)])


def left(seen: Seen, signal: Any, watched: bool = False) -> Tensor:
    """Theirs, of transitions as their users collect them."""
    each = [pay(signal, transitions(x), watched).flatten() for x in seen.trajs]
    return torch.cat(each)


def rows(seen: Seen, signal: Any, watched: bool = False) -> Tensor:
    """Theirs, of all rows of all episodes: of each transition the row arrived at."""
    each = []
    for i, traj in enumerate(seen.trajs):
        found = pay(signal, rows_left(traj, int(i > 0)), watched)
        each.append(found[-traj.num_steps :])
    return paid(seen, each)


def spread(kept: Tensor, traj: Trajectory) -> Tensor:
    """Of transitions without joins, in the places of all."""
    whole = torch.zeros(traj.valid.shape)
    whole[traj.valid[:, 0]] = kept
    return whole
