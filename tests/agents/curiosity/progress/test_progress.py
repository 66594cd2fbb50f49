"""Progress: its sign, when it is paid, and what it costs."""

import copy
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from agents.curiosity.normalize import EmaRmsScale
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.frozen_features import (
    ChangeOfFeaturesConfig,
    FeaturesThemselvesConfig,
    Reader,
)
from agents.curiosity.progress.own_loss import OwnLossConfig, WholeModel
from agents.curiosity.progress.own_model import OwnModelConfig
from agents.curiosity.progress.progress import Progress
from agents.curiosity.progress.yardstick import YardstickConfig
from agents.curiosity.scored import Scored
from tests.agents.curiosity.progress.tiny import (
    CORES,
    PATCHES,
    B,
    K,
    Rollouts,
    T,
    around,
    joined,
    learning_of,
    mean_of,
    model_of,
    perturb,
    signal_of,
)
from world_models.context import Context
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import ModelLoss
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

YARDSTICKS: dict[str, YardstickConfig] = {
    "change": ChangeOfFeaturesConfig(PATCHES, size=6, hidden=8, readout=10),
    "features": FeaturesThemselvesConfig(PATCHES, size=6, hidden=8, readout=10),
    "own-loss": OwnLossConfig(),
}
ALL = pytest.mark.parametrize("name", list(YARDSTICKS))


def gamma_of(name: str, gamma: float = 0.9, warm_start: int = 1) -> GammaProgressConfig:
    return GammaProgressConfig(
        warm_start=warm_start, yardstick=YARDSTICKS[name], gamma=gamma
    )


def step(signal: Progress, model: LatentDynamics, scored: Scored, rate: float) -> None:
    """A plain gradient step of model and readout on a rollout, down if rate > 0."""
    own = signal.loss(learning_of(scored))
    traj, carry = scored.traj, scored.experience.carry
    total = model.loss(traj, carry, scored.target).mean()
    total = total if own is None else total + own.mean()
    parts = [x for x in (*model.parameters(), *signal.parameters()) if x.requires_grad]
    for x, gradient in zip(
        parts, torch.autograd.grad(total, parts, allow_unused=True), strict=True
    ):
        if gradient is not None:
            x.data.sub_(rate * gradient)
    signal.after_update(model)


@ALL
@pytest.mark.parametrize("core", list(CORES))
@pytest.mark.parametrize("rate", [0.02, -0.02])
def test_what_was_learned_is_paid_and_what_was_forgotten_costs(
    name: str, core: str, rate: float
) -> None:
    """The sum of what is paid is by how much the loss fell, or rose."""
    model = model_of(core)
    signal = signal_of(gamma_of(name, gamma=0.9999), model)
    signal.after_update(model)
    [first, scored] = islice(Rollouts(model), 2)
    signal.yardstick.watch(first.traj)
    before = loss_of(signal, model, scored)
    for _ in range(5):
        step(signal, model, scored, rate)
    after = loss_of(signal, model, scored)
    paid = signal.reward(seen_now(model, scored))
    assert (mean_of(paid.raw, scored) > 0) == (rate > 0)
    fell = mean_of(before - after, scored)
    torch.testing.assert_close(mean_of(paid.raw, scored), fell, rtol=0.02, atol=1e-5)
    assert torch.equal(paid.raw, paid.reward)
    assert not paid.raw[~scored.valid].any()


def seen_now(model: LatentDynamics, scored: Scored) -> Scored:
    """The same rollout under the weights of now, aimed at the targets of before."""
    now = Scored.by(model, scored.experience)
    experience = scored.experience
    loss = model.surprise(
        scored.traj, experience.carry, experience.context, scored.target, now.belief
    )
    return replace(now, target=scored.target, model_loss=loss)


@torch.no_grad()
def loss_of(signal: Progress, model: LatentDynamics, scored: Scored) -> Tensor:
    """By the yardstick, of the weights of now."""
    now = seen_now(model, scored)
    aim = signal.yardstick.aim(signal.now, now, now.experience.carry)
    loss = signal.now.told(now, aim)
    assert loss is not None
    return loss


@ALL
@pytest.mark.parametrize("core", list(CORES))
def test_a_model_that_stays_is_paid_exactly_nothing(name: str, core: str) -> None:
    model = model_of(core)
    signal = signal_of(gamma_of(name), model)
    for scored in islice(Rollouts(model), 4):
        signal.after_update(model)
        paid = signal.reward(scored)
        assert not paid.raw.any()
        assert not paid.reward.any()


@ALL
def test_nothing_is_paid_before_the_warm_start(name: str) -> None:
    """However much the model changes; and it has no influence on the scale."""
    model = model_of("latent")
    signal = gamma_of(name, warm_start=3).build(around(model))
    rollouts = iter(Rollouts(model))
    assert isinstance(signal.scale, EmaRmsScale)
    for k in range(3):
        paid = signal.reward(next(rollouts))
        assert not paid.raw.any()
        assert not paid.reward.any()
        assert signal.scale.moments.weight == 0
        perturb(model, seed=k)
        signal.after_update(model)
    assert not signal.reward(next(rollouts)).raw.any()  # just copied
    perturb(model, seed=9)
    signal.after_update(model)
    assert signal.reward(next(rollouts)).raw.any()
    assert signal.scale.moments.weight > 0


