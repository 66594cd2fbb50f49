"""Draws images/renderers.png: `python docs/renderers_figure.py`.

From above: the ray caster's colours, depth and segmentation, and MuJoCo's own colours.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from envs.mujoco.renderers import Crowd, NativeRenderer, RayCaster, View

WORLDS, SIDE, ENLARGED = 6, 96, 2
FURTHEST = 8.0
"""metres from which on depth is white"""


def main() -> None:
    """One column per world."""
    crowd, view = Crowd(20), View(SIDE, SIDE, 60.0)
    poses = crowd.poses(WORLDS, torch.Generator().manual_seed(4), "cpu")
    seen = RayCaster(crowd.model, view).render(poses)
    native = NativeRenderer(crowd.model, view)
    own = native.frames(poses)
    native.close()
    grey = (seen.depth / FURTHEST).clamp(0, 1).mul(255).byte()
    palette = torch.randint(
        60, 256, (crowd.model.ngeom + 1, 3), generator=torch.Generator().manual_seed(1)
    )
    palette[0] = 0
    who = palette.byte()[seen.segmentation.long() + 1].permute(0, 3, 1, 2)
    rows = (seen.rgb, grey.unsqueeze(1).expand_as(seen.rgb), who, own)
    picture = torch.cat([_row(x) for x in rows], 1).permute(1, 2, 0)
    size = (ENLARGED * picture.shape[1], ENLARGED * picture.shape[0])
    image = Image.fromarray(picture.numpy()).resize(size, Image.Resampling.NEAREST)
    image.save(Path(__file__).parent / "images" / "renderers.png", optimize=True)


def _row(frames: Tensor) -> Tensor:
    return torch.cat(list(frames), -1)


if __name__ == "__main__":
    main()
