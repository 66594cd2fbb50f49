"""Random rollouts for `check_curiosity`."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from agents.rollout import Context, Rollout
from world_models.belief import Carry
from world_models.model_loss import ModelLoss, prediction_valid
from world_models.trajectory import Trajectory

NUM_STEPS, HORIZON, ACTIONS, BELIEF = 9, 3, 5, 6


@dataclass(frozen=True)
class SignalInput:
    """What a curiosity signal is given: a rollout, and the world model's loss on it."""

    rollout: Rollout
    model_loss: ModelLoss

    def envs(self, index: Tensor) -> "SignalInput":
        """The same rollout of the envs in `index`, in that order."""
        old, loss = self.rollout, self.model_loss
        context = old.context
        if context is not None:
            context = Context(context.traj.envs(index), context.carry.envs(index))
        return SignalInput(
            Rollout(
                old.traj.envs(index),
                old.carry.envs(index),
                old.belief[:, index],
                old.log_prob[:, index],
                old.value[:, :, index],
                context,
            ),
            replace(
                loss,
                per_prediction=loss.per_prediction[:, :, index],
                valid=loss.valid[:, :, index],
            ),
        )

    def tensors(self) -> list[Tensor]:
        """All that is in it."""
        old, loss = self.rollout, self.model_loss
        given = [old.belief, old.log_prob, old.value, loss.per_prediction, loss.valid]
        pairs = [(old.traj, old.carry)]
        if old.context is not None:
            pairs.append((old.context.traj, old.context.carry))
        for traj, carry in pairs:
            for part in (traj, carry):
                each = [getattr(part, x.name) for x in fields(part)]
                given += [x for x in each if isinstance(x, Tensor)]
        return given


def random_inputs(
    obs_shape: tuple[int, int, int], num_envs: int
) -> Callable[[], SignalInput]:
    """A stream of rollouts, one behind the other; the first has no context."""
    generator = torch.Generator().manual_seed(1)
    context: Context | None = None

    def draw() -> SignalInput:
        nonlocal context
        traj = _trajectory(obs_shape, num_envs, generator)
        action = torch.zeros(num_envs, dtype=torch.int64)
        carry = Carry(traj.obs[:0], torch.rand(num_envs, BELIEF), action)
        rollout = Rollout(
            traj,
            carry,
            torch.randn(NUM_STEPS, num_envs, BELIEF, generator=generator),
            -torch.rand(NUM_STEPS, num_envs, generator=generator),
            torch.randn(2, NUM_STEPS + 1, num_envs, generator=generator),
            context,
        )
        valid = traj.valid
        if context is not None:
            valid = torch.cat([context.traj.valid, valid])
        losses = 1 + torch.rand((HORIZON, *valid.shape), generator=generator)
        usable = prediction_valid(valid, HORIZON)
        regularizer = torch.tensor(1e3)  # never a reward
        tail = traj.steps(NUM_STEPS - HORIZON + 1, NUM_STEPS)
        context = Context(tail, carry)
        return SignalInput(rollout, ModelLoss(losses, usable, regularizer))

    return draw


def _trajectory(
    obs_shape: tuple[int, int, int], num_envs: int, generator: torch.Generator
) -> Trajectory:
    rows = (NUM_STEPS + 1, num_envs)
    first = torch.rand(rows, generator=generator) < 0.15
    first[4, 1] = first[NUM_STEPS, 0] = True
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
    )
