"""An object that stays where it is."""

from typing import ClassVar, final

from jaxtyping import Bool, Float32
from torch import Tensor

from envs.behaviours.behaviour import Behaviour, Look, anywhere
from envs.chance import Chance


@final
class Static(Behaviour):
    """One object, anywhere. There is nothing to learn but its place."""

    looks: ClassVar[tuple[Look, ...]] = (Look((150, 150, 158), 0.15),)
    size = 2

    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """Anywhere."""
        return anywhere((num,), chance)

    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """The same."""
        return state
