"""Curiosity signals that break one rule each, and what is said about them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from agents.check.curiosity import CuriosityContractError, check_curiosity
from agents.curiosity.normalize import ReturnStdScale
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import Curiosity, IntrinsicReward
from agents.rollout import Rollout
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.model_loss import ModelLoss

SHAPE = (1, 8, 9)
PIXELS = 72


@pytest.mark.parametrize("prioritize", [False, True])
def test_prediction_error_keeps_the_contract(prioritize: bool) -> None:
    check_curiosity(PredictionErrorConfig(prioritize=prioritize).build)


def test_rnd_keeps_the_contract() -> None:
    encoder = NatureConfig(precision=Precision.FLOAT32)
    check_curiosity(RndConfig(encoder, size=24).build)
    check_curiosity(RndConfig(encoder, size=24).build, (3, 36, 41))


class Guess(Curiosity):
    """How badly a linear map guesses the next frame from the one before.

    Keeps the contract; each mutant below changes one thing.
    """

    def __init__(self, num_envs: int) -> None:
        super().__init__()
        self.guess = nn.Linear(PIXELS, PIXELS)
        self.scale = ReturnStdScale(num_envs, 0.9)

    def error(self, obs: Tensor) -> Tensor:
        rows = obs.flatten(2).float() / 255
        guess: Tensor = self.guess(rows[:-1])
        return (guess - rows[1:]).square().mean(-1)

    def raw(self, rollout: Rollout, model_loss: ModelLoss | None) -> Tensor:
        return self.error(rollout.traj.obs)

    def reward(self, rollout: Rollout, model_loss: ModelLoss | None) -> IntrinsicReward:
        valid = rollout.traj.valid
        raw = self.raw(rollout, model_loss).masked_fill(~valid, 0.0)
        return self.paid(raw, self.scale(raw, valid))

    def paid(self, raw: Tensor, reward: Tensor) -> IntrinsicReward:
        return IntrinsicReward(raw, reward)

    def loss(self, traj: Any, generator: torch.Generator) -> Any:
        error = self.error(traj.obs)
        chosen = torch.rand(error.shape, generator=generator) < 0.5
        return Loss(error * chosen, torch.zeros(()))


def test_a_small_one_does_too() -> None:
    check_curiosity(lambda _, num_envs, __: Guess(num_envs), SHAPE)


def changed(**methods: Any) -> Callable[[int], Curiosity]:
    """`Guess` with some of its attributes exchanged."""
    return type("Mutant", (Guess,), methods)


def unfit(self: Any, raw: Tensor, reward: Tensor) -> IntrinsicReward:
    """Past the checks on shapes that run in tests only."""
    paid = IntrinsicReward(raw, reward)
    object.__setattr__(paid, "reward", reward[1:])
    return paid


def attached(self: Any, raw: Tensor, reward: Tensor) -> IntrinsicReward:
    with torch.enable_grad():
        return IntrinsicReward(raw, reward + 0.0 * self.guess.bias.sum())


def everywhere(self: Any, rollout: Rollout, _: Any) -> IntrinsicReward:
    raw = self.raw(rollout, None)
    return IntrinsicReward(raw, raw)


def arrival(self: Any, rollout: Rollout, loss: ModelLoss) -> Tensor:
    return loss.arrival()[-len(rollout.traj.valid) :]


def careless(self: Any, rollout: Rollout, loss: ModelLoss) -> Tensor:
    """Sums the invalid ones as well."""
    num = len(rollout.traj.valid)
    return loss.arrival()[-num:] + loss.per_prediction.sum(0)[-num:]


def scribbling(self: Any, rollout: Rollout, _: Any) -> Tensor:
    raw = Guess.raw(self, rollout, None)
    rollout.traj.obs[0] = 0
    return raw


def ranked(self: Any, rollout: Rollout, _: Any) -> Tensor:
    raw = Guess.raw(self, rollout, None)
    return raw * torch.arange(1.0, raw.shape[1] + 1)


def random_draw(self: Any, traj: Any, generator: torch.Generator) -> Loss:
    error = self.error(traj.obs)
    return Loss(error * torch.rand(error.shape), torch.zeros(()))


def rooted(self: Any, traj: Any, generator: torch.Generator) -> Loss:
    zero = (self.guess.weight - self.guess.weight.detach()).sum()
    return Loss(None, zero.sqrt())


FOREIGN = nn.Linear(PIXELS, 1)


def foreign(self: Any, traj: Any, generator: torch.Generator) -> Loss:
    rows = traj.obs.flatten(2).float() / 255
    return Loss(FOREIGN(rows).squeeze(-1) + self.guess(rows).mean(-1), torch.zeros(()))


def constant(self: Any, traj: Any, generator: torch.Generator) -> Loss:
    return Loss(self.error(traj.obs).detach(), torch.zeros(()))


class Forgetful(Guess):
    """Counts its rollouts outside of its buffers."""

    rollouts = 0

    def raw(self, rollout: Rollout, model_loss: Any) -> Tensor:
        self.rollouts += 1
        return super().raw(rollout, model_loss) / self.rollouts


class Drawing(Guess):
    """Draws from the global random numbers, which no checkpoint of its own keeps."""

    def raw(self, rollout: Rollout, model_loss: Any) -> Tensor:
        raw = super().raw(rollout, model_loss)
        return raw * (1 + 1e-4 * torch.rand(()))


class Growing(Guess):
    def warm_up(self, obs: Tensor) -> None:
        self.register_buffer("seen", torch.zeros(()))


MUTANTS: dict[str, tuple[Callable[[int], Any], str]] = {
    "no signal": (lambda _: nn.Identity(), "it must be a Curiosity, not a Identity"),
    "warm up": (changed(warm_up_steps=-1), "a number of env steps, not -1"),
    "needs": (changed(needs_model="yes"), "needs_model must be a bool, not 'yes'"),
    "fails": (
        changed(raw=arrival),
        "reward failed with AttributeError: .* so it was given none",
    ),
    "no reward": (
        changed(paid=lambda self, raw, reward: reward),
        "reward must return an IntrinsicReward, not a Tensor",
    ),
    "shape": (
        changed(paid=unfit),
        r"reward is torch.float32 \(8, 4\), expected torch.float32 \(9, 4\)",
    ),
    "infinite": (
        changed(paid=lambda self, raw, reward: IntrinsicReward(raw, reward / 0.0)),
        "reward is not finite",
    ),
    "everywhere": (changed(reward=everywhere), "raw is not 0 on transitions that join"),
    "attached": (changed(paid=attached), "reward carries gradient; detach it"),
    "modest": (changed(needs_model=True), "needs_model is True, but it pays without"),
    "scribbling": (changed(raw=scribbling), "it changes the rollout or the model's"),
    "careless": (
        changed(raw=careless, needs_model=True),
        "losses of predictions that are not valid change the reward",
    ),
    "ranked": (changed(raw=ranked), "raw depends on the order of the envs"),
    "no loss": (
        changed(loss=lambda self, traj, generator: torch.zeros(())),
        "loss must be a Loss, not a Tensor",
    ),
    "infinite loss": (
        changed(loss=lambda self, traj, generator: Loss(None, torch.tensor(torch.nan))),
        "its loss is not finite",
    ),
    "random": (changed(loss=random_draw), "its loss differs with the same generator"),
    "foreign": (changed(loss=foreign), "a tensor that is not among its parameters"),
    "constant": (changed(loss=constant), "its loss reaches none of its parameters"),
    "rooted": (changed(loss=rooted), "a gradient of its loss is not finite"),
    "growing": (Growing, "its state does not fit another one built alike"),
    "forgetful": (Forgetful, "with the state of another loaded, the next reward"),
    "drawing": (Drawing, "from the same state it pays the same rollout differently"),
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_mutants_are_told_what_is_wrong(name: str) -> None:
    make, message = MUTANTS[name]
    with pytest.raises(CuriosityContractError, match=message):
        check_curiosity(lambda _, num_envs, __: make(num_envs), SHAPE)


def test_signals_of_a_model_get_its_losses() -> None:
    """The same one is fine where it says that it needs them."""
    make = changed(raw=arrival, needs_model=True)
    check_curiosity(lambda _, num_envs, __: make(num_envs), SHAPE)
