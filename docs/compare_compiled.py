"""What `--compile` is worth: `python docs/compare_compiled.py`, on one thread.

Forward and backward of encoders on uint8 images, plain and compiled in turns, by CPU
time; a table in Markdown of ratios within a round, median (smallest to largest). To
compile is not counted. Changes nothing on disk.
"""

import statistics
import time

import torch

from agents.compiling import compile_encoders
from ssl_objectives import (
    Encoder,
    EncoderConfig,
    ImpalaConfig,
    NatureConfig,
    ResNetConfig,
)

ROUNDS, BATCH = 7, 128
ENCODERS: dict[str, tuple[EncoderConfig, tuple[int, int, int]]] = {
    "Nature, 4 × 84 × 84": (NatureConfig(), (4, 84, 84)),
    "IMPALA, 4 × 84 × 84": (ImpalaConfig(), (4, 84, 84)),
    "ResNet-18, 3 × 64 × 64": (ResNetConfig(), (3, 64, 64)),
}


def seconds(encoder: Encoder, images: torch.Tensor) -> float:
    """CPU time of one pass there and back."""
    began = time.process_time()
    encoder(images).square().sum().backward()
    return time.process_time() - began


def main() -> None:
    """A row for each encoder."""
    torch.set_num_threads(1)
    print("| encoder | plain, ms | compiled, × plain |")
    print("|---|---|---|")
    for name, (config, shape) in ENCODERS.items():
        images = torch.randint(256, (BATCH, *shape)).byte()
        plain, compiled = config.build(shape), config.build(shape)
        compile_encoders(compiled)
        for encoder in (plain, compiled, plain, compiled):
            seconds(encoder, images)
        took = [
            (seconds(plain, images), seconds(compiled, images)) for _ in range(ROUNDS)
        ]
        ratio = [b / a for a, b in took]
        alone = 1000 * statistics.median(a for a, _ in took)
        span = f"{min(ratio):.2f}–{max(ratio):.2f}"
        print(f"| {name} | {alone:.0f} | {statistics.median(ratio):.2f} ({span}) |")


if __name__ == "__main__":
    main()
