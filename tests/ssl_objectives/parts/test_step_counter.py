"""Counting gradient steps, and random numbers that belong to a step."""

import pytest
import torch
from torch import nn

from ssl_objectives.parts.step_counter import StepCounter

CPU = torch.device("cpu")


def numbers(counter: StepCounter, stream: int = 0) -> list[float]:
    drawn: list[float] = torch.rand(
        5, generator=counter.generator(CPU, stream)
    ).tolist()
    return drawn


def test_a_step_has_the_same_numbers_every_time() -> None:
    counter = StepCounter()
    assert numbers(counter) == numbers(counter)
    assert numbers(counter) == numbers(StepCounter())


def test_steps_streams_and_seeds_have_numbers_of_their_own() -> None:
    seen = []
    for seed in range(3):
        counter = StepCounter(seed)
        for _ in range(3):
            seen += [numbers(counter, stream) for stream in range(3)]
            counter.advance()
    assert len({tuple(x) for x in seen}) == 27


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(3)
    want = torch.rand(1)
    torch.manual_seed(3)
    numbers(StepCounter())
    assert torch.equal(torch.rand(1), want)


def test_progress_rises_to_one_and_stays() -> None:
    counter, seen = StepCounter(), []
    for _ in range(6):
        seen.append(counter.progress(4))
        counter.advance()
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize("steps", [0, -1])
def test_progress_of_no_steps_is_complete(steps: int) -> None:
    assert StepCounter().progress(steps) == 1.0


def test_the_count_is_part_of_the_state() -> None:
    one, two = StepCounter(), StepCounter()
    for _ in range(3):
        one.advance()
    outer = nn.ModuleDict({"counter": two})
    state = nn.ModuleDict({"counter": one}).state_dict()
    outer.load_state_dict(state)
    assert two.steps == 3
    assert numbers(two) == numbers(one)
    assert not list(outer.parameters())
