"""Planted features are found, planted nothing is not, and nobody learns from a test."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.probing.findings import (
    PIXELS,
    PROBED,
    RANDOM,
    SHUFFLED,
    TRUE,
    Findings,
)
from world_models.probing.footage import Footage
from world_models.probing.images import OfImages
from world_models.probing.probing import Question, probe_latents
from world_models.probing.ridge import Ridge
from world_models.probing.softmax import Softmax
from world_models.probing.standardised import Standardised
from world_models.probing.tallies import Score

E, L, H = 60, 10, 12
QUICK = Question(
    probes=(Ridge(), Standardised(Softmax(learning_rate=0.03, epochs=12))),
    controls=False,
)


def footage(seed: int = 0) -> Footage:
    """A dot that jumps about, a lamp that says the room of an episode, and secrets."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.randint(2, H - 2, (E * L, 2), generator=generator)
    room = torch.randint(4, (E,), generator=generator).repeat_interleave(L)
    obs = torch.zeros(E * L, 1, H, H, dtype=torch.uint8)
    obs[torch.arange(E * L), 0, place[:, 1], place[:, 0]] = 255
    obs[torch.arange(E * L), 0, 0, room] = 255
    return Footage(
        obs,
        torch.arange(E).repeat_interleave(L),
        {
            "place": place.float(),
            "room": room,
            "secret": torch.randn(E * L, 1, generator=generator),
            "coin": torch.randint(2, (E * L,), generator=generator).bool(),
        },
        units={"place": "px"},
        about="dots",
    )


def marginals(images: Tensor) -> Tensor:
    """Brightness of columns and rows below the lamps, and the lamps."""
    x = images[:, 0].float() / 255
    return torch.cat([x[:, 1:].sum(1), x.sum(2)[:, 1:], x[:, 0, :4]], 1)


@pytest.fixture(scope="module")
def found() -> Findings:
    return probe_latents(OfImages(marginals), footage(), QUICK)


def holds(score: Score, value: float) -> bool:
    assert score.low is not None
    assert score.high is not None
    return score.low <= value <= score.high


def test_what_is_planted_is_found(found: Findings) -> None:
    assert found.score("place", "rmse", "ridge").value < 0.05
    assert found.score("place", "r2", "ridge").value > 0.999
    room = found.score("room", "f1", "softmax")
    assert room.value > 0.9
    majority = found.score("room", "f1", "majority")
    assert majority.high is not None
    assert room.low is not None
    assert room.low > majority.high


def test_what_is_not_there_is_not_found(found: Findings) -> None:
    """Chance lies within the interval, or above all of it."""
    secret = found.score("secret", "r2", "ridge")
    assert secret.low is not None
    assert secret.low < 0.01
    assert secret.value < 0.05
    coin = found.score("coin", "accuracy", "softmax")
    assert holds(coin, 0.5)


@pytest.mark.parametrize("fact", ["place", "place velocity"])
def test_shuffled_numbers_are_at_chance(found: Findings, fact: str) -> None:
    shuffled = found.score(fact, "r2", "ridge", labels=SHUFFLED)
    assert shuffled.low is not None
    assert shuffled.low < 0
    assert abs(shuffled.value) < 0.05
    blind = found.score(fact, "rmse", "mean")
    error = found.score(fact, "rmse", "ridge", labels=SHUFFLED)
    assert error.value == pytest.approx(blind.value, rel=0.05)
    assert holds(found.score(fact, "r", "ridge", labels=SHUFFLED), 0.0)


def test_shuffled_classes_are_at_chance(found: Findings) -> None:
    """Not more often right than whoever names one of four rooms, or tosses a coin."""
    shuffled = found.score("room", "accuracy", "softmax", labels=SHUFFLED)
    assert shuffled.high is not None
    assert shuffled.high < 0.45
    assert holds(found.score("coin", "accuracy", "softmax", labels=SHUFFLED), 0.5)


def test_velocities_are_those_within_an_episode(found: Findings) -> None:
    """Not seen in a frame alone but for the half that the place itself tells.

    Places are drawn anew in each row, so of `x_t - x_{t-1}` half the variance is known.
    """
    assert found.score("place velocity", "r2", "ridge").value == pytest.approx(
        0.5, abs=0.1
    )
    rows = [x.rows for x in found.readings if x.fact == "place velocity"]
    assert set(rows) == {12 * (L - 1)}
    units = {x.fact: x.unit for x in found.readings}
    assert units["place"] == "px"
    assert units["place velocity"] == "px/step"


