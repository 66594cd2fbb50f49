"""Where nothing can be learned any more, γ-Progress stops paying; errors never do."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import main

ARGUMENTS = """
train gamma-progress --yardstick own-loss --world attention --world.animate nobody
--world.company noise --world.pixels 0 --model grouped --encoder objects --core history
--policy dqn --eyes vector --agent.policy.encoder.stop 12 --agent.policy.encoder.size 64
--agent.policy.hidden --agent.policy.newest 75 --agent.study.burn-in 3
--agent.extrinsic.weight 0 --num-envs 1 --env-steps 12000 --evaluate-every 0
--checkpoint-every 12000 --video-steps 0 --seed 3
"""
ROLLOUT, WINDOW = 40, 25  # env steps; rollouts in a mean, 1,000 steps


@pytest.mark.slow
def test_four_noises_pay_less_than_a_tenth_of_the_peak(tmp_path: Path) -> None:
    """An ordinary agent, in a world of four noises.

    What is paid is the difference of the two losses, before it is divided by its own
    root mean square: divided by that, anything is of order 1. Its mean over 1,000 env
    steps at its highest is compared with that over the last 3,000 of 12,000.
    """
    assert main([*ARGUMENTS.split(), "--runs", str(tmp_path)]) == 0
    [file] = tmp_path.glob("*/metrics.jsonl")
    rows = [json.loads(x)["metrics"] for x in file.read_text().splitlines()]
    paid = series(rows, "raw_mean")
    error = series(rows, "new_loss")
    assert len(paid) >= 12_000 / ROLLOUT
    level = np.convolve(paid, np.full(WINDOW, 1 / WINDOW), "valid")
    late = slice(-3 * WINDOW, None)
    assert level.max() > 0
    assert abs(paid[late].mean()) < 0.1 * level.max()
    assert error[late].mean() > 0.5 * error[WINDOW : 2 * WINDOW].mean()


def series(rows: list[dict[str, float]], name: str) -> np.ndarray:
    """A metric of the signal, rollout by rollout."""
    return np.array([x[f"intrinsic/gamma-progress/{name}"] for x in rows])
