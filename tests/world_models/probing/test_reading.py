"""Which rows of a layer a probe is fitted on, chosen by, and measured on."""

from dataclasses import dataclass, field
from typing import final

import pytest
import torch
from torch import Tensor

from world_models.probing.findings import SHUFFLED
from world_models.probing.probe import Probe, Reader, Tally
from world_models.probing.reading import Sides
from world_models.probing.rows import Rows
from world_models.probing.standardised import Standardised
from world_models.probing.tallies import by_episode

N = 60


@final
class Seen(Tally):
    def scores(self, sums: Tensor) -> dict[str, Tensor]:
        return {"rows": sums[..., 0]}


@final
class Noting(Probe, Reader):
    """Notes all rows that it is given, and reads nothing off them."""

    name = "noting"

    def __init__(self) -> None:
        self.fitted: list[Rows] = []
        self.measured: list[Rows] = []

    def fit(self, train: Rows, val: Rows) -> Reader:
        self.fitted += [train, val]
        return self

    def read(self, rows: Rows) -> dict[str, Tally]:
        self.measured.append(rows)
        ones = torch.ones(len(rows), 1)
        return {"number": Seen(by_episode(ones, rows.episode))}


def sides() -> Sides:
    """Ten episodes of six rows: seven to fit on, one to choose by, two to measure on.

    Each row's latent and fact are its number; it was predicted over 1 to 3 steps.
    """
    number = torch.arange(float(N)).unsqueeze(1)
    episode = torch.arange(N) // 6
    rows = Rows(number.clone(), {"number": number}, episode)
    ahead = torch.arange(N) % 3 + 1
    train, val, test = episode < 7, episode == 7, episode > 7
    return Sides("probed", "output", rows, ahead, train, val, test, {"number": ""})


def numbers(rows: Rows) -> list[int]:
    return [int(x) for x in rows.facts["number"].flatten().tolist()]


def test_each_side_does_what_it_is_for() -> None:
    probe = Noting()
    readings = list(sides().read([probe]))
    assert [numbers(x) for x in probe.fitted] == [[*range(42)], [*range(42, 48)]]
    assert numbers(probe.measured[0]) == [*range(48, 60)]
    by_step = [numbers(x) for x in probe.measured[1:]]
    assert by_step == [[*range(48 + k, 60, 3)] for k in range(3)]
    assert [(x.ahead, x.rows) for x in readings] == [(None, 12), (1, 4), (2, 4), (3, 4)]
    assert [x.scores["rows"].value for x in readings] == [12, 4, 4, 4]


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_facts_stay_on_their_side_and_leave_their_episode(seed: int) -> None:
    """All of them once, in an order that tells nothing of where they were."""
    probe = Noting()
    list(sides().shuffled(seed).read([probe], SHUFFLED))
    assert len(probe.measured) == 1
    for rows, begin, end in zip(
        [*probe.fitted, *probe.measured], (0, 42, 48), (42, 48, 60), strict=True
    ):
        assert rows.latent.flatten().tolist() == [*range(begin, end)]
        assert sorted(numbers(rows)) == [*range(begin, end)]
    mixed = torch.tensor(numbers(probe.fitted[0]))
    moved = (mixed - torch.arange(42)) % 42
    assert len(moved.unique()) > 10  # not one and the same shift of all
    assert (mixed // 6 == torch.arange(42) // 6).float().mean() < 0.5


@dataclass(frozen=True)
class Through(Probe):
    """Hands on to a probe that notes; of a name of its own."""

    noting: Noting = field(default_factory=Noting)
    name: str = field(default="through", init=False)

    def fit(self, train: Rows, val: Rows) -> Reader:
        return self.noting.fit(train, val)


def test_all_rows_come_to_the_scale_of_those_that_were_fitted_on() -> None:
    """Also one row alone, which has no spread of its own."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        Rows(
            size * torch.randn(num, 3, generator=generator) + size,
            {},
            torch.zeros(num, dtype=torch.int64),
        )
        for num, size in ((50, 4.0), (20, 9.0), (1, 30.0))
    ]
    probe = Through()
    reader = Standardised(probe).fit(*parts[:2])
    reader.read(parts[2])
    train = parts[0].latent.numpy()
    seen = [*probe.noting.fitted, *probe.noting.measured]
    for given, made in zip(parts, seen, strict=True):
        expected = (given.latent.numpy() - train.mean(0)) / train.std(0)
        assert made.latent.numpy() == pytest.approx(expected, abs=1e-4)
    assert Standardised(probe).name == "through"
