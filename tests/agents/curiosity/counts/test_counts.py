"""Counts beside a dictionary: nothing is counted twice, or forgotten too soon."""

from collections import Counter

import pytest
import torch
from torch import Tensor

from agents.check.curiosity import check_curiosity
from agents.curiosity.counts.counts import ExactCountsConfig, HashCountsConfig
from agents.curiosity.counts.keys import FrameKeys, SimHash
from agents.curiosity.counts.table import SortedTable
from agents.curiosity.scored import Scored
from tests.agents.curiosity.made import (
    SHAPE,
    B,
    T,
    around,
    goes_on,
    paid,
    rollouts,
    some,
)

CONFIGS: dict[str, HashCountsConfig | ExactCountsConfig] = {
    "hash": HashCountsConfig(bits=7, grid=4),
    "exact": ExactCountsConfig(places=50),
    "cells": ExactCountsConfig(places=50, cell=6, levels=4),
}


def naive(streamed: list[Scored], keys: list[Tensor]) -> list[Tensor]:
    """Frames in a dictionary, by hand."""
    counter: Counter[int] = Counter()
    found = []
    for i, (scored, told) in enumerate(zip(streamed, keys, strict=True)):
        for r in range(1 if i else 0, T + 1):
            counter.update(told[r].tolist())
        raw = torch.zeros(T, B)
        for t in range(T):
            for b in range(B):
                if scored.valid[t, b]:
                    raw[t, b] = counter[int(told[t + 1, b])] ** -0.5
        found.append(raw)
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_rewards_are_those_of_a_dictionary(name: str) -> None:
    signal = CONFIGS[name].build(around())
    streamed = some(rollouts(looks=9), 3)
    signal.warm_up(streamed[0].traj.obs)
    keys = [signal.keys(x.traj.obs) for x in streamed]
    assert 1 < len(torch.cat(keys).unique()) <= 9
    for got, want in zip(paid(signal, streamed), naive(streamed, keys), strict=True):
        torch.testing.assert_close(got, want)


def test_frames_themselves_are_what_is_counted(generator: torch.Generator) -> None:
    """Equal keys for equal frames, and others for frames one grey level apart."""
    keys = FrameKeys(SHAPE)
    obs = torch.randint(0, 256, (3, 2, *SHAPE), generator=generator).to(torch.uint8)
    other = obs.clone()
    other[1, 1, 0, 5, 7] ^= 1
    same = keys(obs) == keys(other)
    assert same.sum() == 5
    assert not same[1, 1]
    assert len(keys(obs).unique()) == 6


def test_cells_average_and_round_down() -> None:
    keys = FrameKeys((1, 4, 5), cell=2, levels=4)
    obs = torch.full((1, 4, 1, 4, 5), 100, dtype=torch.uint8)
    obs[0, 1, 0, 0, 0] = 110  # 102.5 on average, within 64 … 127
    obs[0, 2, 0, 0, 4] = 255  # its cell of 2 x 1 pixels: 177.5
    obs[0, 3] = 127
    plain, near, far, edge = keys(obs)[0].tolist()
    assert plain == near == edge
    assert far != plain


def test_a_hash_is_the_signs_of_projected_brightness(
    generator: torch.Generator,
) -> None:
    keys = SimHash((1, 4, 6), bits=5, grid=2)
    obs = torch.randint(0, 256, (3, 2, 1, 4, 6), generator=generator).to(torch.uint8)
    keys.warm_up(obs[:2])
    keys.warm_up(obs[2:])
    for r in range(3):
        for b in range(2):
            frame = obs[r, b, 0].double() / 255
            mean = obs[:, :, 0].double().mean((0, 1)) / 255
            grid = [
                (frame - mean)[y : y + 2, x : x + 3].mean()
                for y in (0, 2)
                for x in (0, 3)
            ]
            signs = torch.stack(grid).float() @ keys.projection > 0
            want = sum(2**i for i, s in enumerate(signs.tolist()) if s)
            assert int(keys(obs)[r, b]) == want


def test_a_full_table_keeps_what_was_seen_most() -> None:
    table = SortedTable(3)

    def add(*keys: int) -> None:
        table.add(torch.tensor(keys), torch.ones(len(keys), dtype=torch.bool))

    def of(*keys: int) -> list[int]:
        return table.of(torch.tensor(keys)).tolist()

    add(5, -7, 5)
    table.add(torch.tensor([5, 9]), torch.tensor([False, True]))
    assert of(5, -7, 9, 8) == [2, 1, 1, 0]
    assert table.distinct == 3
    add(8, 8, 9)
    assert of(5, 9, 8, -7) == [2, 2, 2, 0]
    add(-7)  # no place for it
    assert of(-7, 5, 8, 9) == [0, 2, 2, 2]


def test_what_a_full_table_does_not_know_is_paid_as_new() -> None:
    signal, forgotten = ExactCountsConfig(places=3).build(around()), 0
    for scored in some(rollouts(looks=9), 3):
        raw, valid = signal.reward(scored).raw, scored.valid
        told = signal.table.of(signal.keys(scored.traj.obs[1:]).flatten()).view(T, B)
        forgotten += int((valid & (told == 0)).sum())
        assert (raw[valid & (told == 0)] == 1).all()
        known = valid & (told > 0)
        torch.testing.assert_close(raw[known], told[known] ** -0.5)
    assert forgotten > 5


def test_a_table_is_a_dictionary_while_there_is_room(
    generator: torch.Generator,
) -> None:
    table, counter = SortedTable(40), Counter[int]()
    for _ in range(6):
        keys = torch.randint(-20, 20, (30,), generator=generator) * 2**58
        new = torch.rand(30, generator=generator) < 0.7
        table.add(keys, new)
        counter.update(keys[new].tolist())
        assert table.of(keys).tolist() == [counter[x] for x in keys.tolist()]
        assert table.distinct == len(counter)


@pytest.mark.parametrize("name", CONFIGS)
def test_contract_and_resume(name: str) -> None:
    check_curiosity(CONFIGS[name].build, SHAPE)
    goes_on(lambda: CONFIGS[name].build(around()))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="bits must be from 1 to 24"):
        HashCountsConfig(bits=25)
    with pytest.raises(ValueError, match="levels must be from 2 to 256"):
        ExactCountsConfig(levels=1)
    with pytest.raises(ValueError, match="larger than the frame of 12 x 13"):
        ExactCountsConfig(cell=13).build(around())
