"""What is compared: frozen features and their ruler; noise, and stillness."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.progress.features import FrozenFeatures
from agents.curiosity.progress.frozen_features import (
    ChangeOfFeatures,
    ChangeOfFeaturesConfig,
    FeaturesThemselves,
    FeaturesThemselvesConfig,
    FeatureYardstick,
    Reader,
)
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.ruler import Ruler
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from agents.experience import Experience
from envs.vector_env import DiscreteActions, EnvSpec
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.refusal import ConfigError
from tests.agents.curiosity.progress.tiny import (
    PATCHES,
    SPEC,
    B,
    Rollouts,
    T,
    V,
    around,
    learning_of,
    mean_of,
    model_of,
    perturb,
    signal_of,
    trajectory,
)
from world_models.cores.latent import LatentCoreConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory


def change(scale: float = 1.0) -> ChangeOfFeatures:
    config = ChangeOfFeaturesConfig(PATCHES, 6, hidden=8, readout=10, scale=scale)
    return config.build(around(None), model_of())


def features(
    yardstick: FeatureYardstick, traj: Trajectory
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Row by row: the newest frame, and the whitened vector, each by its network."""
    assert isinstance(yardstick.features, FrozenFeatures)
    image, vector = yardstick.features.image, yardstick.features.vector
    assert image is not None
    assert vector is not None
    assert traj.vector is not None
    made = np.zeros((T + 1, B, 9 + 6))
    for t in range(T + 1):
        for b in range(B):
            normal = traj.vector[t, b].double() - vector.moments.mean
            normal = (normal / vector.moments.std.double()).clamp(-5, 5)
            with torch.no_grad():
                made[t, b, :9] = image(traj.obs[t, b]).numpy()
                made[t, b, 9:] = vector.layers(normal.float()).numpy()
    return made


def test_the_aim_is_the_change_in_standard_deviations(
    generator: torch.Generator,
) -> None:
    """By all valid transitions that were watched; joins are as if they were not."""
    yardstick = change(scale=3.0)
    watched = [trajectory(generator) for _ in range(3)]
    for traj in watched:  # vectors first, so that they are whitened alike below
        yardstick.features.watch(traj)
    changes = []
    for traj in watched:
        value, mask = yardstick.wanted(traj)
        yardstick.ruler.watch(value, (mask > 0) & traj.valid.unsqueeze(-1))
        phi = features(yardstick, traj)
        changes += [phi[t + 1, b] - phi[t, b] for t, b in traj.valid.nonzero()]
    mean, std = np.mean(changes, 0), np.std(changes, 0)
    assert (std > 1e-3).all()
    new = trajectory(generator)
    phi = features(yardstick, new)
    want = 3 * np.clip((phi[1:] - phi[:-1] - mean) / std, -5, 5)
    model = model_of()
    scored = Scored(Experience(new, model.start(B), model.start(B)))
    got, mask = yardstick.aims.read(
        yardstick.aim(yardstick.measured(model), scored, model.start(B))
    )
    assert (mask == 1).all()
    got = got.view(T, B, -1)
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_vectors_are_whitened_by_the_rows_arrived_at(
    generator: torch.Generator,
) -> None:
    yardstick = change()
    traj = trajectory(generator)
    yardstick.watch(traj)
    assert traj.vector is not None
    assert isinstance(yardstick.features, FrozenFeatures)
    assert yardstick.features.vector is not None
    moments = yardstick.features.vector.moments
    rows = traj.vector[1:].reshape(-1, V).double()
    torch.testing.assert_close(moments.mean, rows.mean(0))
    torch.testing.assert_close(moments.std, rows.std(0, correction=0).float())


def test_the_other_aims_at_the_features_themselves(generator: torch.Generator) -> None:
    yardstick = FeaturesThemselvesConfig(PATCHES, 6).build(around(None), model_of())
    assert isinstance(yardstick, FeaturesThemselves)
    traj = trajectory(generator)
    phi = torch.from_numpy(features(yardstick, traj)).float()
    got = yardstick.wanted(traj).value.squeeze(-2)
    torch.testing.assert_close(got, phi[1:], rtol=1e-4, atol=1e-4)


