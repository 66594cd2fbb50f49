"""Pictures on planes, smoothed where they are far away; their mean on other shapes."""

from typing import NamedTuple, final

import mujoco
import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import interpolate

_FLAT = int(mujoco.mjtTexture.mjTEXTURE_2D)
_COLOUR = int(mujoco.mjtTextureRole.mjTEXROLE_RGB)


class Spot(NamedTuple):
    """Pixels that show a plane, in its own frame."""

    place: Float32[Tensor, "2 n"]  # metres from its middle
    right: Float32[Tensor, "2 n"]  # metres to the pixel on the right
    down: Float32[Tensor, "2 n"]  # metres to the pixel below


@final
class Texture:
    """A picture that repeats over a plane, sampled as OpenGL does.

    The picture is halved again and again; a pixel reads the two of these whose texels
    are nearest to it in size, each by the four texels around its middle (trilinear
    filtering). So a floor does not flicker far away, where it would be noise that no
    world model could predict.

    Args:
        picture: rows of red, green and blue, 1 for full.
        repeat: per metre, along x and along y.
        middle: pictures from the plane's corner to its middle, along x and y.
    """

    def __init__(
        self,
        picture: Float32[Tensor, "h w 3"],
        repeat: tuple[float, float],
        middle: tuple[float, float],
    ) -> None:
        level = picture.permute(2, 0, 1).unsqueeze(0)
        levels = [level]
        while max(level.shape[2:]) > 1:
            halved = [max(1, x // 2) for x in level.shape[2:]]
            level = interpolate(level, halved, mode="area")
            levels.append(level)
        self._texels = torch.cat([x.flatten(2) for x in levels], 2)[0].contiguous()
        sizes = torch.tensor([x.shape[2:] for x in levels], device=picture.device)
        area = sizes.prod(1)
        self._begin = area.cumsum(0) - area
        self._height, self._width = sizes.t().contiguous()
        # Rows of a picture go down, y goes up.
        self._turn = picture.new_tensor([[repeat[0]], [-repeat[1]]])
        self._middle = picture.new_tensor(middle).unsqueeze(1)

    def colours(self, spot: Spot) -> Float32[Tensor, "3 n"]:
        """By which the paint of each pixel is multiplied."""
        at = self._turn * spot.place + self._middle
        size = torch.stack([self._width[0], self._height[0]])
        texels = size.unsqueeze(1) * self._turn
        wide = [(texels * x).norm(dim=0) for x in (spot.right, spot.down)]
        last = len(self._begin) - 1
        level = torch.maximum(*wide).clamp_min(1e-9).log2().clamp(0, last)
        fine = level.floor().long()
        share = level - fine
        coarse = (fine + 1).clamp_max(last)
        return torch.lerp(self._smooth(fine, at), self._smooth(coarse, at), share)

    def _smooth(
        self, level: Int64[Tensor, "n"], at: Float32[Tensor, "2 n"]
    ) -> Float32[Tensor, "3 n"]:
        width, height = self._width[level], self._height[level]
        begin = self._begin[level]
        x, y = at[0] * width - 0.5, at[1] * height - 0.5
        left, above = x.floor(), y.floor()
        columns = [(left.long() + i) % width for i in (0, 1)]
        rows = [begin + (above.long() + i) % height * width for i in (0, 1)]
        upper, lower = (
            torch.lerp(
                self._texels.index_select(1, row + columns[0]),
                self._texels.index_select(1, row + columns[1]),
                x - left,
            )
            for row in rows
        )
        return torch.lerp(upper, lower, y - above)


def plane_textures(
    model: mujoco.MjModel, geoms: list[int], device: torch.device
) -> dict[int, Texture]:
    """From the index in `geoms` of each textured plane to its texture."""
    found = {}
    for i, geom in enumerate(geoms):
        texture = _texture(model, geom)
        if texture >= 0 and _is_plane(model, geom):
            picture = texels(model, texture).astype(np.float32) / 255
            material = model.geom_matid[geom]
            repeat = model.mat_texrepeat[material] / 2
            size = model.geom_size[geom, :2]
            if not model.mat_texuniform[material]:
                repeat = repeat / np.where(size > 0, size, 1)
            # Where there is no corner, MuJoCo has a picture's middle in the middle.
            x, y = np.where(size > 0, repeat * size, 0.5).tolist()
            tensor = torch.from_numpy(picture).to(device)
            found[i] = Texture(tensor, tuple(repeat.tolist()), (x, y))
    return found


def tints(model: mujoco.MjModel, geoms: list[int]) -> np.ndarray:
    """`[G, 3]`: the mean of each other shape's texture, to multiply its paint by."""
    result = np.ones((len(geoms), 3), np.float32)
    for i, geom in enumerate(geoms):
        texture = _texture(model, geom, flat=False)
        if texture >= 0 and not _is_plane(model, geom):
            result[i] = texels(model, texture).mean((0, 1)) / 255
    return result


def texels(model: mujoco.MjModel, texture: int) -> np.ndarray:
    """Rows of red, green and blue, in bytes."""
    begin, channels = model.tex_adr[texture], model.tex_nchannel[texture]
    shape = (model.tex_height[texture], model.tex_width[texture], channels)
    data = model.tex_data[begin : begin + int(np.prod(shape))].reshape(shape)
    if channels < 3:
        data = np.broadcast_to(data[..., :1], (*shape[:2], 3))
    result: np.ndarray = data[..., :3]
    return result


def _texture(model: mujoco.MjModel, geom: int, flat: bool = True) -> int:
    """Number of a geom's texture, -1 where it has none (or none of that kind)."""
    material = model.geom_matid[geom]
    if material < 0:
        return -1
    texture = int(model.mat_texid[material, _COLOUR])
    if texture < 0 or (flat and model.tex_type[texture] != _FLAT):
        return -1
    return texture


def _is_plane(model: mujoco.MjModel, geom: int) -> bool:
    return bool(model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE)
