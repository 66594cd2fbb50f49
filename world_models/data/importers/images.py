"""Importer of image folders: still images with labels, or frames of episodes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.images.decoding import decoded
from ssl_objectives.images.files import named_classes
from ssl_objectives.images.frames import FrameFormat, natural
from ssl_objectives.images.picture import on_white_note, read_image
from ssl_objectives.refusal import DatasetError
from world_models.data.format import FACTS, Column, DatasetSpec
from world_models.data.importers.importer import Importer, Rows

LABEL = "label"

_BLOCK = 256
_WITHOUT = "Or import all images without classes: --no-facts."


class ImageFolder(Importer):
    """Imports all images below a folder, in the order of folders and names.

    As still images every row is `first`, and where they lie in more than one folder
    the folder is the fact `label`, its number in the order of names. As a sequence the
    images of each folder are the frames of one episode.

    Args:
        root: the folder.
        paths: its images.
        form: how they are converted.
        sequence: frames of episodes instead of still images.
        facts: folders are the classes of still images.

    Raises:
        DatasetError: the first image is damaged, or folders are no classes.
    """

    def __init__(
        self,
        root: Path,
        paths: Sequence[Path],
        form: FrameFormat,
        sequence: bool,
        facts: bool = True,
    ) -> None:
        self._paths = sorted(paths, key=lambda x: (natural(x.parent), natural(x.name)))
        self._form, self._sequence = form, sequence
        folders = [x.parent.relative_to(root).as_posix() for x in self._paths]
        numbers = {name: i for i, name in enumerate(dict.fromkeys(folders))}
        self._folder = np.array([numbers[x] for x in folders], np.int64)
        names: tuple[str, ...] = ()
        if facts and not sequence:
            classes, names = named_classes(root, self._paths, _WITHOUT)
            self._folder = np.array(classes, np.int64)
        self._on_white = 0
        first = read_image(self._paths[0], form.gray, form.convert)
        shape = form.shape(first.pixels.shape)
        facts_kept = {LABEL: Column((), "int64", names)} if names else {}
        self.spec = DatasetSpec(shape, facts=facts_kept)
        self.num_rows = len(self._paths)
        self.about = {"images": str(root)}

    def rows(self) -> Iterator[Rows]:
        """All images; see `Importer.rows`."""
        for begin in range(0, len(self._paths), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            folder = self._folder[part]
            first = np.ones(len(folder), np.bool_)
            if self._sequence:
                before = self._folder[begin - 1] if begin else -1
                first = np.diff(folder, prepend=before) != 0
            frames = list(decoded(self._paths[part], self._frame))
            self._on_white += sum(laid for _, laid in frames)
            columns = {"obs": np.stack([x for x, _ in frames]), "first": first}
            if LABEL in self.spec.facts:
                columns[FACTS + LABEL] = folder
            yield Rows(0, columns)
        self.notes = (*self.notes, *on_white_note(self._on_white))

    def _frame(self, path: Path) -> tuple[NDArray[np.uint8], bool]:
        """A frame, and whether it was laid on white; several threads at once."""
        picture, on_white = read_image(path, self._form.gray, self._form.convert)
        wanted = self.spec.obs_shape
        if wanted[0] == 3 and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, 2)
        frame = self._form.frame(picture)
        if frame.shape[0] != wanted[0]:
            raise DatasetError(
                f"{path} is in colour, {self._paths[0]} before it is not. Give --gray "
                "to make all of them gray."
            )
        if frame.shape != wanted:
            raise DatasetError(
                f"{path} has {frame.shape[1]} × {frame.shape[2]} pixels (height × "
                f"width), {self._paths[0]} has {wanted[1]} × {wanted[2]}. Give --size "
                "HEIGHT WIDTH to resize all of them."
            )
        return frame, on_white
