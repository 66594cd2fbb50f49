import json
import math

import pytest

from experiments.runs.health import HealthLimits, HealthMonitor, check_finite
from ssl_objectives.refusal import TrainingDiverged


def test_numbers_that_are_not_finite_stop_training() -> None:
    check_finite({})
    check_finite({"loss/policy": -3.0, "loss/value": 1e30})
    with pytest.raises(TrainingDiverged) as error:
        check_finite({"a/good": 1.0, "loss/value": math.nan, "policy/kl": math.inf})
    message = str(error.value)
    assert "loss/value is nan; policy/kl is inf." in message
    assert "a/good" not in message
    assert "learning rate" in message


def heard(monitor: HealthMonitor, name: str, values: list[float]) -> list[int]:
    """At which of the values there was a warning."""
    return [i for i, x in enumerate(values) if monitor.observe({name: x})]


def test_collapsed_entropy_is_said_once_until_it_recovers() -> None:
    monitor = HealthMonitor(num_actions=18, limits=HealthLimits(patience=3))
    low, between, high = 0.1, 0.2, 1.0  # the limit is 0.145
    values = [high, low, low, high, low, low, low, low, between, low, low, low, low]
    assert heard(monitor, "policy/entropy", values) == [6]
    assert heard(monitor, "policy/entropy", [high, low, low, low, low]) == [3]


def test_a_bonus_that_waits_for_its_running_mean_is_no_collapse() -> None:
    monitor = HealthMonitor(limits=HealthLimits(patience=2))
    for paid, measured in [(0.06, 2.0), *[(0.0, 0.02)] * 9]:
        alive = {"intrinsic/rnd/reward_std": paid, "intrinsic/rnd/raw_std": measured}
        assert monitor.observe(alive) == []


def test_curiosity_is_compared_with_its_own_maximum() -> None:
    monitor = HealthMonitor(limits=HealthLimits(patience=2))
    name = "intrinsic/rnd/raw_std"
    assert heard(monitor, name, [0.0, 0.0, 0.0, 1e-5, 1e-5, 2e-6]) == []
    assert heard(monitor, name, [4.0, 1.0, 0.1, 0.01, 0.003, 0.003]) == [5]
    monitor = HealthMonitor()
    assert heard(monitor, name, [1.0] + [0.0] * 9) == [5]


def test_a_signal_that_sees_nothing_is_told_of() -> None:
    name = "intrinsic/mine/raw_std"
    assert heard(HealthMonitor(), name, [0.0] * 25) == [19]
    monitor = HealthMonitor()
    for _ in range(20):
        told = monitor.observe({name: 0.0})
    assert "The curiosity mine finds everything alike" in told[0]
    assert heard(HealthMonitor(), name, [0.0] * 19 + [1.0] * 9) == []


@pytest.mark.parametrize(
    ("dim", "rank", "warned"),
    [(64, 1.2, True), (64, 1.6, False), (512, 4.0, True), (512, 6.0, False)],
)
def test_collapsed_latents(dim: int, rank: float, warned: bool) -> None:
    monitor = HealthMonitor(latent_dim=dim)
    assert bool(heard(monitor, "world_model/effective_rank", [rank] * 9)) == warned


@pytest.mark.parametrize(("spread", "warned"), [(9e-4, True), (2e-3, False)])
def test_latents_that_are_one_point(spread: float, warned: bool) -> None:
    monitor = HealthMonitor()
    assert bool(heard(monitor, "world_model/latent_spread", [spread] * 9)) == warned


def test_a_spread_is_compared_with_its_own_maximum_as_well() -> None:
    name = "world_model/latent_spread"
    assert heard(HealthMonitor(), name, [0.9, *[0.02] * 9]) == []
    assert heard(HealthMonitor(), name, [0.9, *[0.017] * 9]) == [5]


@pytest.mark.parametrize(
    ("scales", "warned"),
    [
        ([9e-5] * 9, [4]),  # in any model
        ([2e-4] * 9, []),
        ([1.0] + [1.1e-3] * 9, []),
        ([1.0] + [0.9e-3] * 9, [5]),  # after it was 1
        ([1.0, 1e-3, 1e-10, 1e-10, 1e-10, 1e-10, 1e-10], [6]),
    ],
)
def test_latents_that_shrink(scales: list[float], warned: list[int]) -> None:
    assert heard(HealthMonitor(), "world_model/latent_scale", scales) == warned


