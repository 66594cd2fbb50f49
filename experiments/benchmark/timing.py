"""How the benchmark measures: arms side by side in one process, every timing kept.

A machine's speed drifts by a third within an hour, so speeds from different times say
little. Here every arm runs once in every round, and a ratio is taken within a round;
what is reported is the median over rounds, with the smallest and the largest. The order
rotates from round to round and is reversed in every second one, so that no arm always
runs first or behind the same other arm. Garbage is collected before each timing and the
GPU waited for at both ends. The warm-up is timed as round 0 and enters no number.
"""

import gc
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

WARM_UP = 0  # the round that counts for nothing


class Split(NamedTuple):
    """Seconds of one update, where an arm can tell its two halves apart."""

    rollout: float
    learning: float


class Arm(ABC):
    """One thing whose speed is measured; built once and kept until `close`.

    Attributes:
        name: short, unique.
        about: what it is, in a line.
        units: how many `unit`s one update handles.
        num_parameters: trained numbers, None where nothing is trained.
        fairness: of another library: what is equal to ours, and what is not.
    """

    name: str
    about: str
    units: int
    unit: str = "env steps"
    num_parameters: int | None = None
    fairness: str | None = None

    @abstractmethod
    def update(self) -> Split | None:
        """Do the work of one update."""

    def details(self) -> dict[str, Any]:
        """More to write into the results, as JSON."""
        return {}

    def close(self) -> None:  # noqa: B027 - most arms hold nothing to release
        """Release worlds, threads and processes."""


@dataclass(frozen=True)
class Timing:
    """One measurement: `updates` updates of an arm in a round (0: the warm-up).

    Attributes:
        seconds: that went by.
        cpu_seconds: of all threads of this process together. On a machine that others
            keep busy they say what an update costs, where time that went by says how
            much the others left.
    """

    round: int
    position: int
    arm: str
    updates: int
    units: int
    seconds: float
    cpu_seconds: float
    rollout_seconds: float | None
    learning_seconds: float | None


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest over rounds, and the rounds themselves."""

    median: float
    low: float
    high: float
    rounds: tuple[float, ...]

    @staticmethod
    def of(values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        middle = statistics.median(values)
        return Spread(middle, min(values), max(values), tuple(values))


@dataclass(frozen=True)
class Summary:
    """What the timings of one arm say.

    Attributes:
        speed: units per second.
        rollout, learning: seconds of one update, where the arm tells them apart.
        ratio: speed in units of its baseline's in the same round, if it has one.
        share: speed as a share of the limit's in the same round, if there is one.
    """

    speed: Spread
    rollout: Spread | None
    learning: Spread | None
    ratio: Spread | None
    share: Spread | None


def measure(
    arms: Sequence[Arm], rounds: int, updates: int, warm_up: int, device: torch.device
) -> Iterator[Timing]:
    """Warm every arm up, then time each once per round; yields as it goes.

    Args:
        rounds: how often each arm is timed.
        updates: updates in each timing.
        warm_up: updates of each arm before the first round.
        device: waited for around each timing.
    """
    if warm_up:
        for position, arm in enumerate(arms):
            yield _time(arm, WARM_UP, position, warm_up, device)
    for number in range(1, rounds + 1):
        for position, i in enumerate(order(len(arms), number)):
            yield _time(arms[i], number, position, updates, device)


def order(num_arms: int, number: int) -> list[int]:
    """Which arm comes when in a round: rotated, and reversed in every second one."""
    shift = (number - 1) % max(1, num_arms)
    turned = [*range(shift, num_arms), *range(shift)]
    return turned if number % 2 else turned[::-1]


def wait_for(device: torch.device) -> None:
    """Until all work queued on a GPU is done; a CPU never lags behind."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _time(
    arm: Arm, number: int, position: int, updates: int, device: torch.device
) -> Timing:
    gc.collect()
    wait_for(device)
    begin, worked = time.perf_counter(), time.process_time()
    splits = [arm.update() for _ in range(updates)]
    wait_for(device)
    seconds = time.perf_counter() - begin
    cpu_seconds = time.process_time() - worked
    known = [x for x in splits if x is not None]
    return Timing(
        number,
        position,
        arm.name,
        updates,
        updates * arm.units,
        seconds,
        cpu_seconds,
        sum(x.rollout for x in known) if known else None,
        sum(x.learning for x in known) if known else None,
    )


def by_cpu_time(timings: Sequence[Timing]) -> list[Timing]:
    """The same, with CPU seconds in place of those that went by."""
    return [replace(x, seconds=x.cpu_seconds) for x in timings]


def speeds(timings: Sequence[Timing], arm: str) -> list[float]:
    """Units per second of an arm, round by round."""
    return [x.units / x.seconds for x in _rounds(timings, arm)]


def update_seconds(timings: Sequence[Timing], arm: str) -> list[float]:
    """Seconds of one update of an arm, round by round."""
    return [x.seconds / x.updates for x in _rounds(timings, arm)]


def ratio(upper: Sequence[float], lower: Sequence[float]) -> Spread | None:
    """Spread of the quotients round by round; None where either was not measured."""
    if not upper or not lower:
        return None
    return Spread.of([a / b for a, b in zip(upper, lower, strict=True)])


def summarise(
    timings: Sequence[Timing], baselines: Mapping[str, str], limit: str | None
) -> dict[str, Summary]:
    """Speeds and ratios of all arms that were measured, in order of appearance.

    Args:
        baselines: from an arm to the one it is compared with.
        limit: the arm of which all others reach a share.
    """
    result = {}
    for arm in dict.fromkeys(x.arm for x in timings):
        mine = speeds(timings, arm)
        if not mine:
            continue
        halves = [
            (x.rollout_seconds / x.updates, x.learning_seconds / x.updates)
            for x in _rounds(timings, arm)
            if x.rollout_seconds is not None and x.learning_seconds is not None
        ]
        against = speeds(timings, baselines[arm]) if arm in baselines else []
        most = speeds(timings, limit) if limit is not None else []
        result[arm] = Summary(
            speed=Spread.of(mine),
            rollout=Spread.of([x[0] for x in halves]) if halves else None,
            learning=Spread.of([x[1] for x in halves]) if halves else None,
            ratio=ratio(mine, against),
            share=ratio(mine, most),
        )
    return result


def seconds_left(
    timings: Sequence[Timing], num_arms: int, rounds: int, updates: int
) -> float | None:
    """From the latest timing of each arm; None until each has one."""
    latest = {x.arm: x.seconds / x.updates for x in timings}
    if len(latest) < num_arms:
        return None
    left = 0.0
    for arm, seconds in latest.items():
        left += seconds * updates * (rounds - len(_rounds(timings, arm)))
    return left


def _rounds(timings: Sequence[Timing], arm: str) -> list[Timing]:
    """Timings of an arm, without the warm-up, by round."""
    mine = [x for x in timings if x.arm == arm and x.round != WARM_UP]
    return sorted(mine, key=lambda x: x.round)
