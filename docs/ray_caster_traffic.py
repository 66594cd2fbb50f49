"""Operations and bytes of the ray caster: `python docs/ray_caster_traffic.py`.

What a GPU would have to start and to move for 2,048 worlds of 64 x 64 pixels, counted
on a CPU with all worlds drawn at once, as on a GPU: operations that are not views,
hence about as many kernels, and the bytes of the tensors that they read and write.
"""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from envs.mujoco.renderers import View
from envs.mujoco.renderers.crowd import BODIES, Crowd
from envs.mujoco.renderers.ray_caster import ray_caster

WORLDS, PIXELS, GEOMS = 2048, 64, 20


class Counting(TorchDispatchMode):
    """Counts what is computed, and what it reads and writes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.operations, self.bytes = 0, 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if not func.is_view and "empty" not in func.name():
            self.operations += 1
            touched = tree_leaves((args, kwargs or {}, made))
            self.bytes += sum(x.nbytes for x in touched if isinstance(x, torch.Tensor))
        return made


def main() -> None:
    """One row for each kind of scene."""
    ray_caster.PIXELS = ray_caster.PIXELS_ELSEWHERE
    view = View(PIXELS, PIXELS, 60.0)
    print("| | operations | GB read and written | per picture, MB |")
    print("|---|---|---|---|")
    for name, shapes in {"boxes": ("box",), "all shapes": BODIES}.items():
        crowd = Crowd(GEOMS, shapes)
        poses = crowd.poses(WORLDS, torch.Generator().manual_seed(0), "cpu")
        renderer = ray_caster.RayCaster(crowd.model, view)
        with Counting() as counted:
            renderer.frames(poses)
        moved = counted.bytes / 1e9
        each = 1e3 * moved / WORLDS
        print(f"| {name} | {counted.operations:,} | {moved:.3g} | {each:.2f} |")


if __name__ == "__main__":
    main()
