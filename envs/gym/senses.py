"""What is seen of Gymnasium envs: frames `[B, C, H, W]`, and vectors beside them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import cv2
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Tuple
from numpy.typing import NDArray

from envs.vector_env import WorldError

Path = tuple[str | int, ...]
"""Where a part lies in nested dictionaries and tuples; () is the whole."""

_CHANNELS = (1, 3, 4)  # of these numbers, an axis is taken for the colours
_LEAST = 8  # rows and columns of what must be meant as an image


@dataclass(frozen=True)
class Rendering:
    """How worlds are drawn whose observations are no images: size and colour."""

    height: int = 84
    width: int = 84
    grayscale: bool = False


@dataclass(frozen=True)
class Look:
    """What of an observation an agent is shown.

    Attributes:
        image: where its image lies; None where the env is drawn instead.
        vectors: where the vectors lie that are joined, in this order.
        about: the same, for people.
    """

    image: Path | None
    vectors: tuple[Path, ...]
    about: str


def plan_look(
    space: "gymnasium.Space[Any]",
    rendering: Rendering,
    *,
    draw: bool = False,
    image: str = "",
    vector: bool = False,
) -> Look:
    """What an agent is shown of observations of this space.

    Images are shown as they are, with the vectors beside them. What holds nothing like
    an image is drawn. Nothing like an image is ever left out unasked.

    Args:
        space: of the observations of one env.
        rendering: of the pictures, where it is drawn.
        draw: whatever it shows, pictures of it instead.
        image: the image to show, `camera/front` in nested dictionaries; the rest that
            is no vector is left out.
        vector: show the vectors beside a picture, too.

    Raises:
        ValueError: none of this can be done; says why, and what can.
    """
    parts = _parts(space)
    images = [x for x, part in parts.items() if is_image(part)]
    vectors = tuple(sorted((x for x in parts if _is_vector(parts[x])), key=str))
    others = [x for x in parts if x not in images and x not in vectors]
    if image:
        chosen = [x for x in images if _name(x) == image]
        if draw or not chosen:
            known = ", ".join(map(_name, images)) or "none"
            raise ValueError(
                "`draw` and `image` both say what is shown: leave one of them out"
                if draw
                else f"There is no image {image!r} in {short(space)}, only {known}"
            )
        others += [x for x in images if x != chosen[0]]
        return _own(space, chosen[0], vectors, others, rendering)
    meant = [x for x in others if _may_be_image(parts[x])]
    if draw or not (images or meant):
        if vector and (others or images or not vectors):
            raise ValueError(
                f"{short(space)} is no vector of floats: leave `vector` out of the "
                "config"
            )
        kept = vectors if vector else ()
        beside = "beside" if vector else "in place of"
        size = f"{rendering.height} × {rendering.width}"
        about = f"pictures of it, {size}, {beside} its observation {short(space)}"
        return Look(None, kept, about)
    ways = (
        "Wrap it so that it shows one, or have a picture of it shown instead: `draw` "
        "(--world.draw)"
    )
    if meant:
        part = parts[meant[0]]
        raise ValueError(
            f"It shows {short(part)}{_at(meant[0])}, where agents see images of bytes: "
            "uint8, [H, W], [H, W, C] or [C, H, W] (of floats in [0, 1]: "
            f"(255 * x).round().astype(np.uint8)). {ways}"
        )
    if len(images) > 1 or others:
        named = ", ".join(map(_name, images))
        raise ValueError(
            f"It shows {short(space)}, of which agents see one image and vectors of "
            f"floats. Choose: `image` (--world.image NAME, of {named}) leaves out the "
            "rest. Or have a picture of it shown instead: `draw` (--world.draw)"
        )
    if vector and not vectors:
        raise ValueError(
            f"{short(space)} holds no vector of floats: leave `vector` out of the "
            "config"
        )
    return _own(space, images[0], vectors, others, rendering)


def _own(
    space: "gymnasium.Space[Any]",
    image: Path,
    vectors: tuple[Path, ...],
    without: list[Path],
    rendering: Rendering,
) -> Look:
    if rendering != Rendering():
        raise ValueError(
            f"It shows images of its own, {_parts(space)[image].shape}, which "
            "`rendering` does not change: leave it out, or have pictures of that size "
            "shown instead, with `draw` (--world.draw)"
        )
    about = f"its own images{_at(image)}"
    if vectors:
        about += f" and vectors ({', '.join(map(_name, vectors))})"
    if without:
        about += f", without {', '.join(map(_name, without))}"
    return Look(image, vectors, about)


def holds_image(space: "gymnasium.Space[Any]") -> bool:
    """Whether observations of this space are images, or hold some."""
    return any(map(is_image, _parts(space).values()))


class Frames(ABC):
    """Reads frames out of what vector envs return.

    Attributes:
        obs_shape: (C, H, W) of a frame.
    """

    obs_shape: tuple[int, int, int]

    @abstractmethod
    def read(self, seen: Any) -> NDArray[np.uint8]:
        """What all envs show, `[B, C, H, W]`, in fresh memory."""


@final
class OwnFrames(Frames):
    """Observations that are images, or hold one at `path`."""

    def __init__(self, space: "gymnasium.Space[Any]", path: Path = ()) -> None:
        shape = _parts(space)[path].shape or ()
        self._axis = _channel_axis(shape)
        _, *first = self._channels_first(np.empty((1, *shape), np.uint8)).shape
        self._path, self.obs_shape = path, (first[0], first[1], first[2])

    def read(self, seen: Any) -> NDArray[np.uint8]:
        """The images, channels first."""
        return np.array(self._channels_first(_at_path(seen, self._path)), order="C")

    def _channels_first(self, images: NDArray[Any]) -> NDArray[Any]:
        """`[B, H, W]`, `[B, H, W, C]` or `[B, C, H, W]` as `[B, C, H, W]`."""
        if self._axis is None:
            return images[:, None]
        return np.moveaxis(images, -1, 1) if self._axis == 2 else images


@final
class DrawnFrames(Frames):
    """Envs that are rendered.

    Args:
        envs: made with `render_mode="rgb_array"`.
        rendering: size and colour.

    Raises:
        ValueError: the envs do not render.
    """

    def __init__(
        self, envs: "gymnasium.vector.VectorEnv[Any, Any, Any]", rendering: Rendering
    ) -> None:
        if envs.render_mode != "rgb_array":
            raise ValueError(
                f"{short(envs.single_observation_space)} is not an image, so the envs "
                'must be rendered: make them with render_mode="rgb_array"'
            )
        self._envs, self._rendering = envs, rendering
        channels = 1 if rendering.grayscale else 3
        self.obs_shape = (channels, rendering.height, rendering.width)

    def read(self, seen: Any) -> NDArray[np.uint8]:
        """A picture of each env, resized.

        Raises:
            WorldError: what is rendered is no picture.
        """
        height, width = self._rendering.height, self._rendering.width
        frames = np.empty((self._envs.num_envs, *self.obs_shape), np.uint8)
        drawn = self._envs.render() or (None,) * len(frames)
        for frame, each in zip(frames, drawn, strict=True):
            image = _rgb(each)
            if self._rendering.grayscale:
                image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
            small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            frame[:] = np.moveaxis(np.atleast_3d(np.asarray(small)), -1, 0)
        return frames


@final
class Vectors:
    """The numbers at several paths of observations, joined in their order.

    Attributes:
        size: V, numbers of one env.
    """

    def __init__(self, space: "gymnasium.Space[Any]", paths: tuple[Path, ...]) -> None:
        parts = _parts(space)
        self._paths = paths
        self.size = sum(int(np.prod(parts[x].shape)) for x in paths)

    def read(self, seen: Any) -> NDArray[np.float32]:
        """The numbers of all envs, `[B, V]`, in fresh memory."""
        parts = [np.asarray(_at_path(seen, x), np.float32) for x in self._paths]
        return np.concatenate(parts, axis=1)


def is_image(space: "gymnasium.Space[Any]") -> bool:
    """Whether observations are bytes `[H, W]`, `[H, W, C]` or `[C, H, W]`.

    Where C is not 1, 3 or 4, it must be less than H and W.
    """
    if not isinstance(space, Box) or space.dtype != np.uint8:
        return False
    return len(space.shape) == 2 or _channel_axis(space.shape) is not None


def short(space: object) -> str:
    """A space in few words."""
    words = " ".join(str(space).split())
    return words if len(words) <= 100 else f"{words[:97]}…"


def _parts(space: "gymnasium.Space[Any]", path: Path = ()) -> dict[Path, Any]:
    """What nested dictionaries and tuples hold, by path."""
    found: dict[Path, Any] = {}
    if isinstance(space, Dict):
        for name, part in space.spaces.items():
            found |= _parts(part, (*path, name))
    elif isinstance(space, Tuple):
        for i, part in enumerate(space.spaces):
            found |= _parts(part, (*path, i))
    else:
        found[path] = space
    return found


def _at_path(seen: Any, path: Path) -> NDArray[Any]:
    for x in path:
        seen = seen[x]
    return np.asarray(seen)


def _name(path: Path) -> str:
    return "/".join(map(str, path)) or "the whole"


def _at(path: Path) -> str:
    return f" at '{_name(path)}'" if path else ""


def _is_vector(space: "gymnasium.Space[Any]") -> bool:
    floats = isinstance(space, Box) and np.issubdtype(space.dtype, np.floating)
    return floats and len(space.shape or ()) == 1


def _may_be_image(space: "gymnasium.Space[Any]") -> bool:
    """Whether somebody might call it an image, though it cannot be shown as one."""
    shape: tuple[int, ...] = space.shape if isinstance(space, Box) else ()
    return len(shape) > 1 and sorted(shape)[-2] >= _LEAST


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    """Which of three axes is the colours; None where none can be told."""
    if len(shape) != 3:
        return None
    for axis in (2, 0):
        if shape[axis] in _CHANNELS:
            return axis
    least = min((2, 0), key=lambda x: shape[x])
    return least if shape[least] < min(shape[1], shape[2 - least]) else None


def _rgb(drawn: Any) -> NDArray[np.uint8]:
    """What an env rendered, as `[H, W, 3]`: grey in three, opaque without its alpha."""
    image = np.asarray(drawn)
    if image.dtype == np.uint8 and image.ndim in (2, 3) and image.size:
        image = np.atleast_3d(image)
        if image.shape[2] == 4 and (image[..., 3] == 255).all():
            image = image[..., :3]
        if image.shape[2] in (1, 3):
            return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    what = "nothing" if drawn is None else f"{image.dtype} {image.shape}"
    clear = " with transparent pixels" if image.shape[2:] == (4,) else ""
    raise WorldError(
        f"The env's render() gave {what}{clear}, where render_mode='rgb_array' stands "
        "for uint8 (H, W, 3): mend its render(), or have it show images itself"
    )
