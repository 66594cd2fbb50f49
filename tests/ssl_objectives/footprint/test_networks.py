import pytest
import torch
from torch import nn

from ssl_objectives.footprint.networks import training_bytes, without_memory


def test_bytes_of_modules() -> None:
    module = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5))
    buffers = 5 * 4 + 5 * 4 + 8
    assert training_bytes(module) == (15 + 5 + 5 + 5) * 4 * 4 + buffers
    module[0].requires_grad_(False)
    assert training_bytes(module) == (15 + 5) * 4 + (5 + 5) * 4 * 4 + buffers
    with torch.device("meta"):
        assert training_bytes(nn.Linear(10**6, 10**4, bias=False)) == 16 * 10**10


def test_what_looks_at_its_values_is_built_for_real_and_draws_nothing() -> None:
    state = torch.get_rng_state()
    huge = without_memory(lambda: nn.Linear(10**6, 10**6))
    assert huge.weight.is_meta

    def looking() -> nn.Linear:
        layer = nn.Linear(3, 5)
        assert bool(layer.weight.isfinite().all())
        return layer

    assert not without_memory(looking).weight.is_meta
    assert torch.equal(torch.get_rng_state(), state)

    def wrong() -> nn.Linear:
        raise ValueError("no such layer")

    with pytest.raises(ValueError, match="no such layer"):
        without_memory(wrong)