def test_delta_pays_for_the_last_steps_alone() -> None:
    """What was learned longer ago is in both."""
    model = model_of("latent")
    config = DeltaProgressConfig(
        warm_start=1, yardstick=YARDSTICKS["own-loss"], delta=2
    )
    signal = signal_of(config, model)
    signal.after_update(model)
    [_, scored] = islice(Rollouts(model), 2)
    losses = []
    for k in range(5):
        perturb(model, 0.03, seed=k)
        signal.after_update(model)
        losses.append(loss_of(signal, model, scored))
    paid = signal.reward(seen_now(model, scored))
    want = (losses[-3] - losses[-1]).masked_fill(~scored.valid, 0.0)
    torch.testing.assert_close(paid.raw, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("core", list(CORES))
@pytest.mark.parametrize("name", ["change", "features"])
def test_old_weights_have_a_memory_of_their_own(name: str, core: str) -> None:
    """Across rollouts, from where the policy's was when they began to count."""
    model = model_of(core)
    signal = signal_of(gamma_of(name), model)
    perturb(model, seed=6)  # what it was built as is forgotten
    rollouts = iter(Rollouts(model))
    signal.reward(next(rollouts))
    signal.after_update(model)
    perturb(signal.old.network, seed=4)
    one, two = islice(rollouts, 2)
    raws = [signal.reward(x).raw for x in (one, two)]
    whole = joined(one.traj, two.traj)
    alone = Scored(replace(one.experience, traj=whole, context=None, overlap=0))
    aim = signal.yardstick.aim(signal.now, alone, one.experience.carry)
    old = signal.old.network
    assert isinstance(old, Reader)
    with torch.no_grad():
        loss, _ = old.along(alone, one.experience.carry, aim)
    for part, scored, raw in zip(loss.split(T), (one, two), raws, strict=True):
        carry = scored.experience.carry
        new = signal.now.told(scored, signal.yardstick.aim(signal.now, scored, carry))
        assert new is not None
        want = (part - new).masked_fill(~scored.valid, 0.0)
        torch.testing.assert_close(raw, want, rtol=1e-4, atol=1e-4)


def test_the_context_is_scored_by_the_old_memory_too() -> None:
    """Two rollouts are paid what they would be as one, by old weights as by new."""
    model = model_of()
    signal = signal_of(gamma_of("own-loss"), model)
    rollouts = iter(Rollouts(model))
    signal.reward(next(rollouts))
    signal.after_update(model)
    perturb(signal.old.network, seed=4)
    one, two = islice(rollouts, 2)
    raws = [signal.reward(x).raw for x in (one, two)]
    before, old = one.experience.context, signal.old.network
    assert isinstance(before, Context)
    assert isinstance(old, WholeModel)
    whole = joined(before.traj, joined(one.traj, two.traj))

    def arrival(which: LatentDynamics) -> Tensor:
        target = model.targets(whole, before.carry)
        loss: ModelLoss = which.surprise(whole, before.carry, None, target)
        return loss.arrival()[K - 1 :]

    want = (arrival(old.model) - arrival(model)).masked_fill(
        ~torch.cat([one.valid, two.valid]), 0.0
    )
    torch.testing.assert_close(torch.cat(raws), want, rtol=1e-4, atol=1e-4)


class Rows:
    """Counts what passes an encoder."""

    def __init__(self, encoder: nn.Module) -> None:
        self.count = 0
        encoder.register_forward_hook(self)

    def __call__(self, module: nn.Module, given: Any, made: Tensor) -> None:
        self.count += made.shape[:-1].numel()


@pytest.mark.parametrize(
    ("name", "want"), [("change", T * B), ("own-loss", (T + K - 1) * B)]
)
def test_a_rollout_costs_one_pass_of_the_old_weights(name: str, want: int) -> None:
    """And none of the new ones, whose beliefs and losses are there already."""
    model = model_of()
    signal = signal_of(gamma_of(name), model)
    rollouts = iter(Rollouts(model))
    for _ in range(2):
        signal.reward(next(rollouts))
        perturb(model)
        signal.after_update(model)
    network: Any = signal.old.network
    old = network.belief if name == "change" else network.model.belief
    scored = next(rollouts)
    mine, theirs = Rows(model.belief.encoder), Rows(old.encoder)
    assert signal.reward(scored).raw.any()
    assert (mine.count, theirs.count) == (0, want)


def test_beliefs_that_nobody_tells_are_computed_once() -> None:
    """As the policy's would have been, along a carry that is kept."""
    model = model_of()
    known, unknown = (signal_of(gamma_of("change"), model) for _ in range(2))
    rows = Rows(model.belief.encoder)
    for k, scored in enumerate(islice(Rollouts(model), 4)):
        rows.count = 0
        want = known.reward(scored).raw
        assert rows.count == 0
        experience = replace(scored.experience, carry=model.start(B))
        got = unknown.reward(Scored(experience)).raw
        assert rows.count == T * B
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
        for signal in (known, unknown):
            signal.after_update(model)
            if not k:
                perturb(signal.old.network, seed=2)
    assert want.any()


@ALL
def test_the_old_copy_gets_no_gradient(name: str) -> None:
    model = model_of()
    signal = signal_of(gamma_of(name), model)
    scored = next(iter(Rollouts(model)))
    loss = signal.loss(learning_of(scored))
    if loss is not None:
        loss.mean().backward()
        assert all(x.grad is not None for x in signal.parameters() if x.requires_grad)
    assert not any(x.requires_grad for x in signal.old.parameters())
    assert all(x.grad is None for x in (*signal.old.parameters(), *model.parameters()))
    learned = {n for n, x in signal.named_parameters() if x.requires_grad}
    assert {x.split(".")[1] for x in learned} <= {"readout"}


@ALL
@pytest.mark.parametrize("delta", [None, 3])
@pytest.mark.parametrize("at", [1, 2, 4])
def test_saved_and_loaded_it_goes_on_to_the_bit(
    name: str, delta: int | None, at: int
) -> None:
    """In the middle of the warm-up as behind it: carries, ruler, scale and all."""

    def fresh() -> Progress:
        config: Any = gamma_of(name, warm_start=2)
        if delta is not None:
            config = DeltaProgressConfig(
                warm_start=2, yardstick=config.yardstick, delta=delta
            )
        made: Progress = config.build(around(model))
        return made

    model = model_of()
    torch.manual_seed(1)
    signal, rollouts = fresh(), iter(Rollouts(model))
    for k in range(at):
        signal.reward(next(rollouts))
        perturb(model, seed=k)
        signal.after_update(model)
    torch.manual_seed(2)
    twin = fresh()
    twin.load_state_dict(copy.deepcopy(signal.state_dict()))
    for k in range(3):
        scored = next(rollouts)
        one, two = signal.reward(scored), twin.reward(scored)
        assert torch.equal(one.raw, two.raw)
        assert torch.equal(one.reward, two.reward)
        perturb(model, seed=10 + k)
        signal.after_update(model)
        twin.after_update(model)
    assert one.raw.any()


def test_steps_that_do_not_train_the_model_do_not_count() -> None:
    model = model_of()
    signal = signal_of(gamma_of("change"), model)
    signal.after_update(None)
    assert signal.old.updates == 0
    signal.after_update(model)
    assert signal.old.updates == 1


def test_it_tells_both_losses_and_how_long_it_remembers() -> None:
    model = model_of()
    signal = signal_of(gamma_of("own-loss", gamma=0.75), model)
    scored = next(iter(Rollouts(model)))
    told = signal.reward(scored).told
    want = mean_of(scored.known.arrival(), scored)
    torch.testing.assert_close(told["new_loss"], want)
    torch.testing.assert_close(told["old_loss"], want)
    assert told["memory"] == 0.75
    assert signal.settled() == {
        "γ": 0.75,
        "updates remembered": 4.0,
        "paid from model update": 1.0,
    }


@pytest.mark.parametrize("name", ["change", "own-loss"])
@pytest.mark.parametrize("core", list(CORES))
def test_a_model_of_its_own_is_trained_and_measured(name: str, core: str) -> None:
    """By its own loss, on what it is given; the agent's model is not looked at."""
    own = OwnModelConfig(
        byol_explore(2, predictor=LatentHeadConfig(9)), PATCHES, CORES[core], 4
    )
    torch.manual_seed(0)
    signal = replace(gamma_of(name, gamma=0.999, warm_start=2), model=own).build(
        around(None)
    )
    assert signal.own is not None
    assert not signal.needs_model
    model = model_of("recurrent", seed=8)
    rows = Rows(model.belief.encoder)
    rollouts = iter(Rollouts(model))
    optimizer = torch.optim.Adam(
        [x for x in signal.parameters() if x.requires_grad], 3e-3
    )
    given = next(rollouts)
    signal.reward(given)
    told = []
    for _ in range(30):
        rows.count = 0
        optimizer.zero_grad()
        loss = signal.loss(learning_of(given))
        assert loss is not None
        loss.mean().backward()
        optimizer.step()
        signal.after_update(None)  # whether the agent has a model or not
        signal.after_update(model)  # a step that it was not in
        assert rows.count == 0
        told.append(loss.mean().item())
    assert signal.old.updates == signal.own.model.updates == 30
    assert told[-1] < told[0]
    assert mean_of(signal.reward(given).raw, given) > 0
    assert all(x.grad is None for x in signal.old.parameters())
