"""Runs a module of the tests in two processes that form a gloo group."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

ROOT = Path(__file__).parents[2]


def run_twice(module: str, folder: Path) -> list[Any]:
    """What each of the two processes found.

    The module calls `report_from` with what to do alone, and then what together.
    """
    files = str(folder / "meeting"), str(folder / "result.json")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", module, str(rank), *files],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate()[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    failed = any(process.returncode for process in processes)
    assert not failed, "\n".join(said)
    found: list[Any] = json.loads(Path(files[1]).read_text())
    return found


def report_from(
    alone: Callable[[], Any],
    together: Callable[[int, Any], dict[str, Any]],
    prepare: Callable[[], None] = lambda: None,
) -> None:
    """The whole life of such a process.

    Args:
        alone: what one process finds, before there is a group; the first one works it
            out, and the second reads it.
        together: given the rank and that, what is to be reported.
        prepare: done in both before all else.
    """
    rank, meeting, result = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    found_alone = result.with_name("alone.pt")
    torch.set_num_threads(1)
    prepare()
    if rank == 0:
        torch.save(alone(), found_alone)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=2,
        timeout=timedelta(minutes=10),
    )
    expected = torch.load(found_alone, weights_only=False)
    found: list[Any] = [None, None]
    dist.all_gather_object(found, together(rank, expected))
    if rank == 0:
        result.write_text(json.dumps(found))
    dist.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)  # once in a while gloo's threads abort a process that ends with them
