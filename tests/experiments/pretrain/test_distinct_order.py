import pytest
import torch
from torch import Tensor

from experiments.pretrain.distinct_order import DistinctConfig
from ssl_objectives.images.orders import Shuffled, ShuffledConfig, own_share
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.refusal import ConfigError


def source(images: Tensor) -> ArrayImages:
    return ArrayImages(images)


def blobs(num_kinds: int, each: int) -> Tensor:
    """Images of a few kinds, those of a kind all but equal."""
    generator = torch.Generator().manual_seed(0)
    kinds = torch.randint(256, (num_kinds, 1, 6, 5), generator=generator)
    noise = torch.randint(4, (num_kinds * each, 1, 6, 5), generator=generator)
    return (kinds.repeat(each, 1, 1, 1) + noise).clamp(max=255).byte()


def test_an_epoch_has_every_row_at_most_once_and_whole_batches_only() -> None:
    order = Shuffled(num_rows=23, batch_size=5, seed=1)
    first = torch.cat([order.rows(x) for x in range(4)])
    second = torch.cat([order.rows(x) for x in range(4, 8)])
    assert len(first.unique()) == len(second.unique()) == 20
    assert int(first.min()) >= 0
    assert int(first.max()) < 23
    assert not torch.equal(first, second)


def test_what_an_epoch_leaves_out_changes() -> None:
    order = Shuffled(num_rows=23, batch_size=5, seed=1)
    seen = torch.cat([order.rows(x) for x in range(40)])
    assert len(seen.unique()) == 23


def test_a_step_says_it_all() -> None:
    one, two = Shuffled(50, 7, 3), Shuffled(50, 7, 3)
    for step in (0, 30, 6, 7):
        assert torch.equal(one.rows(step), two.rows(step))
    assert not torch.equal(one.rows(0), Shuffled(50, 7, 4).rows(0))
    assert not torch.equal(one.rows(0), one.rows(7))


def test_shares_put_together_are_the_batch() -> None:
    batch = Shuffled(50, 12, 0).rows(2)
    parts = [own_share(batch, x, 3) for x in range(3)]
    assert torch.equal(torch.cat(parts), batch)
    assert torch.equal(own_share(batch, 0, 1), batch)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ConfigError, match="--batch-size 9 is more than the 8 images"):
        ShuffledConfig().build(source(blobs(4, 2)), 9, 0)


def test_distinct_order_never_mixes_a_cluster() -> None:
    kinds, each = 12, 6
    images = source(blobs(kinds, each))
    order = DistinctConfig(clusters=kinds).build(images, 5, 0)
    for step in range(30):
        kind = order.rows(step) % kinds
        assert len(kind.unique()) == 5
    again = DistinctConfig(clusters=kinds).build(images, 5, 0)
    assert torch.equal(order.rows(17), again.rows(17))


def test_distinct_order_takes_any_large_images() -> None:
    images = source(blobs(9, 3).repeat_interleave(5, 2).repeat_interleave(4, 3))
    order = DistinctConfig(clusters=9).build(images, 4, 0)
    assert len((order.rows(0) % 9).unique()) == 4


@pytest.mark.parametrize("clusters", [4, 73])
def test_impossible_clusters_are_refused(clusters: int) -> None:
    with pytest.raises(ConfigError, match="must be at least the batch size"):
        DistinctConfig(clusters).build(source(blobs(12, 6)), 5, 0)