def test_a_ruler_does_not_divide_by_nothing(generator: torch.Generator) -> None:
    ruler = Ruler(3)
    rows = torch.tensor([9.0, -9.0, 0.5]).expand(T, B, 3)
    torch.testing.assert_close(ruler(rows)[0, 0], torch.tensor([5.0, -5.0, 0.5]))
    ruler.watch(rows, torch.ones(T, B, dtype=torch.bool))
    assert not ruler(rows).any()
    moved = ruler(rows + torch.tensor([0.0, 2e-3, 1.0]))
    torch.testing.assert_close(
        moved[0, 0], torch.tensor([0.0, 2.0, 5.0]), rtol=1e-3, atol=0
    )


def test_the_ruler_is_fixed_when_old_weights_count() -> None:
    model = model_of()
    config = ChangeOfFeaturesConfig(PATCHES, 6)
    signal = signal_of(GammaProgressConfig(2, config, gamma=0.5), model)
    assert isinstance(signal.yardstick, ChangeOfFeatures)
    ruler, counts = signal.yardstick.ruler, []
    for scored in islice(Rollouts(model), 4):
        signal.reward(scored)
        signal.after_update(model)
        counts.append(ruler.count.item())
    assert 0 < counts[0] < counts[1] == counts[2] == counts[3]


def test_a_readout_reads_one_step_ahead_of_every_belief() -> None:
    """`‖readout(h(b_t, a_t)) - aim‖`; its loss is the mean of the valid ones."""
    model = model_of()
    yardstick = change()
    scored = next(iter(Rollouts(model)))
    yardstick.watch(scored.traj)
    now = yardstick.measured(model)
    aim = yardstick.aim(now, scored, scored.experience.carry)
    assert scored.belief is not None
    found = []
    for t in range(T):
        for b in range(B):
            action = model.belief.embedding(scored.traj.action[t, b])
            after = model.open_loop(scored.belief[t, b], action.unsqueeze(0))[0]
            came = yardstick.aims.read(aim[t, b]).place.flatten()
            gap = (yardstick.readout(after) - came).detach().double()
            found.append((gap.square().sum().item() + 1e-6) ** 0.5)
    told = now.told(scored, aim)
    assert told is not None
    np.testing.assert_allclose(told.detach().flatten(), found, rtol=1e-4)
    each = np.array(found).reshape(T, B)[scored.valid.numpy()]
    loss = yardstick.loss(now, learning_of(scored)).mean().item()
    assert loss == pytest.approx(each.mean(), rel=1e-4)
    alone = yardstick.loss(
        now, Learning(scored.traj, scored.experience.carry, torch.Generator())
    )
    assert alone.mean().item() == pytest.approx(loss, rel=1e-4)  # from the start


def test_old_weights_hold_what_is_read_and_nothing_else() -> None:
    model = model_of()
    signal = signal_of(GammaProgressConfig(gamma=0.5), model)
    yardstick: Any = signal.yardstick
    parts: list[nn.Module] = [model.belief, model.open_loop, yardstick.readout]
    want = sum(x.numel() for part in parts for x in part.parameters())
    assert sum(x.numel() for x in signal.old.parameters()) == want
    whole = signal_of(GammaProgressConfig(yardstick=OwnLossConfig(), gamma=0.5), model)
    want = sum(x.numel() for x in model.parameters())
    assert sum(x.numel() for x in whole.old.parameters()) == want


def test_aims_of_old_weights_are_those_of_now() -> None:
    """The slow copy's latents of now, for both."""
    model = model_of("latent")
    signal = signal_of(GammaProgressConfig(1, OwnLossConfig(), gamma=0.5), model)
    signal.after_update(model)
    old = signal.old.network
    perturb(old, seed=3)
    scored = next(iter(Rollouts(model)))
    raw = signal.reward(scored).raw
    with torch.no_grad():
        loss, _ = scored.score(old.model, scored.experience.carry, scored.target)  # type: ignore[arg-type]  # a model
    want = (loss.arrival() - scored.known.arrival()).masked_fill(~scored.valid, 0.0)
    torch.testing.assert_close(raw, want)


