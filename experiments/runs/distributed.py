"""Several processes of one run, as torchrun starts them; one, where nobody did."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from experiments.config.speaker import by_torchrun
from ssl_objectives.distributed import gathered_rows, num_processes, rank
from ssl_objectives.refusal import ConfigError

T = TypeVar("T")

# the others wait while the first process evaluates, or reads off what was learned
_PATIENCE = timedelta(days=1)


@contextmanager
def joined(use_gpu: bool) -> Iterator[int]:
    """Join the processes that torchrun started, and yield this one's rank.

    Args:
        use_gpu: every process has a GPU of its own (NCCL; what lies on the CPU still
            goes by gloo); else they compute on the CPU (gloo).
    """
    if not by_torchrun() or dist.is_initialized():
        yield rank()
        return
    backend = "cpu:gloo,cuda:nccl" if use_gpu else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield rank()
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """The GPU of this process on its machine, where `device` is any GPU."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def check_shared(flag: str, value: int) -> None:
    """Refuse what cannot be dealt out to the processes evenly.

    Args:
        flag: of the command, that sets it.
        value: envs, or rows of a batch.

    Raises:
        ConfigError: it is no multiple of their number.
    """
    if value % num_processes():
        raise ConfigError(
            f"{flag} {value} must be a multiple of the {num_processes()} processes."
        )


def started_as(command: str) -> str:
    """How people start `curious COMMAND` as it was started: by torchrun, if it was."""
    if num_processes() == 1:
        return f"curious {command}"
    here = os.environ.get("LOCAL_WORLD_SIZE", str(num_processes()))
    module = command.replace("-", "_")
    return f"torchrun --nproc-per-node {here} -m experiments.{module}"


def shared(value: T) -> T:
    """What the first process gives, in all of them."""
    found = [value]
    if num_processes() > 1:
        dist.broadcast_object_list(found, src=0)
    return found[0]


def all_finite(x: Tensor) -> bool:
    """Whether all numbers are, in all processes, which ask at once."""
    fine = gathered_rows(x.isfinite().all()[None], 0)
    return bool(fine.all())


def any_asked(asked: threading.Event, device: torch.device) -> bool:
    """Whether any process was asked to stop; all must ask at the same step."""
    if num_processes() == 1:
        return asked.is_set()
    flag = torch.tensor([asked.is_set()], dtype=torch.int32, device=device)
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag.item())
