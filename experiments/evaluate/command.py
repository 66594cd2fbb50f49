"""How `curious evaluate` reads its arguments."""

from collections.abc import Sequence

from experiments.config.command_line import parse_plain
from experiments.evaluate.config import EvaluateConfig

EXAMPLES = (
    "curious evaluate runs/RUN",
    "curious evaluate runs/RUN --best --episodes 30 --video-steps 0",
    "curious evaluate runs/RUN/checkpoints/step-000000016384.safetensors --greedy",
)


def run(argv: Sequence[str]) -> int:
    """Evaluate as the command line says; returns 0."""
    config = parse_plain(
        argv, EvaluateConfig, prog="curious evaluate", examples=EXAMPLES
    )
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.evaluate.evaluation import evaluate

    evaluate(config)
    return 0
