"""How `curious benchmark` reads its arguments."""

from collections.abc import Sequence

from experiments.benchmark.config import BenchmarkConfig
from experiments.config.command_line import parse_plain

EXAMPLES = {
    "curious benchmark": "everything on Montezuma's Revenge",
    "curious benchmark --game Breakout --rounds 9": "another game, narrower ranges",
    "curious benchmark --arms sb3 ppo --precision float32": "two arms, no bf16",
    "curious benchmark --suite maze --arms world byol-explore": "worlds of pure torch",
    "curious benchmark --suite parts --threads 1": "encoders alone, on one core",
    "curious benchmark --suite data --data-gib 6": "a data set larger than memory",
    "curious benchmark --suite methods": "a step of each method of curious pretrain",
    "curious benchmark --suite models": "a step of world models, beside its floor",
    "curious benchmark --suite signals": "an update with each signal, beside plain PPO",
    "curious benchmark --suite planning": "many envs in one batch, and one by one",
}
ADVICE = (
    "Leave the machine alone meanwhile. Ratios are taken within a round, so a busy "
    "machine harms them less than speeds; watch the range behind each median.\n"
    "What is equal to Stable-Baselines3's arm and what is not is written into the "
    "results, as `fairness`."
)


def run(argv: Sequence[str]) -> int:
    """Measure as the command line says; returns 0."""
    width = max(map(len, EXAMPLES))
    config = parse_plain(
        argv,
        BenchmarkConfig,
        prog="curious benchmark",
        examples=[f"{x:{width}}  {about}" for x, about in EXAMPLES.items()],
        advice=ADVICE,
    )
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.benchmark.benchmark import benchmark

    benchmark(config)
    return 0
