"""A history of latents, against looking back row by row."""

import pytest
import torch
from torch import Tensor

from world_models.cores.history import HistoryConfig, HistoryCore

T, B, D = 7, 3, 2


def by_hand(latent: Tensor, first: Tensor, rows: int) -> Tensor:
    """What each belief is, of a history that begins with nothing before."""
    found = torch.zeros(T, B, rows * (D + 1))
    for t in range(T):
        for b in range(B):
            for j in range(rows):
                if t - j < 0 or first[t - j + 1 : t + 1, b].any():
                    break
                found[t, b, j * D : (j + 1) * D] = latent[t - j, b]
                found[t, b, rows * D + j] = 1.0
    return found


def given() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    first = torch.zeros(T, B, dtype=torch.bool)
    first[0] = True
    first[3, 1] = first[4, 1] = first[6, 2] = True
    return torch.randn(T, B, D, generator=generator), first


@pytest.mark.parametrize("rows", [1, 2, 4, 9])
def test_every_row_looks_back_as_far_as_its_episode_goes(rows: int) -> None:
    core = HistoryConfig(rows).build(D, 5)
    assert isinstance(core, HistoryCore)
    latent, first = given()
    nothing, action = torch.zeros(B, core.memory_size), torch.zeros(T, B, 5)
    belief, _ = core(latent, action, first, nothing)
    assert belief.shape[-1] == core.size
    assert torch.equal(belief, by_hand(latent, first, rows))


@pytest.mark.parametrize("cut", range(1, T))
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_memory_carries_it_across_any_seam(rows: int, cut: int) -> None:
    core = HistoryCore(D, rows)
    latent, first = given()
    memory, action = torch.zeros(B, core.memory_size), torch.zeros(T, B, 5)
    whole, end = core(latent, action, first, memory)
    one, memory = core(latent[:cut], action[:cut], first[:cut], memory)
    two, last = core(latent[cut:], action[cut:], first[cut:], memory)
    assert torch.equal(torch.cat([one, two]), whole)
    assert torch.equal(last, end)


def test_a_window_that_begins_inside_an_episode_has_no_past() -> None:
    core = HistoryCore(D, 3)
    latent, first = given()
    first[:] = False
    action = torch.zeros(T, B, 5)
    belief, _ = core(latent, action, first, torch.zeros(B, core.memory_size))
    flags = belief[..., 3 * D :]
    assert flags[0].tolist() == [[1, 0, 0]] * B
    assert flags[1].tolist() == [[1, 1, 0]] * B
    assert flags[2].tolist() == [[1, 1, 1]] * B


def test_it_remembers_at_least_the_newest_row() -> None:
    with pytest.raises(ValueError, match="num_rows must be at least 1, not 0"):
        HistoryConfig(0)
