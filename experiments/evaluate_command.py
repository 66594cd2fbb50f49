"""How `curious evaluate` reads its arguments."""

from collections.abc import Sequence

import tyro

from experiments.evaluate import EvaluateConfig, evaluate


def run(argv: Sequence[str]) -> int:
    """Evaluate as the command line says; returns 0."""
    evaluate(tyro.cli(EvaluateConfig, args=list(argv), prog="curious evaluate"))
    return 0
