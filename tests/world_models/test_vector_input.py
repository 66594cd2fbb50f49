"""Vector observations: normalised by what was followed, embedded, bounded."""

import pytest
import torch

from world_models.vector_input import VectorInput, numbers_read

V, E = 3, 5


def test_it_is_the_written_out_one(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    read = VectorInput(V, E)
    seen = 40 * torch.randn(6, 4, V, generator=generator) + 7
    read.follow(seen)
    flat = seen.flatten(0, 1)
    vector = 300 * torch.randn(11, V, generator=generator)
    got = read(vector)
    mean, std = flat.mean(0), flat.std(0, correction=0)
    normal = ((vector - mean) / std).clamp(-5, 5)
    assert (normal.abs() == 5).any()
    assert (normal.abs() < 5).any()
    torch.testing.assert_close(got, torch.tanh(read.linear(normal)))
    assert got.shape == (11, E)


def test_before_anything_was_followed_it_reads_numbers_as_they_are(
    generator: torch.Generator,
) -> None:
    read = VectorInput(V, E)
    vector = torch.randn(2, 3, V, generator=generator)
    torch.testing.assert_close(read(vector), torch.tanh(read.linear(vector)))


def test_a_number_that_never_changes_tells_nothing_and_stays_finite() -> None:
    read = VectorInput(V, E)
    read.follow(torch.full((6, 4, V), 0.25))
    got = read(torch.full((1, V), 0.25))
    torch.testing.assert_close(got[0], torch.tanh(read.linear.bias))
    assert read(torch.full((1, V), 1e30)).isfinite().all()


def test_reading_writes_nothing_and_moments_are_saved(
    generator: torch.Generator,
) -> None:
    read, twin = VectorInput(V, E), VectorInput(V, E)
    rows = torch.randn(5, 2, V, generator=generator) + 9
    read.follow(rows)
    before = {k: x.clone() for k, x in read.state_dict().items()}
    read(rows)
    assert all(torch.equal(x, before[k]) for k, x in read.state_dict().items())
    twin.load_state_dict(read.state_dict())
    assert torch.equal(twin(rows), read(rows))


def test_it_says_that_there_is_none() -> None:
    with pytest.raises(ValueError, match="give the one observed"):
        VectorInput(V)(None)


def test_only_the_first_numbers_are_read(generator: torch.Generator) -> None:
    read, alone = VectorInput(V, E), VectorInput(V, E)
    alone.load_state_dict(read.state_dict())
    seen = torch.randn(6, 4, V + 2, generator=generator)
    read.follow(seen)
    alone.follow(seen[..., :V])
    assert torch.equal(read(seen), alone(seen[..., :V]))


def test_numbers_that_are_not_there_are_refused() -> None:
    assert [numbers_read(x, 5) for x in (None, 0, 5)] == [5, 0, 5]
    for asked in (-1, 6):
        with pytest.raises(ValueError, match="between 0 and 5"):
            numbers_read(asked, 5)
