"""A television on a wall: a picture that nobody can predict, nor turn off."""

from typing import final

from jaxtyping import Float32
from torch import Tensor

from envs.chance import Keyed

CELLS = 4
"""rows and columns of its picture"""
SCREEN = 0.7
"""metres from its middle to its edges"""
HIGH = 1.25
"""metres from the floor to its middle"""
_THICK = 0.03


@final
class Television:
    """A screen of 4 x 4 squares, each of which has another colour in every step.

    Whoever watches it is surprised for ever, and learns nothing (Burda et al. 2018,
    arXiv 1808.04355). It hangs across x: its body's y and z run along the wall. `body`
    goes into a scene's `worldbody`; its geoms are named `tv 0`, `tv 1`, …, by row.
    """

    num = CELLS**2
    names = tuple(f"tv {i}" for i in range(num))

    @property
    def body(self) -> str:
        """Its body, which is moved by nothing but `Told`."""
        side = SCREEN / CELLS
        geoms = "".join(
            f'<geom name="{name}" type="box" size="{_THICK} {side} {side}" '
            f'pos="0 {side * (2 * (i % CELLS) + 1) - SCREEN:.4f} '
            f'{SCREEN - side * (2 * (i // CELLS) + 1):.4f}" '
            f'contype="0" conaffinity="0"/>'
            for i, name in enumerate(self.names)
        )
        return f'<body name="tv" mocap="true" pos="0 0 {HIGH}">{geoms}</body>'

    def picture(self, num: int, chance: Keyed) -> Float32[Tensor, "B cells 3"]:
        """What it shows in this step: red, green and blue of each square."""
        return chance.uniform(num, self.num, 3)
