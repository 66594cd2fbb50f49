"""Who shares a cluster or a class."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.objective import Views
from ssl_objectives.parts.assignment import PropagatedLabel, SameCluster, collected
from ssl_objectives.parts.candidates import Candidates, row_ids


def views(
    row: list[int], valid: list[bool] | None = None, label: list[int] | None = None
) -> Views:
    x = torch.zeros(len(row), 3)
    return Views(
        z=(x,),
        p=(x,),
        t=(x,),
        pairs=((0, 0),),
        valid=None if valid is None else torch.tensor(valid),
        row=torch.tensor(row),
        extra={} if label is None else {"label": torch.tensor(label)},
    )


def candidates(
    row: list[int], key: list[int], keep: Tensor | None = None
) -> Candidates:
    own = torch.tensor(row).unsqueeze(-1) == torch.tensor(key)
    keep = torch.ones_like(own) if keep is None else keep | own
    return Candidates(torch.zeros(len(key), 3), own, keep, torch.tensor(key))


def positives(found: Candidates) -> list[list[int]]:
    """Places of the candidates that are right, for each query."""
    return [x.nonzero().flatten().tolist() for x in found.positive]


NO_LOGITS = torch.zeros(2, 5)


def test_rows_begin_alone_and_join_in_any_clustering() -> None:
    choose = SameCluster(6, (2, 3))
    row, key = [2, 4], [4, 0, -1, 2, 3]
    found = choose(NO_LOGITS, candidates(row, key), views(row))
    assert positives(found) == [[3], [0]]
    choose.labels[0] = torch.tensor([9, 8, 9, 7, 6, 5])  # 0 and 2
    choose.labels[1] = torch.tensor([1, 2, 3, 4, 4, 6])  # 3 and 4
    found = choose(NO_LOGITS, candidates(row, key), views(row))
    assert positives(found) == [[1, 3], [0, 4]]


def test_what_takes_no_part_cannot_become_right() -> None:
    choose = SameCluster(6, (1,))
    choose.labels.zero_()
    keep = torch.tensor([[True, False, True, False, True], [False] * 5])
    row, key = [2, 4], [4, 0, 1, 2, 3]
    given = candidates(row, key, keep)
    found = choose(NO_LOGITS, given, views(row))
    assert positives(found) == [[0, 2, 3, 4], [0]]
    assert torch.equal(found.keep, given.keep)


def test_sweeps_cluster_and_rows_left_out_are_alone(
    generator: torch.Generator,
) -> None:
    owner = torch.randperm(12, generator=generator) % 3
    data = 9 * torch.eye(3, 4)[owner] + 0.3 * torch.randn(12, 4, generator=generator)
    data *= 100 ** torch.rand(12, 1, generator=generator)  # length says nothing
    choose = SameCluster(14, (3, 20))
    ids = torch.arange(12) + 1  # 0 and 13 are never given
    choose.refresh([(ids[:5], data[:5]), (ids[5:], data[5:])])
    labels = choose.labels[0, ids]
    assert torch.equal(labels[:, None] == labels, owner[:, None] == owner)
    for r in range(2):
        for alone in (0, 13):
            assert (choose.labels[r] == choose.labels[r, alone]).sum() == 1
    assert len(choose.labels[1].unique()) == 14  # as many clusters as rows
    again = SameCluster(14, (3, 20))
    again.refresh([(ids, data)])
    assert torch.equal(again.labels, choose.labels)


def test_clusterings_of_one_size_have_seeds_of_their_own(
    generator: torch.Generator,
) -> None:
    """Else their union would be one of them."""
    choose = SameCluster(40, (5, 5))
    choose.refresh([(torch.arange(40), torch.randn(40, 3, generator=generator))])
    one, two = (x[:, None] == x for x in choose.labels)
    assert not torch.equal(one, two)


def test_labels_are_learned_by_seeing_them() -> None:
    choose = PropagatedLabel(6, 2)
    row, key = [2, 4], [4, 0, -1, 2, 3]
    seen = views([0, 2, 3, 5], [True, True, True, False], [1, -1, 0, 1])
    choose.observe(seen)
    assert choose.known.tolist() == [1, -1, -1, 0, -1, -1]
    assert choose.labels.tolist() == [7, 1, 2, 6, 4, 5]
    # a label that the batch tells counts at once
    told = views(row, label=[1, -1])
    label, confidence = choose.own(told)
    assert label.tolist() == [7, 4]
    assert confidence.tolist() == [1, 1]
    found = choose(NO_LOGITS, candidates(row, key), told)
    assert positives(found) == [[1, 3], [0]]


def test_sweeps_propagate_what_is_known_by_then() -> None:
    choose = PropagatedLabel(6, 3)
    data = torch.tensor([[3.0, 0], [0, 1], [2, 0.1], [0.1, 2], [1, 0.2]])
    ids = torch.tensor([4, 1, 0, 3, 2])
    choose.refresh([(ids, data)])
    assert choose.labels.tolist() == list(range(6))  # nothing was known
    choose.observe(views([4, 1], label=[2, 0]))
    choose.refresh([(ids[:2], data[:2]), (ids[2:], data[2:])])
    assert choose.labels.tolist() == [8, 6, 8, 6, 8, 5]
    assert choose.confidence[[1, 4, 5]].tolist() == [1, 1, 1]
    assert (choose.confidence[[0, 2, 3]] < 1).all()
    label, confidence = choose.own(views([0, 3], label=[-1, 1]))
    assert label.tolist() == [8, 7]
    assert confidence.tolist() == [choose.confidence[0], 1]
    choose.observe(views([0, 3], label=[-1, 1]))  # told now: certain from here on
    label, confidence = choose.own(views([0, 3], label=[-1, -1]))
    assert label.tolist() == [8, 7]
    assert confidence.tolist() == [choose.confidence[0], 1]


def test_rows_that_are_not_valid_have_no_id() -> None:
    assert row_ids(views([7, -3], [True, False])).tolist() == [7, 0]


def test_a_sweep_in_one_piece() -> None:
    batches = [
        (torch.tensor([3]), torch.zeros(1, 2)),
        (torch.tensor([1, 0]), torch.ones(2, 2)),
    ]
    ids, data = collected(iter(batches))
    assert ids.tolist() == [3, 1, 0]
    assert data.sum(-1).tolist() == [0, 2, 2]


def test_sizes_must_be_known() -> None:
    for clusters, num_rows in (((), 3), ((2, 0), 3), ((2,), 0)):
        with pytest.raises(ValueError, match="at least 1"):
            SameCluster(num_rows, clusters)
    for num_rows, classes in ((0, 2), (3, 0)):
        with pytest.raises(ValueError, match="propagated"):
            PropagatedLabel(num_rows, classes)
