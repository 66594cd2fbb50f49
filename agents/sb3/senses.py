"""What SB3's vector envs show and are told, in tensors of ours."""

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from agents.beside.shown import Shown
from envs.gym.actions import find_actions
from envs.gym.senses import Look, OwnFrames, Rendering, Vectors, plan_look, short
from envs.to_device import to_device
from envs.vector_env import EnvSpec
from ssl_objectives.refusal import ConfigError


@final
class Senses:
    """Reads observations and actions of any SB3 vector env.

    Images of bytes are frames, in whatever order of axes; vectors of floats are the
    vector. Envs that show no image have a frame of one black pixel.

    Attributes:
        spec: of worlds like these.

    Raises:
        ConfigError: nothing can be made of what the envs show, or are told.
    """

    def __init__(self, venv: VecEnv, device: torch.device | str = "cpu") -> None:
        space = venv.observation_space
        look = _look(space)
        self._frames = None if look.image is None else OwnFrames(space, look.image)
        self._vectors = Vectors(space, look.vectors) if look.vectors else None
        try:
            self._told = find_actions(venv.action_space)
        except ValueError as error:
            raise ConfigError(
                f"Curiosity does not know such actions: {error}"
            ) from None
        self.spec = EnvSpec(
            num_envs=venv.num_envs,
            obs_shape=(1, 1, 1) if self._frames is None else self._frames.obs_shape,
            actions=self._told.actions,
            device=torch.device(device),
            vector_size=0 if self._vectors is None else self._vectors.size,
        )

    def see(self, seen: Any) -> Shown:
        """What all envs show."""
        device, vector = self.spec.device, None
        if self._frames is None:
            frames = np.zeros((self.spec.num_envs, 1, 1, 1), np.uint8)
        else:
            frames = self._frames.read(seen)
        if self._vectors is not None:
            vector = to_device(self._vectors.read(seen), device)
        return Shown(to_device(frames, device), vector)

    def heard(self, actions: NDArray[Any]) -> Tensor:
        """What all envs are told, as actions of ours: continuous ones in [-1, 1]."""
        return self._told.heard(actions).to(self.spec.device)

    def told(self, actions: Tensor) -> NDArray[Any]:
        """What all envs are to be told, of actions of ours."""
        return self._told.read(actions, np.zeros(len(actions), np.bool_))


def _look(space: Any) -> Look:
    """Images where there are any, vectors where there are any.

    Raises:
        ConfigError: there are neither, or several images.
    """
    try:
        look = plan_look(space, Rendering())
        if look.image is None:
            look = plan_look(space, Rendering(), vector=True)
        return look
    except ValueError:
        raise ConfigError(
            f"Curiosity sees one image of bytes, vectors of floats, or both, not "
            f"{short(space)}: wrap the envs so that they show these, and put "
            "CuriousVecEnv below whatever makes floats of images"
        ) from None
