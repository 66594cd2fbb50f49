"""Random rollouts and a small world model for `check_curiosity`."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from agents.experience import Experience
from envs.vector_env import DiscreteActions, EnvSpec
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from world_models.actions import DiscreteEmbedding
from world_models.belief import BeliefModel, Carry
from world_models.context import Context
from world_models.cores.recurrent import RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.terms.ensemble import EnsembleConfig
from world_models.trajectory import Trajectory

NUM_STEPS, HORIZON, ACTIONS, BELIEF, LATENT = 9, 3, 5, 6, 7
CUT = 4  # a row in which the first two envs both begin an episode


def surroundings(
    obs_shape: tuple[int, int, int],
    num_envs: int,
    discount: float,
    vector_size: int = 0,
) -> Surroundings:
    """Worlds with 5 actions, and a small BYOL-Explore model with an ensemble.

    Where they show a vector, the model does not read it.
    """
    body = nn.Sequential(nn.AdaptiveAvgPool2d((3, 4)), nn.Tanh())
    encoder = Encoder(body, obs_shape, LATENT, Precision.FLOAT32)
    core = RecurrentCore(LATENT, 6, BELIEF)
    belief = BeliefModel(encoder, core, DiscreteEmbedding(ACTIONS, 6))
    terms = (EnsembleConfig(heads=2, hidden=8),)
    model = byol_explore(HORIZON, predictor=LatentHeadConfig(8), terms=terms).build(
        belief
    )
    actions, device = DiscreteActions(ACTIONS), torch.device("cpu")
    spec = EnvSpec(num_envs, obs_shape, actions, device, vector_size=vector_size)
    return Surroundings(spec, BELIEF, LATENT, discount, model)


@dataclass(frozen=True)
class Drawn:
    """A rollout, and the model that is surprised by it."""

    experience: Experience
    model: LatentDynamics

    def scored(self, needs_model: bool) -> Scored:
        """As a signal reads it; without what it says it does not need."""
        scored = Scored.by(self.model, self.experience)
        if needs_model:
            return scored
        return replace(scored, target=None, model_loss=None)

    def learning(self) -> Learning:
        """As a signal's own loss reads it."""
        scored = Scored.by(self.model, self.experience)
        traj, carry = self.experience.traj, self.experience.carry
        loss = self.model.loss(traj, carry).detach()
        generator = torch.Generator().manual_seed(5)
        return Learning(traj, carry, generator, scored.belief, scored.target, loss)

    def envs(self, index: Tensor) -> "Drawn":
        """The same rollout of the envs in `index`, in that order."""
        old = self.experience
        context = old.context
        if context is not None:
            context = Context(context.traj.envs(index), context.carry.envs(index))
        return replace(
            self,
            experience=replace(
                old,
                traj=old.traj.envs(index),
                carry=old.carry.envs(index),
                end=old.end.envs(index),
                context=context,
            ),
        )

    def exchanged(self) -> "Drawn":
        """What the first two envs showed and did before row `CUT`, exchanged."""
        num_envs = self.experience.traj.first.shape[1]
        order = torch.arange(num_envs)
        order[:2] = torch.tensor([1, 0])
        other = self.envs(order).experience
        mine, theirs = self.experience.traj, other.traj

        def joined(name: str, rows: int) -> Tensor:
            one, two = getattr(theirs, name), getattr(mine, name)
            return torch.cat([one[:rows], two[rows:]])

        transitions = ("action", "reward", "terminated", "truncated")
        parts: dict[str, Any] = {
            name: joined(name, CUT) for name in (*transitions, "obs", "first")
        }
        if mine.vector is not None:
            parts["vector"] = joined("vector", CUT)
        traj = replace(mine, **parts)
        return replace(self, experience=replace(other, traj=traj))

    def tensors(self) -> list[Tensor]:
        """All that is in it."""
        old = self.experience
        parts: list[Trajectory | Carry] = [old.traj, old.carry, old.end]
        if old.context is not None:
            parts += [old.context.traj, old.context.carry]
        each = [getattr(part, x.name) for part in parts for x in fields(part)]
        return [x for x in each if isinstance(x, Tensor)]


def random_rollouts(
    model: LatentDynamics,
    obs_shape: tuple[int, int, int],
    num_envs: int,
    vector_size: int = 0,
) -> Callable[[], Drawn]:
    """A stream of rollouts, one behind the other; the first has no context."""
    generator = torch.Generator().manual_seed(1)
    carry, context = model.start(num_envs), None

    @torch.no_grad()
    def draw() -> Drawn:
        nonlocal carry, context
        traj = _trajectory(obs_shape, num_envs, generator, vector_size)
        overlap = HORIZON - 1
        split = NUM_STEPS - overlap
        between = model.belief.along(traj.steps(0, split), carry).carry
        tail = traj.steps(split, NUM_STEPS)
        end = model.belief.along(tail, between).carry
        experience = Experience(traj, carry, end, {}, context, overlap)
        carry, context = end, Context(tail, between)
        return Drawn(experience, model)

    return draw


def _trajectory(
    obs_shape: tuple[int, int, int],
    num_envs: int,
    generator: torch.Generator,
    vector_size: int,
) -> Trajectory:
    rows = (NUM_STEPS + 1, num_envs)
    first = torch.rand(rows, generator=generator) < 0.15
    first[CUT, :2] = first[NUM_STEPS, 0] = True
    ended = first[1:].roll(-1, 0)
    ended[-1] = False
    # Coarse frames, some of which come again: signals that count need both.
    shades = torch.randint(0, 6, (*rows, 1, 1, 1), generator=generator) * 40
    noise = torch.randint(0, 16, (*rows, *obs_shape), generator=generator)
    return Trajectory(
        action=torch.randint(0, ACTIONS, (NUM_STEPS, num_envs), generator=generator),
        reward=torch.randn(NUM_STEPS, num_envs, generator=generator),
        terminated=torch.zeros_like(ended),
        truncated=ended,
        obs=(shades + noise).to(torch.uint8),
        first=first,
        vector=_vectors(rows, vector_size, generator) if vector_size else None,
    )


def _vectors(rows: tuple[int, int], size: int, generator: torch.Generator) -> Tensor:
    """Six vectors in [-1, 1], that come again and again."""
    fixed = torch.Generator().manual_seed(2)
    looks = 2 * torch.rand(6, size, generator=fixed) - 1
    return looks[torch.randint(0, 6, rows, generator=generator)]
