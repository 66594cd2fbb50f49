"""Where runs of a sweep may be at the same time, and which cores each may use."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ssl_objectives.refusal import ConfigError

# Everything that would start one thread per core, in each of the runs.
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "CURIOUS_EMULATOR_THREADS",  # see `envs.atari.native: AtariConfig.num_threads`
)


@dataclass(frozen=True)
class Slot:
    """Room for one run.

    Attributes:
        name: for people, `gpu 3` or `cpu`.
        environment: variables that bind a process to it.
    """

    name: str
    environment: Mapping[str, str]

    def variables(self) -> dict[str, str]:
        """The whole environment of a process in this slot."""
        return {**os.environ, **self.environment}


def make_slots(
    processes: int | None,
    devices: str | None,
    per_device: int,
    threads: int | None,
    cores: int | None = None,
    gpus: int | None = None,
) -> list[Slot]:
    """Slots for all runs that go on at once.

    GPUs are told apart by `CUDA_VISIBLE_DEVICES`: every run sees one. If that variable
    is set already, devices are counted within it. Variables for threads that a person
    has set are left alone, unless `threads` is given.

    Args:
        processes: runs at once on CPUs; None with no GPU: half as many as cores.
        devices: `0-3`, `0,2`, …; None: all GPUs, if there are any and `processes` is
            not given.
        per_device: runs at once on each GPU.
        threads: of each run; None shares the cores out evenly.
        cores: of this machine; None asks it.
        gpus: of this machine; None asks it.

    Raises:
        ConfigError: numbers below 1, devices that cannot be read or do not exist, or
            processes and devices together.
    """
    for flag, value in (
        ("processes", processes),
        ("per-device", per_device),
        ("threads", threads),
    ):
        if value is not None and value < 1:
            raise ConfigError(f"--{flag} must be at least 1, not {value}.")
    if processes is not None and devices is not None:
        raise ConfigError(
            "--processes packs runs on CPUs, --devices on GPUs: give one of the two."
        )
    cores = cores or available_cores()
    if processes is None and (devices is not None or (gpus := _gpus(gpus))):
        numbers = _numbers(devices or f"0-{(gpus or 1) - 1}", _gpus(gpus))
        visible = _visible()
        places = [
            (f"gpu {number}", visible[number] if visible else str(number))
            for _ in range(per_device)  # each GPU gets one before any gets two
            for number in numbers
        ]
    else:
        places = [("cpu", "")] * (processes or max(1, cores // 2))
    shares = thread_variables(threads or max(1, cores // len(places)))
    if threads is None:
        shares = {k: x for k, x in shares.items() if k not in os.environ}
    return [Slot(name, {"CUDA_VISIBLE_DEVICES": gpu, **shares}) for name, gpu in places]


def thread_variables(threads: int) -> dict[str, str]:
    """What makes a process use that many threads, in its emulators as well."""
    return dict.fromkeys(_THREADS, str(threads))


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus(known: int | None) -> int:
    if known is not None:
        return known
    import torch  # takes seconds

    return torch.cuda.device_count()


def _visible() -> Sequence[str]:
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return [x.strip() for x in named.split(",") if x.strip()]


def _numbers(text: str, gpus: int) -> list[int]:
    numbers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise ConfigError(f"--devices: {text!r} is not like 0-7 or 0,2,5.")
        first = int(match[1])
        numbers += range(first, int(match[2] or first) + 1)
    if not numbers or len(set(numbers)) < len(numbers):
        raise ConfigError(
            f"--devices: {text!r} names no GPU, or one twice. For several runs on "
            "each, say --per-device."
        )
    if max(numbers) >= gpus:
        there = f"there are {gpus} GPUs here, 0 to {gpus - 1}" if gpus else "none here"
        raise ConfigError(
            f"--devices {text}: PyTorch sees no GPU {max(numbers)}; {there}. For CPUs, "
            "say --processes."
        )
    return numbers
