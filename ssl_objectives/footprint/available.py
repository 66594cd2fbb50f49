"""Memory that this machine still has, on a device or in a container."""

import os
import sys
from pathlib import Path

import torch


def available_memory(device: torch.device | str) -> int:
    """Bytes that can still be allocated on a device.

    On a GPU what the driver reports as free, with what PyTorch holds in reserve; on a
    CPU `MemAvailable`, or what is left below the limit of the container (cgroup).
    """
    device = torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        reserve = torch.cuda.memory_reserved(device)
        return free + reserve - torch.cuda.memory_allocated(device)
    return _available_on_host(Path("/proc"), Path("/sys/fs/cgroup"))


def peak_bytes(device: torch.device) -> int | None:
    """Most bytes held so far: on the GPU, or by this process; None where not known."""
    peak = memory_peak(device)
    return peak["gpu_bytes" if device.type == "cuda" else "process_bytes"]


def memory_peak(device: torch.device) -> dict[str, int | None]:
    """Most bytes that this process ever held, and on the GPU; None where not known."""
    on_gpu = None
    if device.type == "cuda":
        on_gpu = torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return {"process_bytes": None, "gpu_bytes": on_gpu}
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scale = 1 if sys.platform == "darwin" else 1024
    return {"process_bytes": peak * scale, "gpu_bytes": on_gpu}


def _available_on_host(proc: Path, cgroup: Path) -> int:
    values = _fields(proc / "meminfo", ":")
    if "MemAvailable" in values:
        available = values["MemAvailable"] * 1024
    else:  # not Linux: what is installed is the best known bound
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([available, *_left_in_cgroups(proc / "self" / "cgroup", cgroup)])


def _left_in_cgroups(own: Path, root: Path) -> list[int]:
    """Room below each limit that binds this process, in cgroups of both versions."""
    left = []
    for line in own.read_text().splitlines() if own.is_file() else []:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            top = root
            limit, usage, cache = "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, cache = root / "memory", "total_inactive_file"
            limit, usage = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        folder = top / path.strip("/")
        # All folders above bind as well. Inside a container the path can be that of
        # the host, and only the top exists.
        for group in (folder, *folder.parents):
            if not group.is_relative_to(top):
                break
            most, used = _number(group / limit), _number(group / usage)
            if most is not None and used is not None:
                # Cached files are given back when memory is short.
                cached = _fields(group / "memory.stat", " ").get(cache, 0)
                left.append(max(0, most - used + cached))
    return left


def _number(file: Path) -> int | None:
    """None where there is no such file, or it says `max`."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _fields(file: Path, separator: str) -> dict[str, int]:
    """`name<separator>number …` lines."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(separator)[::2] for line in lines)
    return {k: int(v.split()[0]) for k, v in pairs if v.split()}
