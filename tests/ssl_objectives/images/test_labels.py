"""A few labels out of many: balanced, nested, and said in several ways."""

import pytest
import torch

from ssl_objectives.images.labels import label_subset, num_labels
from ssl_objectives.refusal import ConfigError

# classes of 50, 30, 4 and 16 rows, mixed, and 20 rows that nobody knows
COUNTS = (50, 30, 4, 16)
LABELS = torch.cat(
    [torch.full((n,), c) for c, n in enumerate(COUNTS)] + [torch.full((20,), -1)]
)[torch.randperm(120, generator=torch.Generator().manual_seed(0))]


def counts(labels: torch.Tensor) -> list[int]:
    return labels[labels >= 0].bincount(minlength=len(COUNTS)).tolist()


def test_classes_get_equal_numbers_as_far_as_they_have_them() -> None:
    assert counts(label_subset(LABELS, 12)) == [3, 3, 3, 3]
    assert counts(label_subset(LABELS, 40)) == [12, 12, 4, 12]
    uneven = counts(label_subset(LABELS, 14))
    assert sorted(uneven) == [3, 3, 4, 4]
    assert counts(label_subset(LABELS, "100%")) == list(COUNTS)


def test_labels_that_are_kept_are_those_that_were_there() -> None:
    kept = label_subset(LABELS, "20%", seed=3)
    assert torch.equal(kept[kept >= 0], LABELS[kept >= 0])
    assert kept.dtype == torch.int64
    assert int((kept >= 0).sum()) == 20
    assert (kept[LABELS < 0] == -1).all()


def test_every_class_has_one_however_few_were_asked_for() -> None:
    assert counts(label_subset(LABELS, "1%")) == [1, 1, 1, 1]
    assert counts(label_subset(LABELS, 2)) == [1, 1, 1, 1]


def test_fewer_are_a_part_of_more_and_seeds_differ() -> None:
    few, many = (label_subset(LABELS, x, seed=5) >= 0 for x in (8, 31))
    assert (many | ~few).all()
    assert torch.equal(few, label_subset(LABELS, 8, seed=5) >= 0)
    assert not torch.equal(few, label_subset(LABELS, 8, seed=6) >= 0)


def test_class_numbers_may_have_gaps() -> None:
    kept = label_subset(torch.tensor([7, 7, 3, -1, 3, 7]), 4)
    assert (kept == 7).sum() == 2
    assert (kept == 3).sum() == 2


@pytest.mark.parametrize(
    ("amount", "wanted"),
    [
        ("1%", 20),
        ("0.01", 20),
        (0.01, 20),
        ("500", 500),
        (500, 500),
        ("1", 1),
        ("1.0", 2_000),
        ("100%", 2_000),
        (" 0.5% ", 10),
        ("0.0001", 1),
        (1e-5, 1),
    ],
)
def test_amounts(amount: str | float, wanted: int) -> None:
    assert num_labels(amount, 2_000) == wanted


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("0", "from 1 up"),
        ("2001", "2,001 were asked for, and there are 2,000"),
        ("120%", "at most 100%"),
        ("0%", "above 0"),
        ("nan", "no share"),
        ("-5", "no share"),
        ("a few", "no amount.*1%.*500"),
    ],
)
def test_what_is_no_amount(amount: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        num_labels(amount, 2_000)


def test_without_labels_there_is_nothing_to_choose() -> None:
    with pytest.raises(ConfigError, match="no labels"):
        label_subset(torch.full((5,), -1), "10%")
