"""Where nothing can be learned any more, γ-Progress pays nothing."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import main

ARGUMENTS = """
train gamma-progress --yardstick own-loss --world attention
--world.company noise --world.pixels 0 --model grouped --encoder objects --core history
--policy dqn --eyes vector --agent.policy.encoder.stop 12 --agent.policy.encoder.size 64
--agent.policy.hidden --agent.policy.newest 75 --agent.study.burn-in 3
--agent.extrinsic.weight 0 --num-envs 1 --env-steps 12000 --evaluate-every 0
--checkpoint-every 12000 --video-steps 0 --seed 3
"""
ROLLOUT, WINDOW = 40, 25  # env steps; rollouts in a mean, of 1,000 steps


@pytest.mark.slow
def test_four_noises_pay_less_than_a_tenth_of_the_peak(tmp_path: Path) -> None:
    """The agent of the grid `attention`, in a world of four noises and in Noise.

    What is paid is the difference of two losses, before it is divided by its own root
    mean square: divided by that, anything is of order 1. In the last quarter of the
    run four noises pay, on average, less than a tenth of the highest mean over 1,000
    env steps: that of the same run, of either sign (new weights can be worse than old
    ones, which are a mean), and that of a run in which there is something to learn.
    """
    noise = paid("nobody", tmp_path)
    late = abs(noise[-3 * WINDOW :].mean())
    assert late < 0.1 * np.abs(levels(noise)).max()
    assert late < 0.1 * levels(paid("reaching", tmp_path)).max()


def paid(animate: str, runs: Path) -> np.ndarray:
    """Mean progress, rollout by rollout."""
    out = runs / animate
    world = ("--world.animate", animate, "--runs", str(out))
    assert main([*ARGUMENTS.split(), *world]) == 0
    [file] = out.glob("*/metrics.jsonl")
    rows = [json.loads(x)["metrics"] for x in file.read_text().splitlines()]
    assert len(rows) >= 12_000 / ROLLOUT
    return np.array([x["intrinsic/gamma-progress/raw_mean"] for x in rows])


def levels(values: np.ndarray) -> np.ndarray:
    """Means over 1,000 env steps."""
    return np.convolve(values, np.full(WINDOW, 1 / WINDOW), "valid")
