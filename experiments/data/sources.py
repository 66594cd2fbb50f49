"""What lies at a path, and how it is read."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from experiments.config.paths import typed_path
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
)
from ssl_objectives.images.files import Found, find_files
from ssl_objectives.images.frames import SUFFIXES as IMAGE_NAMES
from ssl_objectives.images.frames import FrameFormat
from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.data.description import DESCRIPTION
from world_models.data.importers.arrays.files import ArrayFiles
from world_models.data.importers.arrays.open import HDF5 as HDF5_NAMES
from world_models.data.importers.arrays.open import NPZ as NPZ_NAMES
from world_models.data.importers.copy import DatasetCopy
from world_models.data.importers.images import ImageFolder
from world_models.data.importers.importer import Importer
from world_models.data.importers.lerobot.meta import INFO
from world_models.data.importers.lerobot.read import LeRobotData
from world_models.data.importers.minari.read import MinariData
from world_models.data.importers.video import SUFFIXES as VIDEO_NAMES
from world_models.data.importers.video import VideoFiles

_MINARI_ID = re.compile(r"([\w-]+/)*[\w-]+-v\d+")
_KINDS = {
    IMAGES: IMAGE_NAMES,
    VIDEOS: VIDEO_NAMES,
    NPZ: NPZ_NAMES,
    HDF5: HDF5_NAMES,
}


def open_source(config: ImportConfig) -> Importer:
    """The source that a config names.

    Raises:
        DatasetError: nothing known is there, or it is damaged.
        ConfigError: it needs a package that is not installed, or a flag has no meaning
            for it.
    """
    name = config.source
    path = typed_path(name)
    size = None if config.size is None else (config.size[0], config.size[1])
    if config.crop and size is None:
        raise ConfigError("--crop needs a size. Give --size HEIGHT WIDTH, too.")
    form = FrameFormat(size, config.gray, config.crop, config.convert)
    if not path.exists():
        if name[:1] in (".", "~", "/") or not _MINARI_ID.fullmatch(name):
            raise DatasetError(
                f"{nothing_at(path)} (Minari's ids, which are no paths, end in -v0.)"
            )
        check_flags(config, MINARI)
        return MinariData(name, form, config.obs, config.facts)
    if (path / DESCRIPTION).is_file():
        check_flags(config, OURS)
        return DatasetCopy(path, form)
    if (path / INFO).is_file():
        check_flags(config, LEROBOT)
        return LeRobotData(path, form, config.obs, config.facts)
    for folder in (path.absolute(), path.absolute() / "data"):
        if (folder / "metadata.json").is_file():
            check_flags(config, MINARI)
            return MinariData(folder, form, config.obs, config.facts)
    kind, files, notes = _files(path)
    check_flags(config, kind)
    importer = _importer(config, path, kind, files, form)
    importer.notes = (*notes, *importer.notes)
    return importer


def _importer(
    config: ImportConfig,
    path: Path,
    kind: str,
    files: Sequence[Path],
    form: FrameFormat,
) -> Importer:
    if kind == IMAGES:
        root = path if path.is_dir() else path.parent
        return ImageFolder(root, files, form, config.sequence, config.facts)
    if kind == VIDEOS:
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


def _files(path: Path) -> tuple[str, list[Path], tuple[str, ...]]:
    """The files at or below a path, all of one kind, and what was left out."""
    every = [x for suffixes in _KINDS.values() for x in suffixes]
    below = Found((path,), ()) if path.is_file() else find_files(path, every)
    found = [
        (kind, x)
        for x in below.files
        for kind, suffixes in _KINDS.items()
        if x.suffix.lower() in suffixes
    ]
    counts = Counter(kind for kind, _ in found)
    if not found:
        left_out = "".join(f" {x}" for x in below.notes)
        raise DatasetError(
            f"{path} is nothing that can be imported.{unpack_first(path)} Known are "
            "data sets of ours, of Minari and of LeRobot, and files named "
            f"{' '.join(every)}.{left_out}"
        )
    if len(counts) > 1:
        has = " and ".join(f"{count:,} {kind}" for kind, count in counts.most_common())
        raise DatasetError(f"{path} has {has}. Import one kind at a time.")
    return found[0][0], [x for _, x in found], below.notes
