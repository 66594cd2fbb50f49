"""The contract of physics: simulations of one MuJoCo model, as functions of states."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import mujoco
from jaxtyping import Float32, Float64
from torch import Tensor


class Told(NamedTuple):
    """What a simulation is told, as MuJoCo's data have it; None leaves what there is.

    Attributes:
        qpos: positions of joints.
        qvel: their velocities.
        ctrl: of actuators.
        mocap_pos: where bodies stand that nothing moves but this.
        mocap_quat: how they are turned, w x y z.
    """

    qpos: Float32[Tensor, "B _"] | None = None
    qvel: Float32[Tensor, "B _"] | None = None
    ctrl: Float32[Tensor, "B _"] | None = None
    mocap_pos: Float32[Tensor, "B _ 3"] | None = None
    mocap_quat: Float32[Tensor, "B _ 4"] | None = None


class Bodies(NamedTuple):
    """Where everything is, as MuJoCo's data have it; matrices have axes in columns."""

    qpos: Float32[Tensor, "B _"]
    qvel: Float32[Tensor, "B _"]
    body_pos: Float32[Tensor, "B _ 3"]
    geom_pos: Float32[Tensor, "B G 3"]
    geom_mat: Float32[Tensor, "B G 3 3"]
    camera_pos: Float32[Tensor, "B _ 3"]
    camera_mat: Float32[Tensor, "B _ 3 3"]


class Moment(NamedTuple):
    """A moment of B simulations.

    Attributes:
        sim: all that they go on from, R numbers each (`mjSTATE_INTEGRATION`), laid
            out as MuJoCo does.
        bodies: where that puts everything.
    """

    sim: Float64[Tensor, "B R"]
    bodies: Bodies


class CannotSimulate(ValueError):
    """Physics that a model or a machine lacks something for; the message says what."""


class Physics(ABC):
    """Simulations of one model.

    Attributes:
        model: as compiled.
        about: who simulates, for people; empty where that is MuJoCo itself.
    """

    model: mujoco.MjModel
    about: str = ""

    @abstractmethod
    def reference(self, num: int) -> Float64[Tensor, "num R"]:
        """The model's reference state, so many times."""

    @abstractmethod
    def go(self, sim: Float64[Tensor, "B R"], told: Told, substeps: int) -> Moment:
        """What comes of states, `substeps` of the model's time steps later.

        With 0 substeps no time passes, and everything is where it is told to be.

        Raises:
            WorldError: a simulation ran away, or failed.
        """

    def close(self) -> None:  # noqa: B027 - not all physics hold anything
        """Release threads and memory; the physics are not used afterwards."""