STUCK_AT = 0.40205


@pytest.mark.parametrize("name", ["sigreg/per_row", "world_model/sigreg/per_row"])
@pytest.mark.parametrize(
    ("per_row", "warned"),
    [
        ([STUCK_AT] * 50, [19]),
        ([0.4006] * 50, [20]),  # the first row is a step away from it
        ([0.394] * 50, []),  # where the patch encoder begins
        ([1.06 / 512] * 50, []),
        ([0.53] * 50, []),  # two healthy rows
        # on the way out, a step every fifth row
        ([STUCK_AT - 1e-5 * (i // 5) for i in range(100)], []),
        # on the way in, and there
        ([0.02, 0.2, 0.39, *[0.4 + 1e-4 * i for i in range(20)], 0.402], [23]),
        # out in time, and in again
        ([STUCK_AT] * 19 + [0.1] + [0.4019] * 19 + [0.1], []),
        # out and in again after a warning
        ([STUCK_AT] * 30 + [0.1] + [STUCK_AT] * 30, [19, 50]),
    ],
)
def test_sigreg_that_is_stuck_where_zeros_have_it(
    name: str, per_row: list[float], warned: list[int]
) -> None:
    assert heard(HealthMonitor(), name, per_row) == warned


def test_longer_rollouts_are_spoken_of_where_there_are_any() -> None:
    said = []
    for name in ("sigreg/per_row", "world_model/sigreg/per_row"):
        monitor = HealthMonitor()
        said += [y for _ in range(20) for y in monitor.observe({name: STUCK_AT})]
    image, world = said
    assert "larger weight;" in image
    assert "larger weight, the larger the longer its rollouts;" in world


def test_being_stuck_is_remembered_over_a_resumed_run() -> None:
    name, one, two = "world_model/sigreg/per_row", HealthMonitor(), HealthMonitor()
    assert heard(one, name, [0.401] * 15) == []
    two.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert heard(one, name, [0.401] * 9) == heard(two, name, [0.401] * 9) == [5]


@pytest.mark.parametrize(
    ("shares", "warned"),
    [
        ([0.75, 0.89, 0.9], []),
        ([0.75, 0.91, 0.97], [1]),
        ([0.91, 0.85, 0.91], [0]),
        ([0.91, 0.75, 0.91], [0, 2]),
        ([1.02], [0]),  # an estimate
        ([-0.02], []),
    ],
)
def test_latents_that_hold_the_background(
    shares: list[float], warned: list[int]
) -> None:
    assert heard(HealthMonitor(), "evaluate/background_share", shares) == warned


@pytest.mark.parametrize("where", ["encoder", "projection"])
@pytest.mark.parametrize(
    ("name", "value", "warned"),
    [
        ("effective_rank", 1.4, True),
        ("effective_rank", 1.6, False),
        ("spread", 9e-4, True),
        ("spread", 2e-3, False),
        ("scale", 9e-5, True),
        ("scale", 2e-4, False),
    ],
)
def test_an_encoder_that_is_pretrained_and_its_projections(
    where: str, name: str, value: float, warned: bool
) -> None:
    said = heard(HealthMonitor(), f"{where}/{name}", [value] * 9)
    assert said == ([4] if warned else [])


@pytest.mark.parametrize("where", ["encoder", "projection"])
@pytest.mark.parametrize(
    ("scales", "warned"),
    [
        ([0.14, *[0.019] * 9], [5]),
        ([0.14, *[0.021] * 9], []),  # not absolutely
        ([0.015] * 9, []),  # and from where it began
        ([0.015, *[0.003] * 9], [5]),
        ([5.0, *[0.03] * 9], []),
    ],
)
def test_rows_that_shrink(where: str, scales: list[float], warned: list[int]) -> None:
    assert heard(HealthMonitor(), f"{where}/scale", scales) == warned


@pytest.mark.parametrize(
    ("knn", "warned"),
    [
        ([0.64, 0.63, 0.63, 0.63], []),
        ([0.64, 0.61, 0.66, 0.61, 0.66], []),
        ([0.64, 0.61, 0.58, 0.52], [2]),
        ([0.64, 0.70, 0.61, 0.52, 0.52], [3]),
        ([0.64, 0.61, 0.61, 0.70, 0.61, 0.61], [2, 5]),
    ],
)
def test_short_probes_that_stay_below_the_first(
    knn: list[float], warned: list[int]
) -> None:
    assert heard(HealthMonitor(), "evaluate/knn", knn) == warned


def test_the_first_probe_is_remembered_over_a_resumed_run() -> None:
    one, two = HealthMonitor(), HealthMonitor()
    assert heard(one, "evaluate/knn", [0.64, 0.52]) == []
    two.load_state_dict(json.loads(json.dumps(one.state_dict())))
    [warning] = two.observe({"evaluate/knn": 0.52})
    assert "names 52.0% of the test images, and at the start it was 64.0%" in warning


def test_warnings_are_plain_words_with_numbers() -> None:
    monitor = HealthMonitor(4, 64, HealthLimits(patience=1))
    monitor.observe({"intrinsic/rnd/raw_std": 2.0})
    warnings = monitor.observe(
        {
            "policy/entropy": 0.01,
            "intrinsic/rnd/raw_std": 0.0,
            "world_model/effective_rank": 1.1,
            "loss/policy": 0.0,
        }
    )
    assert len(warnings) == 3
    assert "entropy is 0.01 of at most 1.39" in warnings[0]
    assert "what it measures is 0, after 2 at its largest" in warnings[1]
    assert "about 1.1 of 64 dimensions" in warnings[2]


def test_what_is_not_known_is_not_judged() -> None:
    monitor = HealthMonitor(limits=HealthLimits(patience=1))
    metrics = {"policy/entropy": -5.0, "world_model/effective_rank": 1.0}
    assert monitor.observe(metrics) == []
    assert HealthMonitor(1, limits=HealthLimits(1)).observe(metrics) == []
    # Updates without the metric count in neither direction.
    monitor = HealthMonitor(4, limits=HealthLimits(patience=2))
    monitor.observe({"policy/entropy": 0.0})
    assert monitor.observe({}) == []
    assert len(monitor.observe({"policy/entropy": 0.0})) == 1


def test_every_signal_is_watched_on_its_own() -> None:
    monitor = HealthMonitor(limits=HealthLimits(patience=1))
    both = {"intrinsic/one/raw_std": 1.0, "intrinsic/two-2/raw_std": 100.0}
    assert monitor.observe(both) == []
    [warning] = monitor.observe(both | {"intrinsic/two-2/raw_std": 0.01})
    assert warning.startswith("The curiosity two-2 no longer tells states apart")


def test_a_resumed_run_is_not_warned_anew() -> None:
    limits = HealthLimits(patience=3)
    one, two = (HealthMonitor(18, limits=limits) for _ in range(2))
    values = [1.0, 0.1, 0.1]
    assert heard(one, "policy/entropy", values) == []
    two.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert heard(one, "policy/entropy", [0.1, 0.1]) == [0]
    assert heard(two, "policy/entropy", [0.1, 0.1]) == [0]
    three = HealthMonitor(18, limits=limits)
    three.load_state_dict(two.state_dict())
    assert heard(three, "policy/entropy", [0.1] * 5) == []
    assert two.observe({"intrinsic/a/raw_std": 5.0}) == []
    three.load_state_dict(two.state_dict())
    assert heard(three, "intrinsic/a/raw_std", [1e-4] * 3) == [2]


def test_a_state_that_was_taken_stays_as_it_was() -> None:
    monitor = HealthMonitor(18, limits=HealthLimits(patience=2))
    low = {"policy/entropy": 0.1, "intrinsic/a/raw_std": 1.0}
    monitor.observe(low)
    state = monitor.state_dict()
    kept = json.dumps(state)
    assert monitor.observe(low | {"intrinsic/a/raw_std": 2.0})
    assert json.dumps(state) == kept != json.dumps(monitor.state_dict())
