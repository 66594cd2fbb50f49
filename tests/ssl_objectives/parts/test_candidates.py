"""Queues and banks against lists that are kept by hand."""

import copy

import pytest
import torch
from torch import Tensor

from ssl_objectives.objective import Views
from ssl_objectives.parts.candidates import Bank, BothViews, Queue


def seen(
    generator: torch.Generator,
    num: int,
    row: Tensor | None = None,
    valid: Tensor | None = None,
    views: int = 2,
    size: int = 3,
) -> Views:
    made = tuple(torch.randn(num, size, generator=generator) for _ in range(views))
    pairs = tuple((i, j) for i in range(views) for j in range(views) if i != j)
    return Views(made, made, made, pairs or ((0, 0),), valid, row)


def unit(x: Tensor) -> Tensor:
    return x / x.square().sum(-1, keepdim=True).sqrt()


def target(views: Views, index: int) -> Tensor:
    found = views.t[index]
    assert found is not None
    return found


def test_of_both_views_it_is_targets_that_are_told_apart(
    generator: torch.Generator,
) -> None:
    """Predictions only where the own view has no target; never the row itself."""
    p, t = (
        tuple(torch.randn(4, 3, generator=generator) for _ in range(2))
        for _ in range(2)
    )
    for targets, own in ((t, t[0]), ((None, t[1]), p[0])):
        found = BothViews()(Views(p, p, targets, ((0, 1),)), 0, 1)
        assert torch.equal(found.key, torch.cat([t[1], own]))
        for n in range(4):
            assert found.positive[n].tolist() == [m == n for m in range(8)]
            assert found.keep[n].tolist() == [m != 4 + n for m in range(8)]


def test_after_one_step_the_queue_begins_with_the_keys(
    generator: torch.Generator,
) -> None:
    queue = Queue(8, 3)
    first = queue.rows.clone()
    torch.testing.assert_close(first.norm(dim=-1), torch.ones(8))
    views = seen(generator, 5)
    queue.observe(views)
    assert torch.equal(queue.rows[:5], target(views, 0))
    assert torch.equal(queue.rows[5:], first[5:])


@pytest.mark.parametrize("num", [1, 3, 4, 7, 8, 9, 20])
def test_a_queue_is_a_list_from_which_the_oldest_fall(
    num: int, generator: torch.Generator
) -> None:
    """The last 8 keys are there, however many come at once."""
    queue, keys = Queue(8, 3), []
    for _ in range(6):
        views = seen(generator, num)
        queue.observe(views)
        keys += [tuple(x) for x in target(views, 0).tolist()]
    there = {tuple(x) for x in queue.rows.tolist()}
    assert set(keys[-8:]) <= there
    assert len(there) == 8
    assert len(keys) < 8 or there == set(keys[-8:])


def test_rows_of_a_queue_that_are_not_valid_keep_what_was_there(
    generator: torch.Generator,
) -> None:
    queue = Queue(8, 3)
    first = queue.rows.clone()
    valid = torch.tensor([True, False, True])
    views = seen(generator, 3, valid=valid)
    queue.observe(views)
    torch.testing.assert_close(queue.rows[[0, 2]], target(views, 0)[valid])
    assert torch.equal(queue.rows[1], first[1])
    queue.observe(seen(generator, 3))
    assert torch.equal(queue.rows[6:], first[6:])


def test_a_row_sees_its_own_target_and_the_queue(generator: torch.Generator) -> None:
    queue = Queue(6, 3)
    views = seen(generator, 4)
    found = queue(views, 0, 1)
    assert torch.equal(found.key[:4], target(views, 1))
    assert torch.equal(found.key[4:], queue.rows)
    for n in range(4):
        positive = [m == n for m in range(10)]
        keep = [m == n or m >= 4 for m in range(10)]
        assert found.positive[n].tolist() == positive
        assert found.keep[n].tolist() == keep


def test_a_world_models_groups_share_a_queue(generator: torch.Generator) -> None:
    queue = Queue(20, 3)
    prediction, aim = torch.randn(2, 2, 5, 4, 3, generator=generator)
    views = Views((None, None), (prediction, None), (None, aim), ((0, 1),))
    found = queue(views, 0, 1)
    assert found.key.shape == (2, 5, 24, 3)
    assert found.keep.shape == (2, 5, 4, 24)
    assert torch.equal(found.key[1, 2, 4:], queue.rows)
    queue.observe(views)
    assert torch.equal(queue.rows, aim.flatten(0, 2)[-20:])


def test_a_queue_keeps_no_history(generator: torch.Generator) -> None:
    queue = Queue(6, 3)
    rows = torch.randn(4, 3, generator=generator, requires_grad=True)
    queue.observe(Views((rows,), (rows,), (rows * 2,), ((0, 0),)))
    assert not queue.rows.requires_grad
    assert queue.rows.grad_fn is None


