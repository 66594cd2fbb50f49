"""Our objectives beside public ones, number for number.

    python docs/compare_methods.py

writes results/compare_methods.json beside this file and prints the table of
objectives.md. `docs/peers/lightly_losses.py` and `docs/peers/ijepa.py` have how to get
the others.
"""

import json
from importlib.metadata import version
from pathlib import Path

import torch
from compare_recipes import table
from peers.methods import methods

RESULTS = Path(__file__).parent / "results" / "compare_methods.json"


def main() -> None:
    """Compare all of them, write it down and print it."""
    torch.set_num_threads(1)
    packages = {name: version(name) for name in ("lightly", "torch")}
    told = {"packages": packages, "methods": list(methods())}
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print("\n".join(table(told["methods"])))


if __name__ == "__main__":
    main()
