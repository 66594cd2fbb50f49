"""What is too little, too large or of another kind to import is told in a sentence."""

from pathlib import Path

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, Tuple
from PIL import Image
from rich.console import Console

from experiments.data.config import ImportConfig
from experiments.data.importing import import_data
from ssl_objectives.images.picture import read_image
from ssl_objectives.refusal import DatasetError
from world_models.data.importers.arrays.layout import Layout

QUIET = Console(quiet=True)


@pytest.mark.parametrize("layout", ["rows", "transitions"])
def test_arrays_without_a_frame(tmp_path: Path, layout: str) -> None:
    np.savez(
        tmp_path / "none.npz",
        obs=np.zeros((0, 9, 8, 3), np.uint8),
        actions=np.zeros(0, np.int64),
        dones=np.zeros(0, np.bool_),
    )
    config = ImportConfig(
        str(tmp_path / "none.npz"), out=tmp_path / "d", layout=Layout(layout)
    )
    with pytest.raises(DatasetError, match=r"none.npz holds no frames: obs is empty"):
        import_data(config, QUIET)


def test_images_above_the_limit_of_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (21, 10)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DatasetError, match=r"large.png has more than 200 pixels"):
        read_image(tmp_path / "large.png", gray=False)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Minari would like more metadata
def test_tuples_of_minari(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5py")
    minari = pytest.importorskip("minari")
    collector = pytest.importorskip("minari.data_collector")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    frames, modes = np.zeros((3, 9, 8, 3), np.uint8), np.zeros(3, np.int64)
    episode = collector.EpisodeBuffer(
        observations=(frames, modes),
        actions=np.zeros(2, np.int64),
        rewards=[0.0, 0.0],
        terminations=[False, True],
        truncations=[False, False],
    )
    space = Tuple([Box(0, 255, (9, 8, 3), np.uint8), Discrete(2)])
    minari.create_dataset_from_buffers(
        "tuples-v0", [episode], observation_space=space, action_space=Discrete(2)
    )
    with pytest.raises(DatasetError, match="tuples-v0 has tuples as observations"):
        import_data(ImportConfig("tuples-v0", out=tmp_path / "d"), QUIET)
