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
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import PREDICTION

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

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        self.guess = nn.Linear(PIXELS, PIXELS)
        self.scale = ReturnStdScale(surroundings.spec.num_envs, surroundings.discount)

    def error(self, obs: Tensor) -> Tensor:
        rows = obs.flatten(2).float() / 255
        guess: Tensor = self.guess(rows[:-1])
        return (guess - rows[1:]).square().mean(-1)

    def raw(self, scored: Scored) -> Tensor:
        return self.error(scored.traj.obs)

    def reward(self, scored: Scored) -> IntrinsicReward:
        raw = self.raw(scored).masked_fill(~scored.valid, 0.0)
        return self.paid(raw, self.scale(raw, scored.valid))

    def paid(self, raw: Tensor, reward: Tensor) -> IntrinsicReward:
        return IntrinsicReward(raw, reward)

    def loss(self, learning: Learning) -> Any:
        error = self.error(learning.traj.obs)
        chosen = torch.rand(error.shape, generator=learning.generator) < 0.5
        return Loss(error * chosen, torch.zeros(()))


def test_a_small_one_does_too() -> None:
    check_curiosity(Guess, SHAPE)


def changed(**methods: Any) -> Callable[[Surroundings], Curiosity]:
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


def everywhere(self: Any, scored: Scored) -> IntrinsicReward:
    raw = self.raw(scored)
    return IntrinsicReward(raw, raw)


def arrival(self: Any, scored: Scored) -> Tensor:
    return scored.known.arrival()


def careless(self: Any, scored: Scored) -> Tensor:
    """Sums the invalid ones as well."""
    loss = scored.known
    each = loss.terms[PREDICTION][:, loss.num_context :]
    return loss.arrival() + each.sum(0)


def scribbling(self: Any, scored: Scored) -> Tensor:
    raw = Guess.raw(self, scored)
    scored.traj.obs[0] = 0
    return raw


def ranked(self: Any, scored: Scored) -> Tensor:
    raw = Guess.raw(self, scored)
    return raw * torch.arange(1.0, raw.shape[1] + 1)


def random_draw(self: Any, learning: Learning) -> Loss:
    error = self.error(learning.traj.obs)
    return Loss(error * torch.rand(error.shape), torch.zeros(()))


def rooted(self: Any, learning: Learning) -> Loss:
    zero = (self.guess.weight - self.guess.weight.detach()).sum()
    return Loss(None, zero.sqrt())


FOREIGN = nn.Linear(PIXELS, 1)


def foreign(self: Any, learning: Learning) -> Loss:
    rows = learning.traj.obs.flatten(2).float() / 255
    return Loss(FOREIGN(rows).squeeze(-1) + self.guess(rows).mean(-1), torch.zeros(()))


def constant(self: Any, learning: Learning) -> Loss:
    return Loss(self.error(learning.traj.obs).detach(), torch.zeros(()))


class Forgetful(Guess):
    """Counts its rollouts outside of its buffers."""

    rollouts = 0

    def raw(self, scored: Scored) -> Tensor:
        self.rollouts += 1
        return super().raw(scored) / self.rollouts


class Drawing(Guess):
    """Draws from the global random numbers, which no checkpoint of its own keeps."""

    def raw(self, scored: Scored) -> Tensor:
        raw = super().raw(scored)
        return raw * (1 + 1e-4 * torch.rand(()))


class Growing(Guess):
    def warm_up(self, obs: Tensor, vector: Tensor | None = None) -> None:
        self.register_buffer("seen", torch.zeros(()))


