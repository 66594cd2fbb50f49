"""Every flag of an import is done, or refused where it has no meaning."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.data.config import ImportConfig
from experiments.data.flags import (
    HDF5,
    IMAGES,
    LEROBOT,
    MINARI,
    NPZ,
    OURS,
    VIDEOS,
    check_flags,
    check_import_flags,
)
from experiments.data.sources import open_source
from ssl_objectives.refusal import ConfigError, DatasetError
from tests.experiments.data.test_import_files import FRAMES, npz, picture, read
from tests.experiments.data.test_import_images import video
from world_models.data.importers.arrays.layout import Layout

ALL = (IMAGES, VIDEOS, NPZ, HDF5, MINARI, LEROBOT, OURS)
GIVEN: dict[str, tuple[Any, str]] = {
    "size": ((4, 4), "--size"),
    "gray": (True, "--gray"),
    "crop": (True, "--crop"),
    "convert": (True, "--convert"),
    "sequence": (True, "--sequence"),
    "every": (2, "--every"),
    "layout": (Layout.ROWS, "--layout"),
    "obs": ("obs", "--obs"),
    "num_actions": (3, "--num-actions"),
    "drop_final": (True, "--drop-final"),
    "facts": (False, "--no-facts"),
    "shard_mib": (1, "--shard-mib"),
    "license": ("CC-BY", "--license"),
}
TAKEN = {
    IMAGES: {"sequence", "facts", "convert"},
    VIDEOS: {"every"},
    NPZ: {"layout", "obs", "num_actions", "drop_final", "facts"},
    HDF5: {"layout", "obs", "num_actions", "drop_final", "facts"},
    MINARI: {"obs", "facts"},
    LEROBOT: {"obs", "facts"},
    OURS: set[str](),
}
ANYWHERE = {"size", "crop", "gray", "shard_mib", "license"}


def test_all_flags_are_looked_at() -> None:
    targets = {"source", "out", "to_minari", "verify"}
    assert {x.name for x in fields(ImportConfig)} - targets == {*GIVEN}


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("kind", ALL)
def test_flags_without_a_meaning_are_refused(kind: str, name: str) -> None:
    value, typed = GIVEN[name]
    config = ImportConfig("x", out=Path("y"), **{name: value})
    if name in TAKEN[kind] | ANYWHERE:
        check_flags(config, kind)
        return
    with pytest.raises(ConfigError, match=f"^{typed} has no meaning for {kind}"):
        check_flags(config, kind)


@pytest.mark.parametrize("name", GIVEN)
def test_what_leaves_a_data_set_as_it_is_takes_no_other_flag(name: str) -> None:
    value, typed = GIVEN[name]
    targets: tuple[dict[str, Any], ...] = ({"verify": True}, {"to_minari": "a-v0"})
    for target in targets:
        check_import_flags(ImportConfig("x", **target))
        with pytest.raises(ConfigError, match=f"^{typed} has no meaning beside --"):
            check_import_flags(ImportConfig("x", **target, **{name: value}))


def ours(path: Path) -> Path:
    return read(npz(path.with_suffix(".npz"), obs=FRAMES), path).path


MADE: dict[str, Callable[[Path], Any]] = {
    "a.npz": lambda x: npz(x, obs=FRAMES),
    "a.png": lambda x: picture(x, (4, 4)),
    "a.mkv": lambda x: video(x, 2),
    "ours": ours,
}


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.npz", "every"), ("a.png", "obs"), ("a.mkv", "layout"), ("ours", "sequence")],
)
def test_sources_of_all_kinds_are_asked(tmp_path: Path, file: str, name: str) -> None:
    MADE[file](tmp_path / file)
    value, typed = GIVEN[name]
    config = ImportConfig(str(tmp_path / file), out=tmp_path / "out", **{name: value})
    with pytest.raises(ConfigError, match=f"^{typed} has no meaning"):
        open_source(config)


def test_a_number_of_actions_is_for_discrete_ones(tmp_path: Path) -> None:
    alone = npz(tmp_path / "a.npz", obs=FRAMES)
    real = npz(tmp_path / "b.npz", obs=FRAMES, action=np.zeros((6, 2)))
    for source, has in ((alone, "has no actions"), (real, "has real actions")):
        with pytest.raises(DatasetError, match=f"is for discrete actions.*{has}"):
            read(source, tmp_path / "out", num_actions=3)


def test_one_thing_is_done_at_a_time() -> None:
    with pytest.raises(ConfigError, match="Give only one of --out, --to-minari and"):
        ImportConfig("x", out=Path("y"), to_minari="a-v0")
    with pytest.raises(ConfigError, match="SOURCE is empty"):
        ImportConfig("", out=Path("y"))
