"""How an embedding learns: what decays, and whose draws they are."""

import copy
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from agents.rewards.temporal.learning import EmbeddingConfig
from agents.rewards.temporal.temporal_loss import Embed, TemporalLoss, below

FEATURES = [
    torch.randn(x, 3, generator=torch.Generator().manual_seed(x)) for x in (5, 8)
]


class Drawn(TemporalLoss):
    """So many times the size of embeddings of frames that are drawn."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def check(self, lengths: Sequence[int]) -> None:
        assert lengths == [5, 8]

    def __call__(
        self, embed: Embed, lengths: Tensor, batch: int, generator: Generator
    ) -> Tensor:
        demo = below(lengths.new_full((batch,), len(lengths)), generator)
        seen = embed(demo, below(lengths[demo], generator))
        return self.weight * seen.square().mean()


def test_without_a_slope_weights_decay_at_their_share_of_the_rate() -> None:
    config = EmbeddingConfig(2, 4, steps=3, learning_rate=0.1, decay=0.5)
    network = config.build(3)
    before = copy.deepcopy(network)
    config.fit(network, FEATURES, Drawn(0.0), seed=0)
    for now, was in zip(network.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(now, was.detach() * (1 - 0.1 * 0.5) ** 3)
        assert not now.requires_grad


def test_what_is_drawn_is_the_seeds() -> None:
    """Whatever the global generator is at, which stays as it is."""
    config = EmbeddingConfig(2, 4, steps=2, batch=3)
    first = config.build(3)

    def learned(seed: int) -> Tensor:
        network = copy.deepcopy(first)
        config.fit(network, FEATURES, Drawn(1.0), seed)
        return torch.cat([x.flatten() for x in network.parameters()])

    one, state = learned(3), torch.get_rng_state()
    torch.rand(1)
    assert torch.equal(learned(3), one)
    assert not torch.equal(learned(4), one)
    torch.set_rng_state(state)
    learned(3)
    assert torch.equal(torch.get_rng_state(), state)