class Counts(Guess):
    """Counts how often each env has shown a frame as bright as this one.

    Keeps the contract only where it forgets the counts at `first`.
    """

    forgets = True

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.register_buffer("counts", torch.zeros(surroundings.spec.num_envs, 8))
        self.counts: Tensor

    def raw(self, scored: Scored) -> Tensor:
        bright = scored.traj.obs[1:].flatten(2).float().mean(-1)
        code = (bright // 32).long().clamp(max=7)
        each = []
        for t in range(len(code)):
            if self.forgets:
                self.counts *= ~scored.traj.first[t + 1].unsqueeze(-1)
            self.counts.scatter_add_(1, code[t : t + 1].T, torch.ones(code.shape[1], 1))
            each.append(self.counts.gather(1, code[t : t + 1].T)[:, 0].rsqrt())
        return torch.stack(each)

    def loss(self, learning: Learning) -> Any:
        return None


class NeverForgetting(Counts):
    forgets = False


class Rolling(Counts):
    """Behind each rollout every env gets the memory of its neighbour."""

    def raw(self, scored: Scored) -> Tensor:
        raw = super().raw(scored)
        self.counts = self.counts.roll(1, 0)
        return raw


class Nearest(Counts):
    """Distance to the nearest of all that its env has shown, whatever the episode."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.register_buffer("seen", torch.zeros(400, self.counts.shape[0], PIXELS))
        self.register_buffer("number", torch.zeros((), dtype=torch.int64))
        self.seen: Tensor
        self.number: Tensor

    def raw(self, scored: Scored) -> Tensor:
        each = []
        for obs in scored.traj.obs[1:].flatten(2).float():
            apart = (self.seen - obs).norm(dim=-1)
            apart[int(self.number) :] = torch.inf
            nearest = apart.min(0).values
            each.append(nearest.where(nearest.isfinite(), torch.zeros(())))
            self.seen[int(self.number)] = obs
            self.number += 1
        return torch.stack(each)


class Holding(Guess):
    """Takes the world model among its own modules."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.model = surroundings.model


class HoldingTheEncoder(Guess):
    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        assert surroundings.model is not None
        self.eyes = surroundings.model.belief.encoder


class Meddling(Guess):
    """Changes the world model behind its update."""

    def after_update(self, model: LatentDynamics | None) -> None:
        assert model is not None
        with torch.no_grad():
            for x in model.predictor.parameters():
                x.mul_(0.99)


class MeddlingWithBuffers(Guess):
    def after_update(self, model: LatentDynamics | None) -> None:
        assert model is not None
        model.updates += 1


class MeddlingWhilePaying(Guess):
    """Changes the copy of the policy's belief that it was built with, in place."""

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.around = [surroundings.model]

    def raw(self, scored: Scored) -> Tensor:
        [model] = self.around
        assert model is not None
        for x in model.belief.core.parameters():
            x.mul_(1.01)
        return super().raw(scored)


MUTANTS: dict[str, tuple[Callable[[Surroundings], Any], str]] = {
    "no signal": (lambda _: nn.Identity(), "it must be a Curiosity, not a Identity"),
    "warm up": (changed(warm_up_steps=-1), "a number of env steps, not -1"),
    "needs": (changed(needs_model="yes"), "needs_model must be a bool, not 'yes'"),
    "fails": (
        changed(raw=arrival),
        "reward failed with ValueError: .* so it was given none",
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
    "scribbling": (changed(raw=scribbling), "it changes the rollout in place"),
    "careless": (
        changed(raw=careless, needs_model=True),
        "losses of predictions that are not valid change the reward",
    ),
    "rolling": (Rolling, "raw depends on the order of the envs"),
    "ranked": (changed(raw=ranked), "raw depends on the order of the envs"),
    "no loss": (
        changed(loss=lambda self, learning: torch.zeros(())),
        "loss must be a Loss, not a Tensor",
    ),
    "infinite loss": (
        changed(loss=lambda self, learning: Loss(None, torch.tensor(torch.nan))),
        "its loss is not finite",
    ),
    "random": (changed(loss=random_draw), "its loss differs with the same generator"),
    "foreign": (changed(loss=foreign), "a tensor that is not among its parameters"),
    "constant": (changed(loss=constant), "its loss reaches none of its parameters"),
    "rooted": (changed(loss=rooted), "a gradient of its loss is not finite"),
    "growing": (Growing, "its state does not fit another one built alike"),
    "forgetful": (Forgetful, "with the state of another loaded, the next reward"),
    "never forgetting": (NeverForgetting, "must be forgotten at `first`"),
    "nearest": (Nearest, "raw of an episode depends on the one before it in the same"),
    "holding": (Holding, "it holds the world model itself, which the agent trains"),
    "holding the encoder": (HoldingTheEncoder, "it holds the world model itself"),
    "meddling": (Meddling, "it changes the world model"),
    "meddling with buffers": (MeddlingWithBuffers, "it changes the world model"),
    "meddling while paying": (MeddlingWhilePaying, "it changes the world model"),
    "drawing": (Drawing, "from the same state it pays the same rollout differently"),
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_mutants_are_told_what_is_wrong(name: str) -> None:
    make, message = MUTANTS[name]
    with pytest.raises(CuriosityContractError, match=message):
        check_curiosity(make, SHAPE)


def test_signals_of_a_model_get_its_losses() -> None:
    """The same one is fine where it says that it needs them."""
    check_curiosity(changed(raw=arrival, needs_model=True), SHAPE)


def test_another_term_may_be_paid() -> None:
    check_curiosity(PredictionErrorConfig(term="disagreement").build)


def test_a_memory_that_forgets_at_first_keeps_the_contract() -> None:
    check_curiosity(Counts, SHAPE)


class Lifelong(Counts):
    """One count for all envs together, for ever."""

    def raw(self, scored: Scored) -> Tensor:
        bright = scored.traj.obs[1:].flatten(2).float().mean(-1)
        code = (bright // 32).long().clamp(max=7)
        self.counts[0] += torch.bincount(code.flatten(), minlength=8)
        return self.counts[0][code].rsqrt()


def test_so_does_a_lifelong_memory_of_all_envs_together() -> None:
    check_curiosity(Lifelong, SHAPE)
