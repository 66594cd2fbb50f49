"""Rows of one env, one after another, as frames of a video."""

from collections.abc import Iterator, Mapping
from typing import final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from envs.overview import OVERVIEW
from envs.vector_env import FactSpec
from experiments.watch.panels import Panels

COLOUR = "colour"
WHOLE = (OVERVIEW, COLOUR)
"""facts that are pictures of more than the agent sees; the first that there is"""


def is_told(name: str, fact: FactSpec) -> bool:
    """Whether people are told a fact: a picture of the whole, or one of few names."""
    return name in WHOLE or (bool(fact.names) and not fact.shape)


@final
class Screen:
    """The agent's view, the whole beside it, numbers as curves, and words.

    The whole is left out where it is what the agent sees, to the last pixel, in the
    first row; and the view where it is a single pixel, but for a world that has no
    other picture.

    Args:
        facts: of the world.
        window: steps that curves go back.
    """

    def __init__(self, facts: Mapping[str, FactSpec], window: int) -> None:
        self._panels, self._facts, self._step = Panels(window), facts, 0
        self._whole = next((x for x in WHOLE if x in facts), None)

    def frame(
        self,
        obs: Tensor,
        facts: Mapping[str, Tensor],
        numbers: Mapping[str, float],
        begins: bool,
    ) -> NDArray[np.uint8]:
        """The next frame.

        Args:
            obs: `[C, H, W]`, what the agent sees.
            facts: of this env; those that `is_told` suffice.
            numbers: the latest value of each curve.
            begins: whether an episode begins with this row.
        """
        view = _colours(obs)
        views = [view]
        if self._whole is not None:
            whole = _colours(facts[self._whole])
            if not self._step and np.array_equal(whole, view):
                self._whole = None
            else:
                views = [whole] if view.shape[:2] == (1, 1) else [view, whole]
        self._step += 1
        lines = [f"step {self._step}", *self._words(facts)]
        if begins:
            lines.append("an episode begins")
        return self._panels.frame(views, numbers, lines)

    def _words(self, facts: Mapping[str, Tensor]) -> Iterator[str]:
        for name, value in facts.items():
            spec = self._facts[name]
            if spec.names and not spec.shape:
                yield f"{name.replace('_', ' ')}: {spec.names[int(value)]}"


def _colours(frame: Tensor) -> NDArray[np.uint8]:
    """`[H, W, 3]`: three channels as they are, of others the first as gray."""
    image = frame.cpu()
    shown = image[:3] if len(image) >= 3 else image[:1].expand(3, -1, -1)
    picture: NDArray[np.uint8] = shown.permute(1, 2, 0).contiguous().numpy()
    return picture
