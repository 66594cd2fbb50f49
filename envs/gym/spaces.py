"""Worlds of ours as others see them: Gymnasium spaces of what they show and accept."""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space
from numpy.typing import NDArray

from envs.vector_env import ActionSpace, DiscreteActions, EnvSpec, Step

IMAGE, VECTOR = "image", "vector"


def observation_space(spec: EnvSpec) -> "Space[Any]":
    """Of one env: bytes `[C, H, W]`; with a vector a dictionary of both.

    A world that draws nothing has frames of one pixel: then it is the vector alone.
    """
    image = Box(0, 255, spec.obs_shape, np.uint8)
    if not spec.vector_size:
        return image
    vector = Box(-np.inf, np.inf, (spec.vector_size,), np.float32)
    return vector if blind(spec) else Dict({IMAGE: image, VECTOR: vector})


def blind(spec: EnvSpec) -> bool:
    """Whether a world with a vector draws nothing."""
    return spec.vector_size > 0 and spec.obs_shape[1:] == (1, 1)


def action_space(actions: ActionSpace) -> "Space[Any]":
    """Of one env; continuous actions in [-1, 1], which the world rescales."""
    if isinstance(actions, DiscreteActions):
        return Discrete(actions.n)
    return Box(-1.0, 1.0, (actions.size,), np.float32)


def shown(spec: EnvSpec, row: Step) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """What all envs show in a row, `[B, …]`, as their observation space has it."""
    image: NDArray[Any] = row.obs.cpu().numpy()
    if row.vector is None:
        return image
    vector: NDArray[Any] = row.vector.cpu().numpy()
    return vector if blind(spec) else {IMAGE: image, VECTOR: vector}


def picture(row: Step, env: int) -> NDArray[np.uint8]:
    """What one env shows to people, `[H, W, 3]`: in colour where it has three."""
    image = row.facts.get("colour", row.obs)[env].cpu()
    planes = image[:3] if len(image) >= 3 else image[:1].expand(3, -1, -1)
    seen: NDArray[np.uint8] = planes.permute(1, 2, 0).contiguous().numpy()
    return seen


def named(space: "Space[Any]") -> "dict[str, Space[Any]]":
    """What a dictionary shows, by name; any other space whole, without a name."""
    return dict(space.spaces) if isinstance(space, Dict) else {"": space}
