"""Arrays that could be read, but hardly mean what rows of them would say."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.importers.arrays.groups import LABELS, ArrayGroup
from world_models.data.importers.arrays.layout import Named

MOST_ACTIONS = 100_000

_COUNT = "numpy.unique(x, return_inverse=True)[1]"


def check_axes(group: ArrayGroup, named: Named) -> None:
    """Refuse frames in batches of episodes.

    Raises:
        DatasetError: there are five axes or more.
    """
    shape = group.arrays[named.obs].shape
    if len(shape) > 4:
        raise DatasetError(
            f"{group.name}: {named.obs} has {len(shape)} axes, {shape}, which looks "
            f"like a batch of {shape[0]:,} episodes. Save each as a file of its own, "
            f'numpy.savez(f"{{i}}.npz", {named.obs}={named.obs}[i], …), and import the '
            "folder of them."
        )


def check_labels(group: ArrayGroup, named: Named) -> None:
    """Refuse labels that are no classes, rather than to leave them out or make some.

    Raises:
        DatasetError: they are not one for each frame, no whole numbers, or below 0.
    """
    num = group.arrays[named.obs].shape[0]
    for name in [*named.others, *named.facts.values()]:
        array = group.arrays[name]
        if name not in LABELS:
            continue
        if name in named.others or array.dtype.kind == "f" or len(array.shape) != 1:
            missing = ""
            if array.dtype.kind == "f" and array.shape[:1] == (num,):
                lost = int((~np.isfinite(array[:])).sum())
                missing = f" ({lost:,} of them are no numbers)" if lost else ""
            raise DatasetError(
                f"{group.name}: {name} is {array.dtype} {array.shape}{missing}, and "
                f"labels are whole numbers, one for each of the {num:,} frames. Save "
                f"them so ({_COUNT} makes numbers of text, x.argmax(1) of one column "
                "for each class), call them otherwise if they are no classes, or "
                "leave them out with --no-facts."
            )
        if array.dtype.kind == "i":
            _check_unlabelled(group.name, name, array[:])


def _check_unlabelled(where: str, name: str, labels: NDArray[Any]) -> None:
    below = labels[labels < 0]
    if len(below):
        raise DatasetError(
            f"{where}: {name} is {below.min()} at lowest, and below 0 for "
            f"{len(below):,} of {len(labels):,} frames, which mostly means that these "
            "have no label; here it would be a class. Save the file without these "
            f"frames; or, if it is a class, count from 0 ({_COUNT}); or leave labels "
            "out with --no-facts."
        )


def check_number_of_actions(group: ArrayGroup, named: Named) -> None:
    """Refuse a number of discrete actions that no agent could choose among.

    Raises:
        DatasetError: it is above `MOST_ACTIONS`; names the largest and its row.
    """
    name = named.known["action"]
    values = group.arrays[name][:].reshape(-1)
    row = int(values.argmax())
    largest = int(values[row])
    if largest >= MOST_ACTIONS:
        raise DatasetError(
            f"{group.name}: {name} is {largest:,} in row {row:,}, which would make "
            f"{largest + 1:,} discrete actions. Mend that number, or count from 0 "
            f"({_COUNT}), or save them as numpy.float32 if they are amounts. If there "
            "are as many, say so: --num-actions."
        )
