"""What is seen of Gymnasium envs: frames `[B, C, H, W]`, and vectors beside them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, final

import cv2
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict
from numpy.typing import NDArray

_CHANNELS = (1, 3, 4)  # which axis of three is the colours is told by these alone


@dataclass(frozen=True)
class Rendering:
    """How worlds are drawn whose observations are no images: size and colour."""

    height: int = 84
    width: int = 84
    grayscale: bool = False


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
    """Observations that are images, or dictionaries with one under `key`."""

    def __init__(self, space: "gymnasium.Space[Any]", key: str | None = None) -> None:
        box = space[key] if isinstance(space, Dict) and key is not None else space
        _, *shape = _channels_first(np.empty((1, *(box.shape or ())))).shape
        self._key, self.obs_shape = key, (shape[0], shape[1], shape[2])

    def read(self, seen: Any) -> NDArray[np.uint8]:
        """The images, channels first."""
        images = np.asarray(seen if self._key is None else seen[self._key])
        return np.array(_channels_first(images), order="C")


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
                f"{envs.single_observation_space} is not an image, so the envs must be "
                'rendered: make them with render_mode="rgb_array"'
            )
        self._envs, self._rendering = envs, rendering
        channels = 1 if rendering.grayscale else 3
        self.obs_shape = (channels, rendering.height, rendering.width)

    def read(self, seen: Any) -> NDArray[np.uint8]:
        """A picture of each env, resized."""
        height, width = self._rendering.height, self._rendering.width
        frames = np.empty((self._envs.num_envs, *self.obs_shape), np.uint8)
        for i, drawn in enumerate(self._envs.render() or ()):
            image = np.asarray(drawn, np.uint8)
            if self._rendering.grayscale:
                image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
            small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            frames[i] = _channels_first(np.asarray(small)[None])[0]
        return frames


@final
class Vectors:
    """Observations that are vectors of floats, or dictionaries of such.

    Those of a dictionary are joined in the order of their keys, `without` left out.

    Attributes:
        size: V, numbers of one env.

    Raises:
        ValueError: the observations are something else.
    """

    def __init__(
        self, space: "gymnasium.Space[Any]", without: str | None = None
    ) -> None:
        self._keys: tuple[str, ...] | None = None
        parts = [space]
        if isinstance(space, Dict):
            self._keys = tuple(sorted(set(space.spaces) - {without}))
            parts = [space[x] for x in self._keys]
        if not parts or not all(map(_is_vector, parts)):
            raise ValueError(
                f"{space} is no vector of floats: leave `vector` out of the config"
            )
        self.size = sum((x.shape or ())[0] for x in parts)

    def read(self, seen: Any) -> NDArray[np.float32]:
        """The numbers of all envs, `[B, V]`, in fresh memory."""
        if self._keys is None:
            return np.array(seen, np.float32)
        parts = [np.asarray(seen[x], np.float32) for x in self._keys]
        return np.concatenate(parts, axis=1)


def find_senses(
    envs: "gymnasium.vector.VectorEnv[Any, Any, Any]",
    rendering: Rendering,
    vector: bool,
) -> tuple[Frames, Vectors | None]:
    """How envs are seen: their own images where they have some, else pictures of them.

    Args:
        envs: whose observations are read.
        rendering: of the pictures.
        vector: whether vectors are kept that are drawn as pictures.

    Raises:
        ValueError: `vector` is set and there is none; no image, and no rendering.
    """
    space = envs.single_observation_space
    key = image_key(space)
    if key is not None:
        alone = isinstance(space, Dict) and len(space.spaces) == 1
        return OwnFrames(space, key), None if alone else Vectors(space, key)
    kept = Vectors(space) if vector else None
    if is_image(space):
        return OwnFrames(space), kept
    return DrawnFrames(envs, rendering), kept


def is_drawn(space: "gymnasium.Space[Any]") -> bool:
    """Whether envs of this observation space must be rendered to be seen."""
    return not is_image(space) and image_key(space) is None


def is_image(space: "gymnasium.Space[Any]") -> bool:
    """Whether observations are bytes `[H, W]`, `[H, W, C]` or `[C, H, W]`."""
    if not isinstance(space, Box) or space.dtype != np.uint8:
        return False
    shape = space.shape
    colours = len(shape) == 3 and bool({shape[0], shape[-1]} & set(_CHANNELS))
    return len(shape) == 2 or colours


def image_key(space: "gymnasium.Space[Any]") -> str | None:
    """The key of the only image in a dictionary of it and vectors; else None."""
    if not isinstance(space, Dict):
        return None
    images = [x for x, part in space.items() if is_image(part)]
    others = [part for x, part in space.items() if x not in images]
    return images[0] if len(images) == 1 and all(map(_is_vector, others)) else None


def _is_vector(space: "gymnasium.Space[Any]") -> bool:
    floats = isinstance(space, Box) and np.issubdtype(space.dtype, np.floating)
    return floats and len(space.shape or ()) == 1


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    """`[B, H, W]`, `[B, H, W, C]` or `[B, C, H, W]` as `[B, C, H, W]`."""
    if images.ndim == 3:
        return images[:, None]
    return np.moveaxis(images, -1, 1) if images.shape[-1] in _CHANNELS else images