def test_a_term_that_is_not_there_is_refused_with_those_that_are() -> None:
    model = model_of()
    signal = signal_of(GammaProgressConfig(1, OwnLossConfig("wit"), gamma=0.5), model)
    with pytest.raises(ConfigError, match="no term 'wit', only prediction"):
        signal.reward(next(iter(Rollouts(model))))


def test_own_loss_says_that_it_needs_a_model() -> None:
    model = model_of()
    signal = signal_of(GammaProgressConfig(1, OwnLossConfig(), gamma=0.5), model)
    assert signal.needs_model
    bare = replace(next(iter(Rollouts(model))), model_loss=None)
    with pytest.raises(ValueError, match="there is none: add --model byol-explore"):
        signal.reward(bare)
    assert not signal_of(GammaProgressConfig(gamma=0.5), model).needs_model


def test_worlds_that_show_nothing_are_refused() -> None:
    nothing = replace(SPEC, obs_shape=(1, 1, 1), vector_size=0)
    with pytest.raises(ValueError, match="neither an image nor a vector"):
        ChangeOfFeaturesConfig().build(Surroundings(nothing, 1, 1, 0.9), model_of())
    seen = replace(SPEC, obs_shape=(1, 1, 1))
    yardstick = ChangeOfFeaturesConfig().build(
        Surroundings(seen, 1, 1, 0.9), model_of()
    )
    assert isinstance(yardstick.features, FrozenFeatures)
    assert yardstick.features.image is None
    yardstick = ChangeOfFeaturesConfig().build(
        Surroundings(replace(SPEC, vector_size=0), 1, 1, 0.9), model_of()
    )
    assert isinstance(yardstick.features, FrozenFeatures)
    assert yardstick.features.vector is None


def test_features_never_learn_and_are_drawn_at_build() -> None:
    yardstick = change().train()
    assert not any(x.requires_grad for x in yardstick.features.parameters())
    assert not any(x.training for x in yardstick.features.modules())
    assert all(x.requires_grad for x in yardstick.readout.parameters())
    model, drawn = model_of(), []
    for seed in (1, 1, 9):
        torch.manual_seed(seed)
        made: Any = ChangeOfFeaturesConfig(PATCHES, 6).build(around(None), model)
        drawn.append(made.features.vector.layers[0].weight)
    assert drawn[0].shape[1] == V
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.isclose(drawn[0], drawn[2]).any()


STEPS, ENVS = 8, 16
BLANK = EnvSpec(ENVS, (1, 1, 1), DiscreteActions(2), torch.device("cpu"), vector_size=V)


def played(vectors: Callable[[], Tensor], rollouts: int) -> list[float]:
    """Mean progress of rollouts in a world of vectors, while a readout learns them.

    The model, without memory, stays: what it believes of now is all there is to read.
    """
    torch.manual_seed(0)
    eyes = PatchConfig(2, patch=1, width=1, depth=1, precision=Precision.FLOAT32)
    model = byol_explore(1, predictor=LatentHeadConfig(8)).of(
        BLANK.obs_shape, BLANK.actions, eyes, LatentCoreConfig(), V
    )
    config = ChangeOfFeaturesConfig(size=4, hidden=8, readout=16)
    surroundings = Surroundings(BLANK, model.belief.size, 2, 0.9, model)
    signal = GammaProgressConfig(5, config, gamma=0.9).build(surroundings)
    parts = [x for x in signal.parameters() if x.requires_grad]
    optimizer = torch.optim.Adam(parts, 3e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, rollouts)
    never = torch.zeros(STEPS + 1, ENVS, dtype=torch.bool)
    obs = torch.zeros(STEPS + 1, ENVS, 1, 1, 1, dtype=torch.uint8)
    carry, found = model.start(ENVS), []
    for _ in range(rollouts):
        action, nothing = torch.randint(0, 2, (STEPS, ENVS)), torch.zeros(STEPS, ENVS)
        traj = Trajectory(
            action, nothing, never[1:], never[1:], obs, never, vector=vectors()
        )
        with torch.no_grad():
            belief = model.belief.along(traj, carry).belief
        scored = Scored(Experience(traj, carry, carry), belief)
        found.append(mean_of(signal.reward(scored).raw, scored).item())
        optimizer.zero_grad()
        read = signal.loss(learning_of(scored))
        assert read is not None
        read.mean().backward()
        optimizer.step()
        schedule.step()
        signal.after_update(model)
    return found


