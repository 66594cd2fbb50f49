"""`--images dataset`: data sets of others by name."""

from pathlib import Path

import pytest
import torch

from experiments.pretrain.own_dataset import DatasetConfig
from ssl_objectives.refusal import ConfigError, DatasetError

MINE = """
import torch
from torch.utils.data import DataLoader, Dataset

class Pictures(Dataset):
    classes = ("cat", "dog")
    def __init__(self, number=30, side=4):
        self.number, self.side = number, side
    def __len__(self):
        return self.number
    def __getitem__(self, i):
        return torch.full((1, self.side, self.side), i, dtype=torch.uint8), i % 2

def loader():
    return DataLoader(Pictures(), batch_size=3, num_workers=1)

few = Pictures(8)
other = Pictures(8, 5)
one = Pictures(1)
bare = [torch.zeros(1, 4, 4, dtype=torch.uint8)] * 5
number = 3

def fails():
    raise KeyError("nothing")
"""


@pytest.fixture(autouse=True)
def _mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine_to_learn.py").write_text(MINE)


def config(train: str, test: str = "", labels: bool = True) -> DatasetConfig:
    one, two = (x and f"mine_to_learn:{x}" for x in (train, test))
    return DatasetConfig(one, two, workers=0, labels=labels)


def test_another_data_set_is_the_test() -> None:
    split = config("Pictures", "few").open()
    assert (split.train.num_rows, split.test.num_rows) == (30, 8)
    assert split.train.labels is not None
    assert split.train.labels.tolist() == [0, 1] * 15
    assert split.train.class_names == ("cat", "dog")
    assert split.about.startswith("mine_to_learn:Pictures, 30 + 8 images, 2 classes")


def test_else_a_share_that_more_items_do_not_change() -> None:
    splits = [config(x).open() for x in ("Pictures", "few")]
    both = []
    for split in splits:
        rows = [x.read(torch.arange(x.num_rows)) for x in (split.train, split.test)]
        numbers = [x[:, 0, 0, 0].tolist() for x in rows]
        assert not set(numbers[0]) & set(numbers[1])
        assert split.test.labels is not None
        assert split.test.labels.tolist() == [x % 2 for x in numbers[1]]
        both.append(set(numbers[0]))
    assert both[1] <= both[0]


def test_a_loader_lends_its_workers_and_labels_need_not_be_known() -> None:
    split = DatasetConfig("mine_to_learn:loader", "mine_to_learn:few").open()
    assert getattr(split.train, "workers", None) == 1
    split = config("bare", labels=False).open()
    assert split.train.labels is None


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (DatasetConfig(), ConfigError, r"Which data set\? .*--images\.train"),
        (config("Nothing"), ConfigError, r"images\.train: there is no 'Nothing'"),
        (config("number"), ConfigError, "gives a int, and should give a data set"),
        (config("fails"), ConfigError, r"fails\(\) failed: KeyError: 'nothing'"),
        (config("few", "other"), DatasetError, r"are \(1, 4, 4\), .* \(1, 5, 5\)"),
        (config("one"), DatasetError, "one item only"),
        (config("bare"), DatasetError, r"No item has a label.*--images\.no-labels"),
    ],
)
def test_what_cannot_be_used_is_named(
    made: DatasetConfig, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        made.open()


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="workers must be at least 0"):
        DatasetConfig(workers=-1)
    with pytest.raises(ValueError, match="test_share must be above 0"):
        DatasetConfig(test_share=1.0)
