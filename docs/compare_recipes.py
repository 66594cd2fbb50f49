"""Our optimisers, schedules and ResNets beside public ones, number for number.

    python docs/compare_recipes.py

writes results/compare_recipes.json beside this file and prints the tables of
recipes.md.
Compared with timm, lightly, torchvision and PyTorch (`docs/peers/optimizers.py` and
`docs/peers/networks.py` have how to install them).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from peers.networks import networks
from peers.optimizers import compared

RESULTS = Path(__file__).parent / "results" / "compare_recipes.json"
PACKAGES = ("timm", "lightly", "torchvision", "torch")


def table(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: a line for each pair."""
    yield "| ours | theirs | largest difference |"
    yield "|---|---|---|"
    for x in found:
        yield f"| {x['ours']} | {x['theirs']} | {x['apart']:.1e} |"


def main() -> None:
    """Compare all of them, write it down and print it."""
    torch.set_num_threads(1)
    told = {
        "packages": {name: version(name) for name in PACKAGES},
        "optimizers": list(compared()),
        "networks": list(networks()),
    }
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for name in ("optimizers", "networks"):
        print("\n".join(table(told[name])))


if __name__ == "__main__":
    main()
