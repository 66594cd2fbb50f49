"""Batches with distinct labels."""

import itertools

import pytest
import torch

from ssl_objectives.images.orders import DistinctLabels

LABELS = torch.tensor([5] * 9 + [-1] * 3 + [7] * 4 + [100] * 6 + [8])


def epoch(sampler: DistinctLabels, number: int) -> list[list[int]]:
    first = number * sampler.batches
    steps = range(first, first + sampler.batches)
    return [sampler.rows(step).tolist() for step in steps]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5])
def test_batches_are_distinct_and_an_epoch_is_all_but_the_leftover(
    batch_size: int,
) -> None:
    sampler = DistinctLabels(LABELS, batch_size)
    for number in range(3):
        batches = epoch(sampler, number)
        for batch in batches:
            assert len(batch) == batch_size
            assert len({int(LABELS[row]) for row in batch}) == batch_size
        seen = list(itertools.chain(*batches))
        assert len(set(seen)) == len(seen) == len(LABELS) - sampler.leftover


def greedy(counts: list[int], batch_size: int) -> int:
    """Take the labels with the most rows left, as long as there are enough."""
    left, batches = sorted(counts, reverse=True), 0
    while len([x for x in left if x]) >= batch_size:
        left = sorted((x - (i < batch_size) for i, x in enumerate(left)), reverse=True)
        batches += 1
    return batches


def test_no_more_batches_are_possible(generator: torch.Generator) -> None:
    for _ in range(40):
        num = int(torch.randint(1, 7, (), generator=generator))
        counts = torch.randint(1, 12, (num,), generator=generator)
        labels = torch.arange(num).repeat_interleave(counts)
        for batch_size in range(1, num + 1):
            want = greedy(counts.tolist(), batch_size)
            assert DistinctLabels(labels, batch_size).batches == want


def test_epochs_differ_and_steps_are_found_at_random() -> None:
    sampler = DistinctLabels(LABELS, 3, seed=4)
    one, two = epoch(sampler, 0), epoch(sampler, 1)
    assert one != two
    assert {tuple(sorted(x)) for x in one} != {tuple(sorted(x)) for x in two}
    again = DistinctLabels(LABELS, 3, seed=4)
    assert again.rows(sampler.batches + 1).tolist() == two[1]
    assert again.rows(1).tolist() == one[1]
    assert epoch(DistinctLabels(LABELS, 3, seed=5), 0) != one


def test_every_row_has_its_turn() -> None:
    sampler = DistinctLabels(LABELS, 4)
    assert sampler.leftover > 0
    seen = {row for number in range(30) for x in epoch(sampler, number) for row in x}
    assert seen == set(range(len(LABELS)))


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="5 different labels"):
        DistinctLabels(LABELS, 6)
    with pytest.raises(ValueError, match="at least one"):
        DistinctLabels(LABELS, 0)
