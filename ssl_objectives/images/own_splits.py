"""Folders that come with their own splits: `train`, beside it `test` or `val`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from ssl_objectives.images.files import OTHER, TEST, TRAIN, Found
from ssl_objectives.refusal import DatasetError, suggest


@dataclass(frozen=True)
class OwnSplits:
    """The folders of a data set that its author has split.

    Attributes:
        train: of what is trained on.
        tests: all that can be measured on, the likeliest first: `test` before `val`.
        others: what else is there, and is not read.
    """

    train: Path
    tests: tuple[Path, ...]
    others: tuple[Path, ...]

    def measured_on(self, name: str | None) -> tuple[Path, ...]:
        """What shall be measured on: the folder of that name; None leaves the choice.

        Raises:
            DatasetError: there is no such folder.
        """
        if name is None:
            return self.tests
        each = {x.name: x for x in (*self.tests, *self.others)}
        if name not in each:
            raise DatasetError(
                f"{self.train.parent} has no folder {name!r} to measure on."
                f"{suggest(name, list(each))}"
            )
        return (each[name],)


def own_splits(root: Path, suffixes: Sequence[str]) -> OwnSplits | None:
    """The splits that a folder holds; None where its folders are something else.

    They are splits where one is called `train`, another `test`, `val` or alike, and all
    others are names of splits, too; and no image lies beside them. So a class may be
    called `train`, among vehicles.

    Args:
        root: the folder.
        suffixes: how names of images end.

    Raises:
        DatasetError: two folders are both what is trained on.
    """
    if not root.is_dir():
        return None
    there = [x for x in sorted(root.iterdir()) if not x.name.startswith(".")]
    if any(x.is_file() and x.suffix.lower() in suffixes for x in there):
        return None
    folders = {x: x.name.lower() for x in there if x.is_dir()}
    trains = [x for x, name in folders.items() if name in TRAIN]
    tests = sorted(
        (x for x, name in folders.items() if name in TEST),
        key=lambda x: TEST.index(folders[x]),
    )
    others = [x for x, name in folders.items() if name in OTHER]
    if not trains or not tests or len(folders) > len([*trains, *tests, *others]):
        return None
    if len(trains) > 1:
        raise DatasetError(
            f"{root} holds {' and '.join(x.name for x in trains)}, and only one can be "
            "what is trained on. Move the other away."
        )
    return OwnSplits(trains[0], tuple(tests), tuple(others))


@dataclass(frozen=True)
class FolderPart:
    """Images of a folder.

    Attributes:
        folder: which.
        found: its files.
        labels: their classes; None where all lie in one folder.
        names: of the classes.
    """

    folder: Path
    found: Found
    labels: Int64[Tensor, "N"] | None = None
    names: tuple[str, ...] = ()

    @property
    def kinds(self) -> str:
        """How many classes, behind a comma; nothing where there are none."""
        return f", {len(self.names)} classes" if self.names else ""


def same_classes(
    train: FolderPart, test: FolderPart
) -> tuple[Int64[Tensor, "N"] | None, tuple[str, ...]]:
    """Labels of `test` by the numbers that `train` gives its classes; and notes.

    Raises:
        DatasetError: `test` has a class that `train` has not.
    """
    if test.labels is None or not train.names:
        bare = [x for x in (train, test) if not x.names]
        if len(bare) == 2:
            return None, ()
        return None, (f"{bare[0].folder} has no class folders: no accuracies.",)
    unknown = [x for x in test.names if x not in train.names]
    if unknown:
        raise DatasetError(
            f"{test.folder} has the class {unknown[0]!r}{_and_more(unknown)}, and "
            f"{train.folder} has not, so that nothing could name it."
            f"{suggest(unknown[0], train.names)} Move it away, add it to "
            f"{train.folder.name}, or take all images without classes: "
            "--images.no-classes."
        )
    notes: tuple[str, ...] = ()
    if absent := [x for x in train.names if x not in test.names]:
        notes = (
            f"{test.folder} has no image of the class {absent[0]!r}"
            f"{_and_more(absent)}, which {train.folder} has: accuracies say nothing "
            "of it.",
        )
    numbers = torch.tensor([train.names.index(x) for x in test.names])
    return numbers[test.labels], notes


def _and_more(names: Sequence[str]) -> str:
    return f" (and {len(names) - 1:,} more)" if len(names) > 1 else ""