def test_noise_pays_only_until_it_is_known_to_be_noise() -> None:
    """Vectors without a past: that they return to the mean can be learned, no more."""
    found = np.abs(played(lambda: torch.randn(STEPS + 1, ENVS, V), 140))
    assert not found[:5].any()
    assert found.max() > 0.05
    assert found[-30:].mean() < 0.1 * found.max()


def test_a_world_that_stands_still_is_at_the_floor_and_pays_nothing() -> None:
    place = torch.randn(ENVS, V, generator=torch.Generator().manual_seed(3))
    found = np.abs(played(lambda: place.expand(STEPS + 1, ENVS, V), 90))
    assert found.max() > 0
    assert found[-20:].max() < 0.02 * found.max()
    yardstick = change()
    still = trajectory(torch.Generator(), joins=False)
    assert still.vector is not None
    still = replace(
        still,
        obs=still.obs[:1].expand_as(still.obs),
        vector=still.vector[:1].expand_as(still.vector),
    )
    model = model_of()
    reader = yardstick.measured(model)
    assert isinstance(reader, Reader)
    with torch.no_grad():
        for x in yardstick.readout.parameters():
            x.zero_()
        experience = Experience(still, model.start(B), model.start(B))
        scored = Scored.by(model, experience)
        aim = yardstick.aim(reader, scored, experience.carry)
        loss = reader.told(scored, aim)
    assert loss is not None
    torch.testing.assert_close(loss, torch.full((T, B), 1e-3))


def test_features_of_some_numbers_do_not_hear_of_the_others(
    generator: torch.Generator,
) -> None:
    traj = trajectory(generator)
    assert traj.vector is not None
    other = traj.vector.clone()
    other[..., 2:] += 1.0
    changed = replace(traj, vector=other)
    for beside, alike, size in ((None, False, 9 + 6), (2, True, 9 + 6), (0, True, 9)):
        config = ChangeOfFeaturesConfig(PATCHES, 6, 8, beside=beside)
        torch.manual_seed(0)
        yardstick = config.build(around(None), model_of())
        yardstick.watch(traj)
        wanted = yardstick.wanted(traj).value
        assert wanted.shape == (T, B, 1, size)
        assert torch.equal(yardstick.wanted(changed).value, wanted) == alike
    with pytest.raises(ValueError, match="between 0 and 5"):
        ChangeOfFeaturesConfig(beside=6).build(around(None), model_of())


def test_only_steady_transitions_count_where_that_is_asked(
    generator: torch.Generator,
) -> None:
    traj = trajectory(generator)
    vector = torch.randint(0, 2, (T + 1, B, V), generator=generator).float()
    traj = replace(traj, vector=vector)
    config = ChangeOfFeaturesConfig(PATCHES, 6, 8, steady=(1, 3))
    yardstick = config.build(around(None), model_of())
    yardstick.watch(traj)
    mask = yardstick.wanted(traj).mask
    for t in range(T):
        for b in range(B):
            same = all(vector[t, b, i] == vector[t + 1, b, i] for i in (1, 2))
            assert mask[t, b, 0] == same
    assert 0 < mask.mean() < 1
    reader = yardstick.measured(model_of())
    belief = torch.randn(T, B, reader.belief.size, generator=generator)
    error = reader.error(belief, traj.action, yardstick._aim(traj))
    assert torch.equal(error > 0, mask.squeeze(-1) > 0)
    for wrong in ((3, 1), (2, 2), (-1, 2), (0, 6)):
        with pytest.raises(ValueError, match="two of 0 to 5, the smaller first"):
            replace(config, steady=wrong).build(around(None), model_of())
