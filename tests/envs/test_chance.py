"""Numbers by key: a row's own affair, and as random as a stream's."""

import pytest
import torch

from envs.chance import Keyed, Stream, mixed

KEYS = mixed(3, torch.arange(50))


def test_a_row_draws_the_same_whatever_lies_beside_it() -> None:
    all_of_them, some = Keyed(KEYS), Keyed(KEYS[10:13])
    for shape in ((), (4,), (2, 3)):
        drawn = all_of_them.uniform(50, *shape)
        assert torch.equal(some.uniform(3, *shape), drawn[10:13])
    parts = all_of_them.each(2).uniform(100, 5).view(50, 2, 5)
    assert torch.equal(some.each(2).uniform(6, 5).view(3, 2, 5), parts[10:13])


def test_rows_calls_and_parts_differ() -> None:
    chance = Keyed(KEYS)
    drawn = [chance.uniform(50, 8) for _ in range(3)]
    drawn += list(chance.each(2).uniform(100, 8).view(50, 2, 8).unbind(1))
    drawn += [
        chance.each(1).uniform(50, 8),
        Keyed(mixed(4, torch.arange(50))).uniform(50, 8),
    ]
    numbers = torch.cat(drawn).flatten()
    # 24 bits: among 2,800 numbers a quarter of a pair is equal by chance.
    assert len(numbers.unique()) >= len(numbers) - 3


def test_numbers_are_uniform_and_unrelated() -> None:
    drawn = Keyed(mixed(0, torch.arange(400))).uniform(400, 500)
    assert 0 <= drawn.min() < 1e-4
    assert 1 - 1e-4 < drawn.max() < 1
    counts = torch.histc(drawn, 64, 0, 1)
    expected = drawn.numel() / 64
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert 25 < chi_square < 120  # 63 degrees of freedom: beyond 1 in 10,000 either way
    normal = (drawn - drawn.mean()) / drawn.std()
    bound = 4.5 / drawn.numel() ** 0.5
    for lag in (1, 2, 7):
        assert (normal[:, lag:] * normal[:, :-lag]).mean().abs() < bound
        assert (normal[lag:] * normal[:-lag]).mean().abs() < bound


def test_a_bit_of_the_key_changes_half_of_the_bits() -> None:
    for bit in range(0, 64, 7):
        other = KEYS ^ (1 << bit if bit < 63 else -(2**63))
        changed = mixed(KEYS) ^ mixed(other)
        ones = sum(f"{x & (2**64 - 1):b}".count("1") for x in changed.tolist())
        assert 0.45 < ones / (64 * len(KEYS)) < 0.55


def test_order_matters_in_a_key() -> None:
    one = torch.tensor([1])
    assert mixed(one, 2) != mixed(2, one)
    assert mixed(one, 0) != mixed(one)


def test_a_stream_is_the_generators() -> None:
    stream = Stream(torch.Generator().manual_seed(5))
    twin = torch.Generator().manual_seed(5)
    assert torch.equal(stream.each(3).uniform(4, 2), torch.rand(4, 2, generator=twin))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="50 rows draw numbers"):
        Keyed(KEYS).uniform(49, 2)
    with pytest.raises(TypeError, match="must be a tensor"):
        mixed(1, 2)
