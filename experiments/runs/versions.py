"""What a run was made with: packages, commit, machine. Written once per run."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "curious-worlds",
    "torch",
    "numpy",
    "gymnasium",
    "ale-py",
    "mujoco",
    "stable-baselines3",
    "opencv-python-headless",
    "safetensors",
    "tyro",
    "vizdoom",
    "warp-lang",
)


def versions() -> dict[str, Any]:
    """Versions and machine as JSON; what is not installed or not known is null."""
    import torch  # takes a second, which no help needs to wait for

    return {
        "python": platform.python_version(),
        "packages": {x: _installed(x) for x in PACKAGES},
        "git": _git(Path(__file__).resolve().parents[2]),
        "command": sys.argv,
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpus": [
            torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())
        ],
        "cuda": torch.version.cuda,
    }


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(root: Path) -> dict[str, Any] | None:
    """Commit of the checkout this file lies in, and whether it has been edited."""
    if not (root / ".git").exists():  # installed, perhaps inside somebody else's repo
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        run = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=20
        )
        return run.stdout.strip()

    try:
        edited = git("--no-optional-locks", "status", "--porcelain")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(edited)}
    except (OSError, subprocess.SubprocessError):
        return None


def _cpu() -> str:
    """Model name, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
