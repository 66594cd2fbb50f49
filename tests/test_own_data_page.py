"""What docs/own_data.md shows, run as it stands: its Python, and its commands small."""

import json
import re
import shlex
import statistics
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.cli import main
from tests.scripts import DOCS, script

PAGE = (DOCS / "own_data.md").read_text("utf-8")
SMALL = ("--size", "debug", "--steps", "2", "--batch-size", "8", "--device", "cpu")

MINE = """
import torch
from torch.utils.data import Dataset, IterableDataset


class MyPictures(Dataset):
    def __len__(self):
        return 48

    def __getitem__(self, number):
        generator = torch.Generator().manual_seed(number)
        return torch.rand(3, 16, 16, generator=generator), number % 2


def held_out():
    return torch.utils.data.Subset(MyPictures(), range(20))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.rand(40, 3, 16, 16))
"""


@pytest.fixture
def _mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's, and a folder of images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_data.py").write_text(MINE)
    (tmp_path / "clothes").mkdir()
    generator = np.random.default_rng(0)
    for i in range(36):
        pixels = generator.integers(0, 256, (20 + i, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "clothes" / f"{i}.jpg")


@pytest.mark.usefixtures("_mine")
def test_the_python_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "own_data.md", "exec"), namespace)
    [tutorial] = [x for x in blocks if "neighbours" in x]
    lines = [x for x in tutorial.splitlines() if x and "import" not in x]
    assert len(lines) <= 15


def test_the_tables_of_speed_are_as_measured() -> None:
    page = (DOCS / "benchmarks.md").read_text("utf-8")
    speed = script("own_data_speed")
    told = json.loads(speed.RESULTS.read_text("utf-8"))
    assert "\n".join(speed.table(told["decoding"])) in page
    for kind, found in told["training"].items():
        assert "\n".join(speed.table(found, told["cpu_seconds"][kind])) in page
    for found in told["training"].values():
        [mine] = [x for name, x in found.items() if "DataLoader" in name]
        ratios = [x / y for x, y in zip(mine, found[speed.BUILT_IN], strict=True)]
        assert statistics.median(ratios) >= 0.9


@pytest.mark.usefixtures("_mine")
def test_the_commands_run(capsys: pytest.CaptureFixture[str]) -> None:
    lines = re.findall(r"^curious (pretrain .*)$", PAGE, re.M)
    assert len(lines) == 2
    for line in lines:
        assert main([*shlex.split(line), *SMALL]) == 0
    out = capsys.readouterr().out
    assert "my_data:MyPictures, 48 + 20 images" in out
    assert "20 of 20 test images (100.0%) are also" in out  # they are the same, here
