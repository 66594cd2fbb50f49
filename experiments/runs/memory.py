"""How much memory a configuration will need, before it is started."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from ssl_objectives.refusal import Refusal


class DoesNotFit(Refusal):
    """A plan needs more memory than there is; the message has the table and levers."""


@dataclass(frozen=True)
class MemoryItem:
    """One line of a plan: what it is, its bytes, and which flags make it smaller."""

    name: str
    num_bytes: int
    lever: str = ""


@dataclass(frozen=True)
class MemoryPlan:
    """What will lie in the memory of one device at the same time."""

    items: tuple[MemoryItem, ...] = ()

    def add(self, name: str, num_bytes: int, lever: str = "") -> "MemoryPlan":
        """The plan with one more line.

        Args:
            name: what takes the memory.
            num_bytes: how much.
            lever: flags to lower, for example `--num-envs or --rollout-steps`.
        """
        return MemoryPlan((*self.items, MemoryItem(name, num_bytes, lever)))

    @property
    def total(self) -> int:
        """Bytes of all lines together."""
        return sum(x.num_bytes for x in self.items)

    def table(self) -> str:
        """Lines of name and size, with the total below."""
        total = MemoryItem("together", self.total)
        name = max(len(x.name) for x in (*self.items, total))
        size = max(len(readable(x.num_bytes)) for x in (*self.items, total))
        lines = [
            f"{x.name:{name}}  {readable(x.num_bytes):>{size}}"
            for x in (*self.items, total)
        ]
        return "\n".join([*lines[:-1], "-" * (name + 2 + size), lines[-1]])


def check_fits(plan: MemoryPlan, device: torch.device | str) -> None:
    """Refuse a plan that the free memory of a device cannot hold.

    Call it before anything of the plan is allocated.

    Raises:
        DoesNotFit: with the table, and what to lower, largest first.
    """
    available = available_memory(device)
    if plan.total <= available:
        return
    largest = sorted(plan.items, key=lambda x: -x.num_bytes)
    levers = [f"{x.lever} (for {x.name})" for x in largest if x.lever and x.num_bytes]
    advice = f"Lower {', '.join(levers[:3])}" if levers else "Choose a smaller --size"
    raise DoesNotFit(
        f"This needs about {readable(plan.total)} on {device}, but only "
        f"{readable(available)} are free:\n\n{plan.table()}\n\n{advice}, or end other "
        "programs that use this memory."
    )


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


def readable(num_bytes: int) -> str:
    """`1.5 GiB`, `12.0 MiB`, `640 B`."""
    size = float(num_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


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