def test_velocities_are_found_by_who_sees_two_frames() -> None:
    def both(images: Tensor) -> Tensor:
        return torch.cat([marginals(images[:, :1]), marginals(images[:, 1:])], 1)

    seen = probe_latents(OfImages(both, stack=2), footage(), QUICK)
    assert seen.score("place velocity", "rmse", "ridge").value < 0.1
    assert seen.score("place", "rmse", "ridge").value < 0.1


def test_nothing_of_the_test_is_learned_from() -> None:
    """Whatever facts the test has, what was fitted stays: only the scores move."""
    data = footage()
    whole = probe_latents(OfImages(marginals), data, QUICK)
    generator = torch.Generator().manual_seed(QUICK.seed)
    drawn = torch.randperm(E, generator=generator)[: round(0.2 * E)]
    of_test = torch.isin(data.episode, drawn)
    moved = {**data.facts, "place": data.facts["place"] + 5 * of_test.unsqueeze(1)}
    other = probe_latents(OfImages(marginals), replace(data, facts=moved), QUICK)
    assert other.score("place", "rmse", "ridge").value == pytest.approx(
        50**0.5, abs=0.05
    )
    assert whole.score("place", "rmse", "ridge").value < 0.05


class Net(nn.Module):
    """A network that learned to show places; untrained it shows noise."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(H * H, 8)
        self.second = nn.Linear(8, 6)
        with torch.no_grad():
            at = torch.arange(float(H))
            grid = torch.stack([at.repeat(H), at.repeat_interleave(H)])
            self.first.weight.zero_()
            self.first.weight[:2] = grid
            self.first.weight[:, :H] = 0
            self.second.weight[:, 2:] *= 1e-3

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.second(self.first(images.flatten(1).float() / 255))
        return made


def test_random_weights_and_pixels_stand_beside(generator: torch.Generator) -> None:
    question = replace(QUICK, controls=True, layers=("output", "first"))
    question = replace(question, facts=("place",), probes=(Ridge(),))
    seen = probe_latents(OfImages(Net()), footage(), question)
    arms = {(x.arm, x.layer) for x in seen.readings}
    assert arms == {
        *((PROBED, x) for x in question.layers),
        *((RANDOM, x) for x in question.layers),
        (PIXELS, "output"),
    }
    own = seen.score("place", "rmse", "ridge", "first").value
    control = seen.score("place", "rmse", "ridge", "first", RANDOM).value
    assert own < 0.05
    assert control > 5 * own
    assert set(seen.diagnostics) == {PROBED, RANDOM, PIXELS}
    assert set(seen.diagnostics[PROBED]) == {"output", "first"}
    assert seen.diagnostics[PROBED]["first"]["dead_units"] == 0.75


def test_who_cannot_be_built_anew_has_no_control() -> None:
    question = replace(QUICK, controls=True, facts=("place",), probes=(Ridge(),))
    seen = probe_latents(OfImages(marginals), footage(), question)
    assert RANDOM not in {x.arm for x in seen.readings}
    assert any("random weights" in x for x in seen.notes)


def test_findings_say_what_they_are_of(found: Findings) -> None:
    assert found.episodes == (42, 6, 12)
    assert found.frames == E * L
    assert any("12 episodes are measured on" in x for x in found.notes)
    with pytest.raises(KeyError, match="no rmse of 'room'"):
        found.score("room", "rmse")
    kinds = {(x.probe, x.labels) for x in found.readings}
    assert kinds == {
        ("mean", TRUE),
        ("majority", TRUE),
        *((x, y) for x in ("ridge", "softmax") for y in (TRUE, SHUFFLED)),
    }
    assert math.isnan(found.score("place", "r", "mean").value)


def test_a_scatter_is_of_test_rows(found: Findings) -> None:
    places = next(x for x in found.scatters if x.fact == "place")
    assert len(places.truth) == 12 * L
    assert (places.told - places.truth).abs().max() < 0.5


def test_too_few_episodes_are_refused() -> None:
    data = footage()
    some = data.episode < 3
    few = Footage(
        data.obs[some], data.episode[some], {"place": data.facts["place"][some]}
    )
    with pytest.raises(DatasetError, match="3 episodes"):
        probe_latents(OfImages(marginals), few, QUICK)


def test_layers_that_are_not_there_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"no layer 'frist'. There are: output, first, second"
    ):
        probe_latents(OfImages(Net()), footage(), replace(QUICK, layers=("frist",)))
