"""Frozen features of objects, group by group and where they are seen, against loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.progress.frozen_features import FeatureYardstick, Reader
from agents.curiosity.progress.object_features import (
    ChangeOfObjectsConfig,
    ObjectFeatures,
    ObjectsThemselvesConfig,
)
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Surroundings
from agents.experience import Experience
from envs.vector_env import DiscreteActions, EnvSpec
from tests.agents.curiosity.progress.tiny import learning_of, model_of
from world_models.cores.history import HistoryConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.objects.latents import ObjectLatentsConfig
from world_models.objects.layout import Layout
from world_models.objects.readout import GroupReadout
from world_models.presets import jepa_objects
from world_models.trajectory import Trajectory

G, M, F, T, B, START, ACTIONS = 3, 2, 4, 8, 5, 4, DiscreteActions(3)
LAYOUT, LATENTS = Layout(G, M), Layout(G, 1, 6)
SIZE = START + LAYOUT.size
SPEC = EnvSpec(B, (1, 1, 1), ACTIONS, torch.device("cpu"), vector_size=SIZE)
CHANGE = ChangeOfObjectsConfig(START, LAYOUT, 7, F, 9, scale=2.0)
THEMSELVES = ObjectsThemselvesConfig(START, LAYOUT, 7, F, 9, scale=2.0)


def jepa() -> LatentDynamics:
    torch.manual_seed(0)
    eyes = ObjectLatentsConfig(START, LAYOUT, 8, 6)
    return jepa_objects(1, LATENTS).of((1, 1, 1), ACTIONS, eyes, HistoryConfig(3), SIZE)


def yardstick_of(
    config: ChangeOfObjectsConfig | ObjectsThemselvesConfig, model: LatentDynamics
) -> FeatureYardstick:
    torch.manual_seed(1)
    return config.build(Surroundings(SPEC, 1, 1, 0.9, model), model)


def trajectory(generator: torch.Generator) -> Trajectory:
    """One group in view at a time, of which objects are hidden now and then."""
    view = torch.randint(0, G, (T + 1, B, 1), generator=generator)
    mask = (view == torch.arange(G)).float().unsqueeze(-1)
    mask = mask * (torch.rand(T + 1, B, G, M, generator=generator) > 0.3)
    place = torch.randn(T + 1, B, G, M, 2, generator=generator) * mask[..., None]
    front = torch.randn(T + 1, B, START, generator=generator)
    vector = torch.cat([front, place.flatten(2), mask.flatten(2)], -1)
    first = torch.rand(T + 1, B, generator=generator) < 0.15
    never = torch.zeros(T, B, dtype=torch.bool)
    action = torch.randint(3, (T, B), generator=generator)
    obs = torch.zeros(T + 1, B, 1, 1, 1, dtype=torch.uint8)
    nothing = torch.zeros(T, B)
    return Trajectory(action, nothing, never, never, obs, first, vector=vector)


def seen_at(traj: Trajectory, t: int, b: int, g: int) -> bool:
    assert traj.vector is not None
    begin = START + 2 * G * M + g * M
    return bool(traj.vector[t, b, begin : begin + M].any())


def phi(
    yardstick: FeatureYardstick, traj: Trajectory, t: int, b: int, g: int
) -> Tensor:
    features = yardstick.features
    assert isinstance(features, ObjectFeatures)
    assert traj.vector is not None
    begin = START + 2 * M * g
    x = traj.vector[t, b, begin : begin + 2 * M]
    (one, two), (c, d) = features.network.weights, features.network.biases
    found: Tensor = (x @ one[g] + c[g, 0]).relu() @ two[g] + d[g, 0]
    return found.double()


def test_features_are_of_each_group_and_0_out_of_sight(
    generator: torch.Generator,
) -> None:
    yardstick, traj = yardstick_of(CHANGE, jepa()), trajectory(generator)
    value, mask = yardstick.features(traj)
    for t in range(T + 1):
        for b in range(B):
            for g in range(G):
                there = seen_at(traj, t, b, g)
                assert float(mask[t, b, g]) == there
                want = there * phi(yardstick, traj, t, b, g).float()
                torch.testing.assert_close(value[t, b, g], want)
    assert not any(x.requires_grad for x in yardstick.features.parameters())


@pytest.mark.parametrize("config", [CHANGE, THEMSELVES], ids=["change", "themselves"])
def test_what_counts_is_seen_before_and_behind(
    config: ChangeOfObjectsConfig | ObjectsThemselvesConfig,
    generator: torch.Generator,
) -> None:
    """The aim, by a ruler for each group, and the error that is summed over groups."""
    model = jepa()
    yardstick = yardstick_of(config, model)
    watched = [trajectory(generator) for _ in range(4)]
    less = config is CHANGE
    found: list[list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]]
    found = [[] for _ in range(G)]
    for traj in watched:
        yardstick.watch(traj)
        for t, b in traj.valid.nonzero():
            for g in range(G):
                if seen_at(traj, t, b, g) and seen_at(traj, t + 1, b, g):
                    came = phi(yardstick, traj, int(t) + 1, int(b), g)
                    was = phi(yardstick, traj, int(t), int(b), g)
                    found[g].append((came - less * was).numpy())
    assert min(map(len, found)) > 3
    assert [len(x) for x in found] == yardstick.ruler.count.tolist()
    traj, carry = trajectory(generator), model.start(B)
    with torch.no_grad():
        belief = model.belief.along(traj, carry).belief
    scored = Scored(Experience(traj, carry, carry), belief)
    now = yardstick.measured(model)
    told = now.told(scored, yardstick.aim(now, scored, carry))
    assert told is not None
    guessed = yardstick.readout(belief).detach().double().view(T, B, G, F)
    some = 0
    for t in range(T):
        for b in range(B):
            want = 0.0
            for g in range(G):
                if seen_at(traj, t, b, g) and seen_at(traj, t + 1, b, g):
                    came = phi(yardstick, traj, t + 1, b, g)
                    came = came - less * phi(yardstick, traj, t, b, g)
                    mean, std = np.mean(found[g], 0), np.std(found[g], 0)
                    aim = 2 * np.clip((came.numpy() - mean) / std, -5, 5)
                    gap = guessed[t, b, g].numpy() - aim
                    want += float(np.sqrt((gap**2).sum() + 1e-6))
                    some += 1
            assert float(told[t, b].detach()) == pytest.approx(want, rel=1e-4)
    assert 0 < some < T * B
    loss = yardstick.loss(now, learning_of(scored)).mean()
    torch.testing.assert_close(loss, told[traj.valid].mean())
    loss.backward()
    assert all(x.grad is None for x in model.parameters())
    assert all(x.grad is not None for x in yardstick.readout.parameters())


def test_models_of_groups_are_read_by_groups_and_others_by_an_mlp() -> None:
    made = yardstick_of(CHANGE, jepa())
    assert isinstance(made.readout, GroupReadout)
    assert isinstance(made.measured(jepa()), Reader)
    other = yardstick_of(CHANGE, model_of())
    assert isinstance(other.readout, nn.Sequential)
    last = other.readout[-1]
    assert isinstance(last, nn.Linear)
    assert last.out_features == G * F


def test_worlds_without_objects_are_refused() -> None:
    config, bare = GammaProgressConfig(yardstick=CHANGE), replace(SPEC, vector_size=9)
    with pytest.raises(ValueError, match=r"numbers 4 to 22 of a vector, .* has 9"):
        config.build(Surroundings(bare, 1, 1, 0.9, jepa(), 100))
    with pytest.raises(ValueError, match="readout must be at least 1, not 0"):
        replace(CHANGE, readout=0)
    with pytest.raises(ValueError, match="scale must be above 0 and start"):
        replace(CHANGE, start=-1)