def test_a_saved_queue_goes_on_where_it_was(generator: torch.Generator) -> None:
    queue, twin = Queue(7, 3), Queue(7, 3, seed=9)
    queue.observe(seen(generator, 5))
    twin.load_state_dict(copy.deepcopy(queue.state_dict()))
    views = seen(generator, 4)
    for x in (queue, twin):
        x.observe(views)
    assert torch.equal(queue.rows, twin.rows)
    assert torch.equal(queue.rows[5:], target(views, 0)[:2])


def test_a_bank_moves_the_rows_it_sees_and_no_others(
    generator: torch.Generator,
) -> None:
    bank = Bank(9, 3, momentum=0.7)
    before = bank.rows.clone()
    torch.testing.assert_close(before.norm(dim=-1), torch.ones(1, 9))
    ids, valid = torch.tensor([4, 0, 7, 8]), torch.tensor([True, True, False, True])
    views = seen(generator, 4, ids, valid)
    bank.observe(views)
    for i in range(9):
        want = before[0, i]
        if i in (4, 0, 8):
            new = target(views, 0)[ids.tolist().index(i)]
            want = unit(0.7 * before[0, i] + 0.3 * unit(new))
        torch.testing.assert_close(bank.rows[0, i], want)


def test_a_padded_row_does_not_undo_what_a_real_one_with_its_id_did(
    generator: torch.Generator,
) -> None:
    """Padding often has id 0."""
    bank = Bank(5, 3, momentum=0.0)
    views = seen(
        generator, 3, torch.tensor([0, 2, 0]), torch.tensor([True, True, False])
    )
    bank.observe(views)
    torch.testing.assert_close(bank.rows[0, 0], unit(target(views, 0)[0]))


def test_a_bank_of_each_view_learns_from_its_own(generator: torch.Generator) -> None:
    bank = Bank(6, 3, momentum=0.0, num_views=2)
    ids = torch.tensor([5, 1, 2])
    views = seen(generator, 3, ids)
    bank.observe(views)
    for v in range(2):
        torch.testing.assert_close(bank.rows[v, ids], unit(target(views, v)))
        found = bank(views, 1 - v, v)
        assert torch.equal(found.key, bank.rows[v])


def test_candidates_of_a_whole_bank_are_all_rows(generator: torch.Generator) -> None:
    bank = Bank(6, 3)
    views = seen(generator, 2, torch.tensor([5, 1]))
    found = bank(views, 0, 1)
    assert torch.equal(found.key, bank.rows[0])
    assert found.row is not None
    assert found.row.tolist() == list(range(6))
    assert found.keep.all()
    assert found.positive.nonzero().tolist() == [[0, 5], [1, 1]]


def test_rows_that_are_drawn_are_never_ones_own(generator: torch.Generator) -> None:
    bank = Bank(5, 3, sample=40)
    ids = torch.tensor([3, 0])
    views = seen(generator, 2, ids)
    found = bank(views, 0, 1)
    assert found.row is not None
    assert set(found.row[2:].tolist()) == set(range(5)), "40 draws of 5 find them all"
    assert torch.equal(found.key, bank.rows[0][found.row])
    for n in range(2):
        own = [m for m in range(42) if found.positive[n, m]]
        assert own == [n]
        for m in range(42):
            drawn = m >= 2 and found.row[m] != ids[n]
            assert found.keep[n, m] == (m == n or drawn)


def test_a_bank_draws_anew_after_each_step(generator: torch.Generator) -> None:
    bank, device = Bank(50, 3, sample=8), torch.device("cpu")
    first = bank.drawn(device)
    assert torch.equal(first, bank.drawn(device))
    bank.observe(seen(generator, 2, torch.tensor([3, 0])))
    second = bank.drawn(device)
    assert not torch.equal(first, second)
    twin = Bank(50, 3, sample=8)
    twin.load_state_dict(bank.state_dict())
    assert torch.equal(second, twin.drawn(device))


def test_rows_can_be_put_into_a_bank(generator: torch.Generator) -> None:
    bank = Bank(6, 3, num_views=2)
    before, rows = bank.rows.clone(), torch.randn(2, 3, generator=generator)
    bank.put(torch.tensor([4, 1]), rows, 1)
    torch.testing.assert_close(bank.rows[1, [4, 1]], unit(rows))
    assert torch.equal(bank.rows[0], before[0])
    assert torch.equal(bank.rows[1, [0, 2, 3, 5]], before[1, [0, 2, 3, 5]])


def test_ids_of_rows_that_are_not_valid_are_not_looked_at(
    generator: torch.Generator,
) -> None:
    ids, valid = torch.tensor([2, -7, 10**9]), torch.tensor([True, False, False])
    views = seen(generator, 3, ids, valid)
    for bank in (Bank(5, 3), Bank(5, 3, sample=4)):
        assert bank(views, 0, 1).positive.any(-1).all()
        bank.observe(views)


def test_what_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="Sizes"):
        Bank(0, 3)
    with pytest.raises(ValueError, match="number of candidates drawn"):
        Bank(5, 3, sample=0)
    with pytest.raises(ValueError, match="momentum"):
        Bank(5, 3, momentum=1.0)
    with pytest.raises(ValueError, match="queue's length"):
        Queue(0, 3)
