"""What a step of the attention world costs: `python docs/attention_cost.py`.

Prints the table of attention.md: milliseconds of processor time of a step of all envs,
with one thread; the median of five spells, behind one that does not count.
"""

import time
from statistics import median

import torch

from envs.attention.config import AttentionConfig
from envs.behaviours.groups import Animate, Company

ANIMATES = (Animate.REACHING, Animate.CHASING, Animate.PEEKABOO, Animate.MIMICRY)
ROWS = {  # envs, pixels, steps in a spell
    "one env, no pixels": (1, 0, 200),
    "one env, 36 x 36 pixels": (1, 36, 200),
    "4,096 envs, no pixels": (4_096, 0, 40),
    "4,096 envs, 36 x 36 pixels": (4_096, 36, 2),
}
SPELLS = 5


def cost(animate: Animate, num_envs: int, pixels: int, steps: int) -> float:
    """Milliseconds of processor time of one step, among three noises."""
    config = AttentionConfig(animate, company=Company.NOISE, pixels=pixels)
    env = config.build(num_envs, "cpu")
    env.reset(seed=0)
    generator = torch.Generator().manual_seed(0)
    spells = []
    for _ in range(SPELLS + 1):
        actions = torch.randint(9, (steps, num_envs), generator=generator)
        begin = time.process_time()
        for action in actions:
            env.step(action)
        spells.append(1e3 * (time.process_time() - begin) / steps)
    return median(spells[1:])


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"| | {' | '.join(x.value for x in ANIMATES)} |")
    print("|---" * (len(ANIMATES) + 1) + "|")
    for about, (num_envs, pixels, steps) in ROWS.items():
        each = [cost(x, num_envs, pixels, steps) for x in ANIMATES]
        cells = [f"{float(f'{x:.2g}'):g}" for x in each]
        print(f"| {about} | {' | '.join(cells)} |", flush=True)
