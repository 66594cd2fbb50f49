"""The feed-forward core: a ReLU of the latent, and layers behind it."""

import pytest
import torch

from world_models.cores.frame_stack import FrameStackConfig


def test_without_layers_it_is_the_latents_relu() -> None:
    core = FrameStackConfig(1).build(6, 3)
    latent, nothing = torch.randn(4, 2, 6), torch.zeros(2, 0)
    belief, memory = core(latent, torch.zeros(4, 2, 3), torch.zeros(4, 2) > 0, nothing)
    assert torch.equal(belief, latent.clamp(min=0))
    assert memory is nothing
    assert (core.size, list(core.parameters())) == (6, [])


def test_layers_stand_between_latent_and_belief() -> None:
    torch.manual_seed(0)
    core = FrameStackConfig(1, (5, 7)).build(6, 3)
    latent = torch.randn(4, 2, 6)
    belief, _ = core(
        latent, torch.zeros(4, 2, 3), torch.zeros(4, 2) > 0, torch.zeros(2, 0)
    )
    first, second = (core.layers[i] for i in (0, 2))
    expected = latent.relu()
    for x in (first, second):
        expected = (expected @ x.weight.T + x.bias).relu()  # type: ignore[operator]
    assert torch.allclose(belief, expected, atol=1e-6)
    assert core.size == belief.shape[-1] == 7
    belief.sum().backward()
    assert all(x.grad is not None for x in core.parameters())


def test_sizes_are_counts() -> None:
    with pytest.raises(ValueError, match="hidden must be at least 1"):
        FrameStackConfig(1, (0,))
