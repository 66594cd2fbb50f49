"""Where the host waits for the device, and what crosses between the two."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

INDEXING = frozenset({"index", "index_put", "index_put_", "_index_put_impl_"})

# On CUDA these wait for the device: the host must know a value, a size or a success.
_WAITING = frozenset(
    {
        "_local_scalar_dense",
        "equal",
        "is_nonzero",
        "nonzero",
        "masked_select",
        "multinomial",
        "bincount",
        "_unique",
        "_unique2",
        "unique_dim",
        "unique_consecutive",
        "histc",
        "_linalg_svd",
        "_linalg_eigh",
        "_linalg_eigvals",
        "linalg_eig",
        "linalg_eigvals",
        "_linalg_check_errors",
        "linalg_lstsq",
        "_linalg_solve_ex",
        "linalg_cholesky_ex",
        "linalg_inv_ex",
    }
)
_ROOT = str(Path(__file__).parents[2]) + os.sep
_PACKAGES = tuple(
    _ROOT + x + os.sep
    for x in ("agents", "envs", "experiments", "ssl_objectives", "world_models")
)


@dataclass(frozen=True)
class Crossing:
    """Something that the host waits for, or that moves between host and device.

    Attributes:
        kind: "wait", "download" or "upload".
        op: the operation.
        where: file and line of our packages, innermost; empty where there is none.
        shape: of what is moved.
        awaited: whether the host waits: always, but for what is uploaded from pinned
            memory and without blocking.
    """

    kind: str
    op: str
    where: str
    shape: tuple[int, ...] = ()
    awaited: bool = True

    @property
    def file(self) -> str:
        """File of our packages."""
        return self.where.partition(":")[0]

    def __str__(self) -> str:
        return f"{self.kind} {self.op} {list(self.shape)} at {self.where}"


def asking_line() -> str:
    """The innermost line of our packages that is being executed."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_PACKAGES):
            return f"{file.removeprefix(_ROOT)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def waits(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether an operation on CUDA tensors makes the host wait."""
    if name in INDEXING:
        indices = [x for x in args[1] if x is not None]
        masks = [x for x in indices if x.dtype is torch.bool]
        # one value where a mask is set is a masked_fill, which needs no size
        filled = name != "index" and args[2].numel() == 1 and len(indices) == 1
        return bool(masks) and not filled
    if name == "repeat_interleave":
        return kwargs.get("output_size") is None
    return name in _WAITING
