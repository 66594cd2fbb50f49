"""What a step of the social room costs: `python docs/social_room_cost.py`.

Milliseconds of processor time of a step of all envs, medians of five spells, with one
thread; by physics (no pixels) and with frames of both sizes, in one run.
"""

from statistics import median
from time import process_time

import torch

from envs.mujoco.social_room.config import SocialRoomConfig

SPELL = 0.4  # seconds


def cost(num_envs: int, pixels: int, others: int) -> float:
    """Milliseconds per step."""
    env = SocialRoomConfig(pixels=pixels, others=others).build(num_envs, "cpu")
    env.reset(seed=0)
    actions = torch.randint(9, (64, num_envs))
    env.step(actions[0])
    spells = []
    for _ in range(5):
        begun, steps = process_time(), 0
        while process_time() - begun < SPELL:
            env.step(actions[steps % 64])
            steps += 1
        spells.append((process_time() - begun) / steps)
    env.close()
    return 1_000 * median(spells)


def main() -> None:
    """One row per number of envs."""
    torch.set_num_threads(1)
    print("| | no pixels | 64 x 64 | 84 x 84 | 64 x 64, eight groups |")
    print("|---|---|---|---|---|")
    for num_envs in (1, 16, 128):
        costs = [cost(num_envs, *x) for x in ((0, 3), (64, 3), (84, 3), (64, 7))]
        shown = " | ".join(f"{x:.3g}" for x in costs)
        print(f"| {num_envs} env{'s' * (num_envs > 1)} | {shown} |")


if __name__ == "__main__":
    main()
