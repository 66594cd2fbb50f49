"""Draws images/rooms.png and images/rooms.gif: `python docs/rooms_figure.py`."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from agents.expert import Expert
from envs.mujoco.rooms.config import RoomsConfig
from envs.native_env import NativeVectorEnv

IMAGES = Path(__file__).parent / "images"
CONFIG = RoomsConfig(pixels=160, overview=True, tv=True, layout_seed=2)
SHOWN = 6  # frames of the figure, as far apart as the way is long
MOST = 400  # steps


def walked() -> list[Tensor]:
    """The guide's way to the goal: what it sees beside the map, `[3, H, W]` each."""
    env = CONFIG.build(1, "cpu")
    assert isinstance(env, NativeVectorEnv)
    guide = Expert(env, seed=0)
    row, carry = env.reset(seed=0), guide.start(1)
    rows = [row]
    while not row.terminated and len(rows) < MOST:
        acted = guide.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
        rows.append(row)
    return [torch.cat([x.obs[0], x.facts["overview"][0]], 2) for x in rows]


def main() -> None:
    """A line of moments from left to right in time, and all of it as a film."""
    frames = walked()
    some = [frames[i * (len(frames) - 1) // (SHOWN - 1)] for i in range(SHOWN)]
    lines = [torch.cat([x[:, :, :160], x[:, :, 160:]], 1) for x in some]
    figure = torch.cat(lines, 2).permute(1, 2, 0).numpy()
    Image.fromarray(figure).save(IMAGES / "rooms.png", optimize=True)
    film = [Image.fromarray(x.permute(1, 2, 0).numpy()) for x in frames[::2]]
    film = [x.quantize(64, dither=Image.Dither.NONE) for x in film]
    film[0].save(
        IMAGES / "rooms.gif", save_all=True, append_images=film[1:], duration=80, loop=0
    )


if __name__ == "__main__":
    main()
