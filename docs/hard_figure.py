"""Draws images/hard.png: `python docs/hard_figure.py`."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from agents.expert import Expert
from envs.mujoco.hard.carry.config import CarryConfig
from envs.mujoco.hard.config import HallConfig
from envs.mujoco.hard.push.config import PushButtonConfig
from envs.mujoco.hard.sequence.config import SequenceConfig
from envs.native_env import NativeVectorEnv

PATH = Path(__file__).parent / "images" / "hard.png"
DRAWN = {"pixels": 160, "overview": True}
TASKS: tuple[tuple[HallConfig, int], ...] = (
    (PushButtonConfig(**DRAWN), 4),  # type: ignore[arg-type]
    (SequenceConfig(**DRAWN), 4),  # type: ignore[arg-type]
    (CarryConfig(**DRAWN), 4),  # type: ignore[arg-type]
)
"""each task, and the seed of its episode"""
SHOWN = 7  # frames of a task, as far apart as the way is long
MOST = 300  # steps


def walked(config: HallConfig, seed: int) -> list[Tensor]:
    """The guide's way to the goal: what it sees above the map, `[3, H, W]` each."""
    env = config.build(1, "cpu")
    assert isinstance(env, NativeVectorEnv)
    guide = Expert(env, seed=0)
    row, carry = env.reset(seed=seed), guide.start(1)
    rows = [row]
    while not row.terminated and len(rows) < MOST:
        acted = guide.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
        rows.append(row)
    return [torch.cat([x.obs[0], _above(x.facts["overview"][0])], 1) for x in rows]


def _above(picture: Tensor) -> Tensor:
    """As wide as a frame."""
    return pad(picture, (0, 160 - picture.shape[2], 4, 8))


def main() -> None:
    """A line for each task, moments from left to right in time."""
    lines = []
    for config, seed in TASKS:
        frames = walked(config, seed)
        some = [frames[i * (len(frames) - 1) // SHOWN] for i in range(SHOWN)]
        lines.append(torch.cat([pad(x, (0, 4)) for x in some], 2))
    figure = torch.cat(lines, 1).permute(1, 2, 0).numpy()
    Image.fromarray(figure).save(PATH, optimize=True)


if __name__ == "__main__":
    main()
