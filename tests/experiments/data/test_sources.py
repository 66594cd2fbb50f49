"""Splits that no order decides, recorded frames by episode, and mixtures."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.images.mixed import MixedConfig, MixedSource
from ssl_objectives.images.source import (
    ArrayImages,
    ImagesConfig,
    ImageSource,
    ImageSubset,
    split_by_hash,
)
from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.data.format import FACTS, Column, DatasetSpec
from world_models.data.images import RecordedConfig
from world_models.data.writer import DatasetWriter

SHAPE = (3, 5, 4)


def numbered(
    count: int, begin: int = 0, labels: torch.Tensor | None = None
) -> ArrayImages:
    """Image i has the value begin + i everywhere."""
    values = torch.arange(begin, begin + count, dtype=torch.uint8)
    return ArrayImages(values.view(-1, 1, 1, 1).expand(-1, *SHAPE).clone(), labels)


def values(source: ImageSource) -> list[int]:
    images = source.read(torch.arange(source.num_rows))
    assert (images[:, ::2] == images[:, :1, :1, :1]).all()
    return images[:, 0, 0, 0].tolist()


# splits


def test_every_config_is_one() -> None:
    for config in (FolderConfig(), RecordedConfig(), FashionMnistConfig()):
        assert isinstance(config, ImagesConfig)
    assert isinstance(MixedConfig(), ImagesConfig)


def test_a_hash_decides_whatever_the_order() -> None:
    keys = [f"image {i}".encode() for i in range(4_000)]
    is_test = split_by_hash(keys, 0.2)
    assert abs(is_test.mean() - 0.2) < 0.02  # three standard errors
    order = np.random.default_rng(0).permutation(len(keys))
    again = split_by_hash([keys[i] for i in order], 0.2)
    assert (again == is_test[order]).all()
    # others that come and go move nothing
    assert (split_by_hash(keys[:1_000], 0.2) == is_test[:1_000]).all()
    # neither early nor late ones are preferred
    assert abs(is_test[:2_000].mean() - is_test[2_000:].mean()) < 0.04


def test_neither_side_is_empty_and_equal_keys_stay_together() -> None:
    for few in ([b"a", b"b"], [b"a", b"b", b"c"], [b"x", b"y", b"x", b"y"]):
        for share in (1e-6, 0.5, 1 - 1e-6):
            is_test = split_by_hash(few, share)
            assert is_test.any()
            assert not is_test.all()
            sides = {key: set[bool]() for key in few}
            for key, side in zip(few, is_test.tolist(), strict=True):
                sides[key].add(side)
            assert all(len(x) == 1 for x in sides.values())
    with pytest.raises(ValueError, match="only one thing"):
        split_by_hash([b"a", b"a"], 0.5)


def test_a_subset_numbers_its_rows_anew() -> None:
    source = numbered(9, labels=torch.arange(9) % 4)
    part = ImageSubset(source, torch.tensor([7, 2, 5]))
    assert values(part) == [7, 2, 5]
    assert part.labels is not None
    assert part.labels.tolist() == [3, 2, 1]
    assert part.read(torch.tensor([2, 0]))[:, 0, 0, 0].tolist() == [5, 7]


def test_what_is_read_is_the_readers_own() -> None:
    source = numbered(4)
    source.read(torch.tensor([1, 2])).zero_()
    assert values(source) == [0, 1, 2, 3]


# recorded frames


def recorded(
    path: Path, episodes: list[list[int]], still: bool = False, names: bool = False
) -> Path:
    """Streams of episodes of these lengths; the value of a frame is its episode's.

    The second channel says how many frames came before it in the episode.
    """
    kind = {"kind": Column((), "int64", ("odd", "even") if names else ())}
    facts = {**kind, "place": Column((2,), "int64"), "height": Column((), "float32")}
    number, rows = 0, []
    for stream in episodes:
        value = np.repeat(np.arange(number, number + len(stream)), stream)
        number += len(stream)
        rows.append(value)
    with DatasetWriter(path, DatasetSpec(SHAPE, facts=facts), {}) as writer:
        for i, value in zip(writer.new_streams(len(rows)), rows, strict=True):
            first = np.diff(value, prepend=-1) != 0
            place = np.zeros((len(value), 2), np.int64)
            obs = np.broadcast_to(
                value[:, None, None, None], (len(value), *SHAPE)
            ).copy()
            begin = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))
            obs[:, 1] = (np.arange(len(first)) - begin)[:, None, None]
            kinds = value % 2 if names else 10 * (value % 3) - 5
            columns = {
                "obs": obs.astype(np.uint8),
                "first": np.ones_like(first) if still else first,
                FACTS + "kind": kinds,
                FACTS + "place": place,
                FACTS + "height": value.astype(np.float32),
            }
            writer.add(i, columns)
    return path


def test_whole_episodes_are_kept_for_the_test(tmp_path: Path) -> None:
    lengths = [[7, 3, 9, 1, 4] * 4, [6, 2] * 10]
    path = recorded(tmp_path / "data", lengths)
    split = RecordedConfig(path, test_share=0.3).open()
    train, test = values(split.train), values(split.test)
    assert not set(train) & set(test)
    everything = Counter(train) + Counter(test)
    assert [everything[i] for i in range(40)] == [*lengths[0], *lengths[1]]
    # other episodes than the first or the last ones: no order decides
    assert 3 <= len(set(test)) <= 21
    assert not set(test) <= set(range(20))
    assert not set(test) <= set(range(20, 40))
    assert split.train.image_shape == SHAPE
    assert split.train.labels is None
    assert f"{len(train)} + {len(test)} frames" in split.about


def test_stacks_are_frames_of_one_episode_the_oldest_first(tmp_path: Path) -> None:
    lengths = [[3, 4, 2, 5, 3], [2, 6, 4, 3]]
    path = recorded(tmp_path / "data", lengths)
    split = RecordedConfig(path, test_share=0.3, stack=3).open()
    flat = RecordedConfig(path, test_share=0.3).open()
    for side, single in ((split.train, flat.train), (split.test, flat.test)):
        assert side.image_shape == (9, *SHAPE[1:])
        rows = torch.arange(side.num_rows)
        images = side.read(rows).view(len(rows), 3, *SHAPE)
        assert torch.equal(images[:, -1], single.read(rows))
        assert (images[:, :, 0] == images[:, -1:, 0]).all(), "other episodes"
        age = images[:, :, 1, 0, 0].int()
        before = torch.tensor([2, 1, 0])
        assert torch.equal(age, (age[:, -1:] - before).clamp(min=0).int())
    with pytest.raises(ValueError, match="at least 1"):
        RecordedConfig(path, stack=0)


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.parametrize("apart", [1, 3])
def test_pairs_are_frames_of_one_episode_so_many_steps_apart(
    tmp_path: Path, stack: int, apart: int
) -> None:
    lengths = [[3, 4, 1, 6, 3], [2, 6, 4, 3]]
    flat = [x for stream in lengths for x in stream]
    path = recorded(tmp_path / "data", lengths)
    split = RecordedConfig(path, test_share=0.3, stack=stack).open()
    for side in (split.train, split.test):
        rows = torch.arange(side.num_rows).flip(0)
        singles = side.read(rows)
        pairs = side.pairs(rows, apart)
        assert pairs.shape == (len(rows), 2, 3 * stack, *SHAPE[1:])
        episode, age = (pairs[:, :, 3 * (stack - 1) + x, 0, 0].int() for x in (0, 1))
        assert (episode[:, 0] == episode[:, 1]).all()
        own = singles[:, -3, 0, 0].int()
        assert torch.equal(episode[:, 0], own), "another episode"
        length = torch.tensor([flat[x] for x in own.tolist()])
        at = singles[:, -2, 0, 0].int()
        earlier = torch.minimum(at, (length - 1 - apart).clamp(min=0))
        assert torch.equal(age[:, 0], earlier.int())
        assert torch.equal(age[:, 1], torch.minimum(earlier + apart, length - 1).int())
        # each of them a stack of its own
        oldest = (age - (stack - 1)).clamp(min=0)
        assert torch.equal(pairs[:, :, 1, 0, 0].int(), oldest)


def test_still_images_do_not_follow_each_other(tmp_path: Path) -> None:
    path = recorded(tmp_path / "data", [[20, 20, 20]], still=True)
    split = RecordedConfig(path, test_share=0.5).open()
    with pytest.raises(ConfigError, match="no order in time"):
        split.train.pairs(torch.arange(3), 1)


def test_still_images_are_split_one_by_one(tmp_path: Path) -> None:
    path = recorded(tmp_path / "data", [[20, 20, 20]], still=True)
    split = RecordedConfig(path, test_share=0.5).open()
    assert set(values(split.train)) == set(values(split.test)) == {0, 1, 2}
    assert split.train.num_rows + split.test.num_rows == 60


def test_a_fact_is_the_class(tmp_path: Path) -> None:
    lengths = [[3, 2, 4, 2, 3, 2]]
    path = recorded(tmp_path / "named", lengths, names=True)
    split = RecordedConfig(path, "kind", 0.4).open()
    for side in (split.train, split.test):
        assert side.class_names == ("odd", "even")
        assert side.labels is not None
        assert side.labels.tolist() == [x % 2 for x in values(side)]
    split = RecordedConfig(recorded(tmp_path / "n", lengths), "kind", 0.4).open()
    for side in (split.train, split.test):
        assert side.class_names == ("kind -5", "kind 5", "kind 15")
        assert side.labels is not None
        assert side.labels.tolist() == [x % 3 for x in values(side)]


def test_facts_that_are_no_class_are_refused(tmp_path: Path) -> None:
    path = recorded(tmp_path / "data", [[3, 2]])
    with pytest.raises(DatasetError, match=r"no fact 'knd'.*mean 'kind'"):
        RecordedConfig(path, "knd").open()
    for name in ("place", "height"):
        with pytest.raises(DatasetError, match=f"'{name}'.*no class"):
            RecordedConfig(path, name).open()
    with pytest.raises(DatasetError, match="one episode only"):
        RecordedConfig(recorded(tmp_path / "one", [[9]])).open()
    with pytest.raises(DatasetError, match="no data set at"):
        RecordedConfig(tmp_path / "nothing").open()
    with pytest.raises(ValueError, match="above 0 and below 1"):
        RecordedConfig(path, test_share=1.0)


# mixtures


def test_a_mixture_has_the_share_of_real_images_that_it_promises() -> None:
    real = numbered(10, labels=torch.arange(10) % 3)
    generated = numbered(30, begin=100, labels=torch.arange(30) % 3)
    mixed = MixedSource(real, generated, repeat=2)
    assert mixed.num_rows == 2 * 10 + 30
    assert mixed.real_share == 2 * 10 / 50
    assert Counter(values(mixed)) == Counter(2 * [*range(10)] + [*range(100, 130)])
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(mixed.num_rows, (2_000,), generator=generator)
    num_real = int((mixed.read(drawn)[:, 0, 0, 0] < 100).sum())
    expected = 2_000 * mixed.real_share
    chi_square = (num_real - expected) ** 2 * (1 / expected + 1 / (2_000 - expected))
    assert chi_square < 10.83  # p = 0.001 at one degree of freedom


def test_generated_images_have_no_label_and_are_never_probed(tmp_path: Path) -> None:
    real = numbered(4, labels=torch.tensor([2, 0, 1, 2]))
    mixed = MixedSource(real, numbered(3, 100, torch.zeros(3, dtype=torch.int64)), 2)
    assert mixed.labels is not None
    assert mixed.labels.tolist() == [2, 0, 1, 2, 2, 0, 1, 2, -1, -1, -1]
    assert MixedSource(numbered(4), numbered(3), 1).labels is None

    one = recorded(tmp_path / "real", [[4] * 12], names=True)
    two = recorded(tmp_path / "generated", [[3] * 12])
    config = MixedConfig(RecordedConfig(one, "kind"), RecordedConfig(two), repeat=3)
    split, alone = config.open(), RecordedConfig(one, "kind").open()
    assert split.probed is not split.train
    assert values(split.probed) == values(alone.train)
    assert values(split.test) == values(alone.test)
    assert split.train.num_rows > 3 * alone.train.num_rows


def test_pairs_of_a_mixture_are_of_one_source_each(tmp_path: Path) -> None:
    one = RecordedConfig(recorded(tmp_path / "one", [[4] * 9])).open()
    two = RecordedConfig(recorded(tmp_path / "two", [[5] * 6])).open()
    mixed = MixedSource(one.train, two.train, repeat=2)
    rows = torch.randperm(mixed.num_rows, generator=torch.Generator().manual_seed(0))
    num = 2 * one.train.num_rows
    real = rows < num
    pairs = mixed.pairs(rows, 2)
    own = one.train.pairs(rows[real] % one.train.num_rows, 2)
    assert torch.equal(pairs[real], own)
    assert torch.equal(pairs[~real], two.train.pairs(rows[~real] - num, 2))
    with pytest.raises(ConfigError, match="no order in time"):
        MixedSource(one.train, numbered(5)).pairs(rows, 2)


def test_mixtures_that_cannot_be(tmp_path: Path) -> None:
    flat = ArrayImages(torch.zeros(2, 1, 5, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"real images are \(3, 5, 4\), generated"):
        MixedSource(numbered(2), flat)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        MixedConfig(repeat=0)
    path = recorded(tmp_path / "data", [[3, 2]])
    with pytest.raises(DatasetError, match="cannot be mixed"):
        MixedConfig(FashionMnistConfig(subset=True), RecordedConfig(path)).open()
