"""MuJoCo Warp: simulations of many worlds as kernels on a GPU, an optional extra."""

from importlib import import_module
from typing import Any, final

import mujoco
import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from envs.mujoco.physics import Bodies, CannotSimulate, Moment, Physics, Told
from envs.mujoco.renderers.warp.warp import has_warp
from envs.vector_env import WorldError

_ALL = int(mujoco.mjtState.mjSTATE_INTEGRATION)
_HARMLESS = ("ITERATIONS", "LS_ITERATIONS")  # a solver that stopped early dropped none


@final
class WarpPhysics(Physics):
    """MuJoCo Warp on a device, all worlds at once, in float32.

    States lie on the device and never leave it; they are laid out as those of
    `ThreadedPhysics`, so that a checkpoint of either goes on in the other. Numbers
    differ from MuJoCo's own by rounding, and where things touch by more and more.
    Behind every call the host waits once, to hear whether all went well. The first
    call waits for compilers, a minute or two; what they made is kept in Warp's cache.

    Args:
        model: as compiled.
        device: where states are, and where kernels run.

    Raises:
        CannotSimulate: MuJoCo Warp is not installed, or lacks something of the model;
            the message says what.
    """

    about = "physics by MuJoCo Warp"

    def __init__(
        self, model: mujoco.MjModel, device: torch.device | str = "cpu"
    ) -> None:
        if not has_warp():
            raise CannotSimulate(
                "MuJoCo Warp is not installed: pip install 'curious-worlds[warp]', or "
                "leave the physics to MuJoCo's own threads."
            )
        self.model, self._device = model, torch.device(device)
        self._warp, self._mujoco = import_module("warp"), import_module("mujoco_warp")
        try:
            with self._on_device():
                self._put = self._mujoco.put_model(model)
        except NotImplementedError as error:
            raise CannotSimulate(
                f"MuJoCo Warp cannot simulate this model: {error} Leave the physics to "
                "MuJoCo's own threads."
            ) from error
        kinds = self._mujoco.OverflowType
        self._lost = int(kinds.ALL) & ~sum(int(kinds[x]) for x in _HARMLESS)
        self._size = mujoco.mj_stateSize(model, _ALL)
        self._worlds: dict[int, tuple[Any, Any]] = {}

    def reference(self, num: int) -> Float64[Tensor, "num R"]:
        """See `Physics.reference`."""
        state = np.zeros(self._size)
        mujoco.mj_getState(self.model, mujoco.MjData(self.model), state, _ALL)
        return torch.from_numpy(state).to(self._device).expand(num, -1).clone()

    def go(self, sim: Float64[Tensor, "B R"], told: Told, substeps: int) -> Moment:
        """See `Physics.go`.

        Raises:
            WorldError: a simulation ran away, or had more contacts than there is room
                for.
        """
        warp, simulator, put = self._warp, self._mujoco, self._put
        with self._on_device():
            data, state = self._of(len(sim))
            warp.to_torch(state).copy_(sim)
            simulator.set_state(put, data, state, _ALL)
            for name, x in told._asdict().items():
                if x is not None:
                    warp.to_torch(getattr(data, name)).copy_(x)
            data.overflow.zero_()
            for _ in range(substeps):
                simulator.step(put, data)
            simulator.kinematics(put, data)
            simulator.camlight(put, data)
            simulator.get_state(put, data, state, _ALL)
            after = warp.to_torch(state).double()
            lost = warp.to_torch(data.overflow) & self._lost
            well = torch.stack([after.isfinite().all(), ~lost.any()]).tolist()
            if not well[0]:
                raise WorldError(
                    "The physics ran away: a simulation had numbers beyond all bounds. "
                    "Give the scene a smaller time step, or its actuators less force"
                )
            if not well[1]:
                raise WorldError(
                    "The physics had more contacts than MuJoCo Warp kept room for. Let "
                    "fewer things touch, or leave the physics to MuJoCo's own threads"
                )
            return Moment(after, self._bodies(data))

    def close(self) -> None:
        """See `Physics.close`."""
        self._worlds.clear()

    def _of(self, num: int) -> tuple[Any, Any]:
        """Warp's data and a buffer of states, for so many worlds."""
        if num not in self._worlds:
            data = self._mujoco.make_data(self.model, nworld=num)
            buffer = self._warp.zeros((num, self._size), dtype=float)
            self._worlds[num] = data, buffer
        return self._worlds[num]

    def _bodies(self, data: Any) -> Bodies:
        names = "qpos", "qvel", "xpos", "geom_xpos", "geom_xmat", "cam_xpos", "cam_xmat"
        return Bodies(*[self._warp.to_torch(getattr(data, x)).clone() for x in names])

    def _on_device(self) -> Any:
        return self._warp.ScopedDevice(str(self._device))
