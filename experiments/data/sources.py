"""What lies at a path, and how it is read."""

import re
from collections import Counter
from pathlib import Path

from experiments.config.paths import typed_path
from experiments.data.config import ImportConfig
from ssl_objectives.images.frames import SUFFIXES as IMAGES
from ssl_objectives.images.frames import FrameFormat
from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import DatasetError
from world_models.data.description import DESCRIPTION
from world_models.data.importers.arrays.files import ArrayFiles
from world_models.data.importers.arrays.groups import HDF5, NPZ
from world_models.data.importers.arrays.layout import Layout
from world_models.data.importers.copy import DatasetCopy
from world_models.data.importers.images import ImageFolder
from world_models.data.importers.importer import Importer
from world_models.data.importers.minari.read import MinariData
from world_models.data.importers.video import SUFFIXES as VIDEOS
from world_models.data.importers.video import VideoFiles

_MINARI_ID = re.compile(r"([\w-]+/)*[\w-]+-v\d+")
_KINDS = {"images": IMAGES, "videos": VIDEOS, "npz files": NPZ, "HDF5 files": HDF5}


def open_source(config: ImportConfig) -> Importer:
    """The source that a config names.

    Raises:
        DatasetError: nothing known is there, or it is damaged.
        ConfigError: it needs a package that is not installed.
    """
    name = config.source
    path = typed_path(name)
    size = None if config.size is None else (config.size[0], config.size[1])
    form = FrameFormat(size, config.gray)
    if not path.exists():
        if name[:1] in (".", "~", "/") or not _MINARI_ID.fullmatch(name):
            raise DatasetError(
                f"{nothing_at(path)} (Minari's ids, which are no paths, end in -v0.)"
            )
        return MinariData(name, form, config.obs, config.facts)
    if (path / DESCRIPTION).is_file():
        return DatasetCopy(path, form)
    for folder in (path.absolute(), path.absolute() / "data"):
        if (folder / "metadata.json").is_file():
            return MinariData(folder, form, config.obs, config.facts)
    kind, files = _files(path)
    if kind == "images":
        root = path if path.is_dir() else path.parent
        sequence = config.sequence or config.layout is Layout.SEQUENCE
        return ImageFolder(root, files, form, sequence)
    if kind == "videos":
        return VideoFiles(files, form, config.every)
    return ArrayFiles(
        files,
        form,
        config.layout,
        config.obs,
        config.drop_final,
        config.facts,
        config.num_actions,
    )


def _files(path: Path) -> tuple[str, list[Path]]:
    """The files at or below a path, all of one kind."""
    files = [path] if path.is_file() else [x for x in path.rglob("*") if x.is_file()]
    found = [
        (kind, x)
        for x in files
        for kind, suffixes in _KINDS.items()
        if x.suffix.lower() in suffixes and not x.name.startswith(".")
    ]
    counts = Counter(kind for kind, _ in found)
    if not found:
        known = " ".join(x for suffixes in _KINDS.values() for x in suffixes)
        raise DatasetError(
            f"{path} is nothing that can be imported.{unpack_first(path)} Known are "
            f"data sets of ours and of Minari, and files named {known}."
        )
    if len(counts) > 1:
        has = " and ".join(f"{count:,} {kind}" for kind, count in counts.items())
        raise DatasetError(f"{path} has {has}. Import one kind at a time.")
    return found[0][0], [x for _, x in found]
