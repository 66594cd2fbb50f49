"""Scripts of the docs as modules."""

import importlib
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"


def script(name: str) -> Any:
    """The script of this name; scripts import each other as they lie side by side."""
    if str(DOCS) not in sys.path:
        sys.path.append(str(DOCS))  # last, so that no name of ours hides another's
    return importlib.import_module(name)
