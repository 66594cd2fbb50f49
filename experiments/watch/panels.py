"""Pictures and a curve side by side, as one frame of a video."""

from collections import deque
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE, WIDE, _GAP, _FONT = 320, 400, 8, 13
"""pixels: height of all panels, width of the curve's, between panels, of letters"""
WIDEST = 1_024
"""pixels that a picture is wide at most; one that is wider is less high"""
_PAPER, _INK, _LINE = (255, 255, 255), (60, 60, 60), (215, 215, 215)
_COLOURS = ((31, 119, 180), (214, 90, 30), (44, 150, 60), (150, 90, 180))


class Panels:
    """Puts together one frame per step; remembers the bonus of the latest steps.

    Args:
        window: steps that the curve goes back.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._paid: deque[dict[str, float]] = deque(maxlen=window)
        self._most = 0.0

    def frame(
        self,
        views: Sequence[NDArray[np.uint8]],
        paid: Mapping[str, float],
        lines: Sequence[str],
    ) -> NDArray[np.uint8]:
        """One frame, `[320, W, 3]`.

        Args:
            views: pictures `[H, W, 3]` from left to right, enlarged to one height.
            paid: what each signal pays at this step.
            lines: words below the curve.
        """
        self._paid.append(dict(paid))
        shown = [abs(x) for told in self._paid for x in told.values()]
        self._most = max([0.99 * self._most, *shown, 1e-8])
        pictures = [_enlarged(x) for x in views]
        width = sum(x.width + _GAP for x in pictures) + WIDE
        paper = Image.new("RGB", (width + width % 2, SIDE), _PAPER)
        left = 0
        for picture in pictures:
            paper.paste(picture, (left, (SIDE - picture.height) // 2))
            left += picture.width + _GAP
        self._draw(ImageDraw.Draw(paper), left, lines)
        frame: NDArray[np.uint8] = np.asarray(paper)
        return frame

    @cached_property
    def _font(self) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return ImageFont.load_default(_FONT)

    def _draw(self, draw: ImageDraw.ImageDraw, left: int, lines: Sequence[str]) -> None:
        """Axis, a curve for each signal, and words."""
        names = list(self._paid[-1])
        words = (len(names) + len(lines)) * (_FONT + 4)
        top, bottom, right = _GAP, SIDE - words - 2 * _GAP, left + WIDE - _GAP
        below = any(min(x.values(), default=0.0) < 0 for x in self._paid)
        zero = (top + bottom) / 2 if below else bottom
        draw.line((left, zero, right, zero), _LINE)
        step = (right - left) / (self._window - 1)
        begin = right - step * (len(self._paid) - 1)
        for i, name in enumerate(names):
            colour = _COLOURS[i % len(_COLOURS)]
            curve = [
                (begin + step * t, zero - (zero - top) * x[name] / self._most)
                for t, x in enumerate(self._paid)
            ]
            if len(curve) > 1:
                draw.line(curve, colour, 2)
            said = f"{name}  {self._paid[-1][name]:.3g}"
            draw.text((left, bottom + _GAP + i * (_FONT + 4)), said, colour, self._font)
        for i, line in enumerate(lines):
            place = left, bottom + _GAP + (len(names) + i) * (_FONT + 4)
            draw.text(place, line, _INK, self._font)


def _enlarged(view: NDArray[np.uint8]) -> Image.Image:
    """As high as all panels, unless it is too wide for that; pixels stay sharp."""
    scale = min(SIDE / view.shape[0], WIDEST / view.shape[1])
    high, wide = (max(1, round(x * scale)) for x in view.shape[:2])
    picture = Image.fromarray(np.ascontiguousarray(view))
    return picture.resize((wide, high), Image.Resampling.NEAREST)
