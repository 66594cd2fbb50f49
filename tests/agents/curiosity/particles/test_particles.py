"""Distances to neighbours, RE3 and APT beside loops over all pairs."""

import math

import pytest
import torch
from torch import Tensor

from agents.check.curiosity import check_curiosity
from agents.curiosity.embeddings.dynamics import DynamicsConfig
from agents.curiosity.particles import nearest as module
from agents.curiosity.particles.apt import AptConfig
from agents.curiosity.particles.nearest import Particles, nearest_distances
from agents.curiosity.particles.re3 import Re3Config
from tests.agents.curiosity.made import (
    EYES,
    SHAPE,
    B,
    T,
    around,
    goes_on,
    learning_of,
    rollouts,
    some,
    total,
)

RE3 = Re3Config(EYES, nearest=3, rows=5, every=2)
APT = AptConfig(DynamicsConfig(EYES, hidden=9), nearest=4, every=3)
# one step of a rollout gives neighbours: a state has one for each env, or one less
FEW_RE3 = Re3Config(EYES, nearest=B + 2, rows=0, every=T)
FEW_APT = AptConfig(DynamicsConfig(EYES, hidden=9), nearest=B + 2, every=T)


@pytest.mark.parametrize("numbers", [1, 50, 10**6])
def test_distances_are_those_of_all_pairs_in_any_chunks(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch, numbers: int
) -> None:
    monkeypatch.setattr(module, "_CPU_NUMBERS", numbers)
    states, others = (torch.randn(n, 5, generator=generator) for n in (9, 12))
    there = torch.rand(12, generator=generator) < 0.7
    origin, theirs = torch.arange(9), torch.arange(12) - 3
    found = nearest_distances(states, origin, Particles(others, there, theirs), 10)
    for i in range(9):
        apart = sorted(
            float((states[i] - others[j]).norm())
            for j in range(12)
            if there[j] and theirs[j] != i
        )
        want = (apart + [math.inf] * 10)[:10]
        assert found[i].tolist() == pytest.approx(want, rel=1e-5)


def test_more_neighbours_than_there_are_places() -> None:
    particles = Particles(
        torch.zeros(2, 3), torch.ones(2, dtype=torch.bool), torch.tensor([0, 1])
    )
    found = nearest_distances(torch.ones(1, 3), torch.tensor([0]), particles, 7)
    assert found.tolist() == [pytest.approx([3**0.5, math.inf])]


def naive(
    embedded: list[Tensor], every: int, rows: int, nearest: int
) -> list[list[list[list[float]]]]:
    """Distances of each state of each rollout, by all pairs."""
    stored: list[Tensor] = []  # [B, D] each
    found = []
    for states in embedded:
        own = [(t, states[t]) for t in range(0, T, every)]
        told = []
        for t in range(T):
            row = []
            for b in range(B):
                apart = [float((states[t, b] - y).norm()) for x in stored for y in x]
                apart += [
                    float((states[t, b] - x[c]).norm())
                    for s, x in own
                    for c in range(B)
                    if (s, c) != (t, b)
                ]
                row.append(sorted(apart)[:nearest])
            told.append(row)
        found.append(told)
        stored = [*stored, *(x for _, x in own)][-rows:] if rows else []
    return found


@pytest.mark.parametrize("config", [RE3, FEW_RE3], ids=["enough", "few"])
def test_re3_pays_the_distance_of_the_kth_neighbour(config: Re3Config) -> None:
    """Of the furthest that there is, where there are fewer."""
    torch.manual_seed(0)
    signal, streamed = config.build(around()), some(rollouts(looks=40), 3)
    embedded = [signal.embedding(x.traj.obs[1:]) for x in streamed]
    want = naive(embedded, config.every, config.rows, config.nearest)
    for scored, each in zip(streamed, want, strict=True):
        raw = signal.reward(scored).raw
        for t in range(T):
            for b in range(B):
                paid = math.log(1 + each[t][b][-1]) if scored.valid[t, b] else 0.0
                assert raw[t, b].item() == pytest.approx(paid, abs=1e-5)


@pytest.mark.parametrize("config", [APT, FEW_APT], ids=["enough", "few"])
def test_apt_pays_the_mean_distance_in_the_rollout(config: AptConfig) -> None:
    """Of the neighbours that there are."""
    torch.manual_seed(0)
    signal, streamed = config.build(around()), some(rollouts(looks=40), 2)
    with torch.no_grad():
        embedded = [signal.dynamics.embedding(x.traj.obs[1:]) for x in streamed]
    want = naive(embedded, config.every, 0, config.nearest)
    for scored, each in zip(streamed, want, strict=True):
        raw = signal.reward(scored).raw
        for t in range(T):
            for b in range(B):
                mean = sum(each[t][b]) / len(each[t][b])
                paid = math.log(1 + mean) if scored.valid[t, b] else 0.0
                assert raw[t, b].item() == pytest.approx(paid, abs=1e-5)


def test_only_apt_learns() -> None:
    [scored] = some(rollouts(), 1)
    assert RE3.build(around()).loss(learning_of(scored)) is None
    signal = APT.build(around())
    got, want = signal.loss(learning_of(scored)), signal.dynamics.loss(scored.traj)
    assert torch.equal(total(got), total(want))


def test_nothing_trains_the_random_encoder() -> None:
    signal = RE3.build(around()).train()
    assert not any(x.training for x in signal.embedding.modules())
    assert not any(x.requires_grad for x in signal.parameters())


@pytest.mark.parametrize("config", [RE3, APT], ids=["re3", "apt"])
def test_contract_and_resume(config: Re3Config | AptConfig) -> None:
    check_curiosity(config.build, SHAPE)
    goes_on(lambda: config.build(around()))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="nearest and every must be at least 1"):
        Re3Config(every=0)
    with pytest.raises(ValueError, match="nearest and every must be at least 1"):
        AptConfig(nearest=0)
