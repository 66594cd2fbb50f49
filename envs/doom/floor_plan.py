"""The floor plan of a map: which room a place is in, and all of it from above."""

import math
import re
from collections.abc import Iterator
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

TILE = 32
"""map units to a side of the tiles that places are counted in; a room has 5 x 5"""

_SCALE, _MARGIN = 4, 8  # map units per pixel; pixels around the map
_VEST = "2018"  # the type of the goal
_GROUND, _WALL, _GREEN, _ORANGE = (
    (24, 24, 32),
    (200, 200, 200),
    (60, 190, 90),
    (240, 150, 50),
)


@final
class FloorPlan:
    """Rooms, walls and the goal of a map in Doom's text format (UDMF).

    Rooms are the map's sectors by number. In My Way Home all but one are boxes, and the
    boxes around them do not overlap: a place is in the nearest.

    Args:
        text: the lump TEXTMAP.

    Attributes:
        boxes: `[R, 4]`, least and greatest x, least and greatest y of each room.
        goal: where the vest lies.
        shape: (3, H, W) of what `draw` draws.
    """

    def __init__(self, text: str) -> None:
        corner = [(float(x["x"]), float(x["y"])) for x in _blocks(text, "vertex")]
        sector = [int(x["sector"]) for x in _blocks(text, "sidedef")]
        lines = list(_blocks(text, "linedef"))
        ends = [(corner[int(x["v1"])], corner[int(x["v2"])]) for x in lines]
        around: dict[int, list[tuple[float, float]]] = {}
        for line, both in zip(lines, ends, strict=True):
            for side in ("sidefront", "sideback"):
                if side in line:
                    around.setdefault(sector[int(line[side])], []).extend(both)
        rooms = [np.array(around[i]) for i in sorted(around)]
        box = [(*x.min(0), *x.max(0)) for x in rooms]  # x, y, then x, y
        self.boxes: NDArray[np.float32] = np.array(box, np.float32)[:, [0, 2, 1, 3]]
        self.goal = next(
            (float(x["x"]), float(x["y"]))
            for x in _blocks(text, "thing")
            if x["type"] == _VEST
        )
        self._west, self._south = self.boxes[:, 0].min(), self.boxes[:, 2].min()
        self._north = self.boxes[:, 3].max()
        self._ground = self._drawn(
            both
            for line, both in zip(lines, ends, strict=True)
            if "sideback" not in line
        )
        self.shape = (3, *self._ground.shape[:2])

    def room(self, place: Float32[Tensor, "B 2"]) -> Int64[Tensor, "B"]:
        """The number of the room that each place is in."""
        west, east, south, north = torch.from_numpy(self.boxes).to(place.device).T
        x, y = place.unsqueeze(-1).unbind(1)
        aside = (west - x).clamp(min=0) + (x - east).clamp(min=0)
        beyond = (south - y).clamp(min=0) + (y - north).clamp(min=0)
        room: Tensor = (aside + beyond).argmin(1)
        return room

    def tile(self, place: Float32[Tensor, "B 2"]) -> Int64[Tensor, "B 2"]:
        """Column and row of the tile that each place is in, from the south-west."""
        corner = torch.tensor([self._west, self._south], device=place.device)
        tile: Tensor = ((place - corner) / TILE).floor().long()
        return tile

    def draw(
        self, place: Float32[Tensor, "B 2"], angle: Float32[Tensor, "B"]
    ) -> UInt8[Tensor, "B 3 H W"]:
        """The whole map with the vest, and the player as an arrow."""
        pictures = []
        for (x, y), degrees in zip(place.tolist(), angle.tolist(), strict=True):
            picture, way = self._ground.copy(), math.radians(degrees)
            back = (x - 24 * math.cos(way), y - 24 * math.sin(way))
            tip = (x + 24 * math.cos(way), y + 24 * math.sin(way))
            cv2.arrowedLine(
                picture, self._pixel(back), self._pixel(tip), _ORANGE, 2, tipLength=0.5
            )
            pictures.append(picture)
        drawn = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
        return drawn.to(place.device)

    def _drawn(
        self, walls: Iterator[tuple[tuple[float, float], tuple[float, float]]]
    ) -> NDArray[np.uint8]:
        wide, high = self._pixel((float(self.boxes[:, 1].max()), float(self._south)))
        picture = np.empty((high + _MARGIN, wide + _MARGIN, 3), np.uint8)
        picture[:] = _GROUND
        for begin, end in walls:
            cv2.line(picture, self._pixel(begin), self._pixel(end), _WALL, 1)
        cv2.circle(picture, self._pixel(self.goal), 4, _GREEN, -1)
        return picture

    def _pixel(self, place: tuple[float, float]) -> tuple[int, int]:
        x = _MARGIN + (place[0] - float(self._west)) / _SCALE
        y = _MARGIN + (float(self._north) - place[1]) / _SCALE
        return round(x), round(y)


def _blocks(text: str, kind: str) -> Iterator[dict[str, str]]:
    """Each block `kind { name = value; … }` of the text, values as they are written."""
    for body in re.findall(rf"\b{kind}\b[^{{;]*\{{([^}}]*)\}}", text):
        yield dict(re.findall(r"(\w+)\s*=\s*([^;]+);", body))
