"""lightly's losses, module by module, beside a PyTorch without torchvision.

    pip download lightly==1.6.0 --no-deps && unzip lightly-*.whl -d FOLDER
    PYTHONPATH=FOLDER python docs/compare_methods.py

The package imports torchvision and Lightning wherever it begins; its losses need
neither. So its packages are declared here as folders, and only what is asked for runs.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGES = ("lightly", "lightly.loss", "lightly.models", "lightly.models.modules")


def loss(module: str, name: str) -> Any:
    """A class of `lightly/loss/MODULE.py`."""
    _declare()
    return getattr(import_module(f"lightly.loss.{module}"), name)


def _declare() -> None:
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
