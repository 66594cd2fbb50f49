"""Paths at which there is not what was meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.folder import FolderConfig
from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import DatasetError


def test_what_is_there_under_a_name_like_it(tmp_path: Path) -> None:
    (tmp_path / "pictures" / "cats").mkdir(parents=True)
    (tmp_path / "zebra").touch()
    wrong = tmp_path / "picturs" / "cats"
    meant = tmp_path / "pictures" / "cats"
    assert nothing_at(wrong) == f"There is nothing at {wrong}. Did you mean {meant}?"
    other = tmp_path / "quux"
    assert nothing_at(other, "no run") == f"There is no run at {other}."


def test_only_archives_are_to_be_unpacked(tmp_path: Path) -> None:
    assert unpack_first(tmp_path) == ""
    (tmp_path / "a.npz").touch()
    assert unpack_first(tmp_path) == unpack_first(tmp_path / "a.npz") == ""
    (tmp_path / "B.ZIP").touch()
    assert "unpack B.ZIP first" in unpack_first(tmp_path)
    assert "B.ZIP is an archive: unpack it" in unpack_first(tmp_path / "B.ZIP")


@pytest.mark.parametrize("config", [FashionMnistConfig, FolderConfig])
def test_a_mistyped_folder_of_images_gets_no_hint_to_download(
    tmp_path: Path, config: Callable[..., Any]
) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError) as error:
        config(path=tmp_path / "imags").open()
    assert f"Did you mean {tmp_path / 'images'}?" in str(error.value)
    assert "Get all" not in str(error.value)


def test_an_archive_of_images_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "x.zip").touch()
    for path in (tmp_path / "x.zip", tmp_path):
        with pytest.raises(DatasetError, match="unpack"):
            FolderConfig(path).open()
