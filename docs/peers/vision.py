"""torchvision's and timm's Python beside a PyTorch that their binaries do not fit.

Wheels of torchvision from the usual index are built for one build of PyTorch; beside
another, its own operators (boxes, regions) are missing, and importing it fails.
Networks and optimisers need none of them: they are declared here, and never called.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import torch

_DECLARED: list[torch.library.Library] = []


def imported(name: str) -> Any:
    """A module of torchvision, timm or lightly."""
    if not _DECLARED:
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor a, Tensor b, float c) -> Tensor")
        _DECLARED.append(library)
        # registers shapes of those operators, and finds none to register them with
        missing = "torchvision._meta_registrations"
        sys.modules.setdefault(missing, ModuleType(missing))
    return import_module(name)
