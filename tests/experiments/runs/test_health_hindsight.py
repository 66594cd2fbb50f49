"""What is said of codes of chance that tell too much, or of a critic that gives in."""

import pytest

from experiments.runs.health import HealthMonitor

FRESH, LEARNED = "world_model/fresh_invariance", "world_model/invariance"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (0.1, None),
        (0.45, None),
        (0.8, None),
        (1.2, "codes of chance tell"),
        (2.0, "codes of chance tell"),
        (-0.8, None),
        (-9.8, "must maximise"),
    ],
)
@pytest.mark.parametrize("name", [FRESH, LEARNED])
def test_codes_and_their_critic(name: str, told: float, said: str | None) -> None:
    monitor = HealthMonitor()
    heard = [x for _ in range(6) for x in monitor.observe({name: told})]
    assert len(heard) == (said is not None)
    if said is not None:
        assert said in heard[0]


def test_fresh_rollouts_tell_more_than_minibatches() -> None:
    monitor = HealthMonitor()
    for _ in range(6):
        assert monitor.observe({FRESH: 0.1, LEARNED: 2.0}) == []


def test_it_is_said_again_when_codes_had_been_apart() -> None:
    monitor = HealthMonitor()

    def hear(told: float) -> int:
        return sum(len(monitor.observe({FRESH: told})) for _ in range(6))

    assert [hear(x) for x in (1.5, 0.8, 1.5, 0.4, 1.5)] == [1, 0, 0, 0, 1]


def test_a_critic_has_to_learn_first() -> None:
    monitor = HealthMonitor()
    early = {FRESH: 2.0, "world_model/updates": 299.0}
    assert not any(monitor.observe(early) for _ in range(9))
    late = early | {"world_model/updates": 300.0}
    assert sum(len(monitor.observe(late)) for _ in range(6)) == 1
