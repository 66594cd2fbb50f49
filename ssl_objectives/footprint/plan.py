"""Memory that something will take, before it is started, and whether it fits."""

from dataclasses import dataclass

import torch

from ssl_objectives.footprint.available import available_memory
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


def readable(num_bytes: int) -> str:
    """`1.5 GiB`, `12.0 MiB`, `640 B`."""
    size = float(num_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
