"""The memory that objectives take per row of a data set, before they are started."""

import torch

from ssl_objectives.footprint.available import available_memory
from ssl_objectives.footprint.plan import DoesNotFit, MemoryPlan, check_fits, readable
from ssl_objectives.objective import Objective


def row_memory(
    num_rows: int, width: int, banks: int = 1, dtype: torch.dtype = torch.float32
) -> MemoryPlan:
    """What banks with an entry per row of a data set will take.

    Args:
        num_rows: rows of the data set.
        width: D, numbers in an entry.
        banks: how many are kept (a queue of two views has two).
        dtype: of the numbers.
    """
    name = f"bank of {num_rows:,} rows × {width:,}"
    if banks != 1:
        name = f"{banks} × {name}"
    num_bytes = banks * num_rows * width * dtype.itemsize
    return MemoryPlan().add(name, num_bytes, "the width of projections")


def check_rows_fit(
    objective: Objective,
    num_rows: int,
    width: int,
    device: torch.device | str,
    banks: int = 1,
) -> None:
    """Refuse an objective with a memory per row where a device cannot hold it.

    Objectives without one (`needs.rows` is False) always pass.

    Raises:
        DoesNotFit: with the sum, and how many rows would fit.
    """
    if not objective.needs.rows:
        return
    plan = row_memory(num_rows, width, banks)
    try:
        check_fits(plan, device)
    except DoesNotFit as error:
        each = plan.total // num_rows
        most = available_memory(device) // each
        raise DoesNotFit(
            f"{type(objective).__name__} keeps {readable(each)} for each row of the "
            f"data set. {error}\n\nUp to {most:,} of its {num_rows:,} rows would fit. "
            "Use a data set of no more, or an objective without a memory per row."
        ) from error
