"""lightly's losses, module by module, beside a PyTorch that torchvision does not fit.

    pip download lightly==1.6.0 torchvision --no-deps
    unzip -d FOLDER lightly-*.whl; unzip -d FOLDER torchvision-*.whl
    PYTHONPATH=FOLDER python docs/compare_methods.py

The package imports Lightning and much else wherever it begins; its losses need none of
it. So its packages are declared here as folders, and only what is asked for runs.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from peers.vision import imported

PACKAGES = ("lightly", "lightly.loss", "lightly.models", "lightly.models.modules")


def loss(module: str, name: str) -> Any:
    """A class of `lightly/loss/MODULE.py`."""
    return part(f"loss.{module}", name)


def tool(name: str) -> Any:
    """A function of `lightly/models/utils.py`."""
    return part("models.utils", name)


def module(name: str, file: str = "heads") -> Any:
    """A class of `lightly/models/modules/FILE.py`."""
    return part(f"models.modules.{file}", name)


def part(file: str, name: str) -> Any:
    """Something of a module of lightly."""
    _declare()
    return getattr(import_module(f"lightly.{file}"), name)


def _declare() -> None:
    imported("torchvision.ops")
    if "lightly" in sys.modules:
        return
    found = find_spec("lightly")
    if found is None or found.origin is None:
        raise SystemExit("lightly is not there; this file's head says how to get it.")
    root = Path(found.origin).parent
    for package in PACKAGES:
        folder = ModuleType(package)
        folder.__path__ = [str(root.joinpath(*package.split(".")[1:]))]
        sys.modules[package] = folder
