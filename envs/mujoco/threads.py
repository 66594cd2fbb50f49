"""MuJoCo itself, in C, on a pool of threads."""

from typing import final

import mujoco
import numpy as np
import torch
from jaxtyping import Float32, Float64
from mujoco.batch import Batch, SimulationError
from numpy.typing import NDArray
from torch import Tensor

from envs.mujoco.physics import Bodies, Moment, Physics, Told
from envs.to_device import to_device
from envs.vector_env import WorldError

_PLACES = int(mujoco.mjtStage.mjSTAGE_POS.value)
_ALL = int(mujoco.mjtState.mjSTATE_INTEGRATION)
_ASTRAY = [
    int(x.value)
    for x in (
        mujoco.mjtWarning.mjWARN_BADQPOS,
        mujoco.mjtWarning.mjWARN_BADQVEL,
        mujoco.mjtWarning.mjWARN_BADQACC,
        mujoco.mjtWarning.mjWARN_BADCTRL,
    )
]
_DERIVED = ("xpos", "geom_xpos", "geom_xmat", "cam_xpos", "cam_xmat")


@final
class ThreadedPhysics(Physics):
    """MuJoCo on the CPU, one simulation per world, on as many threads as torch has.

    Results are those of MuJoCo's own loop over worlds, bit for bit. A step takes each
    world's state from its row and puts it back, so that rows are all there is to save.

    Args:
        model: as compiled.
        device: where states come from and go to. From a GPU they are fetched, which
            the host waits for; what goes back to it is not awaited.
    """

    def __init__(
        self, model: mujoco.MjModel, device: torch.device | str = "cpu"
    ) -> None:
        self.model, self._device = model, torch.device(device)
        self._batches: dict[int, Batch] = {}

    def reference(self, num: int) -> Float64[Tensor, "num R"]:
        """See `Physics.reference`."""
        state = np.zeros(mujoco.mj_stateSize(self.model, _ALL))
        mujoco.mj_getState(self.model, mujoco.MjData(self.model), state, _ALL)
        return self._up(np.broadcast_to(state, (num, len(state))))

    def go(self, sim: Float64[Tensor, "B R"], told: Told, substeps: int) -> Moment:
        """See `Physics.go`."""
        batch = self._batch(len(sim))
        batch.state[:] = sim.cpu().numpy()
        for name, x in told._asdict().items():
            if x is not None:
                batch.bind(name)[:] = x.cpu().numpy()
        before = self._astray(batch)
        try:
            if substeps:
                batch.step(nstep=substeps, stage=_PLACES)
            else:
                batch.forward(stage=_PLACES)
        except SimulationError as error:
            raise WorldError(f"The physics failed: {error}") from error
        if self._astray(batch) > before:  # MuJoCo has put them back to the reference
            raise WorldError(
                "The physics ran away: a simulation had numbers beyond all bounds. "
                "Give the scene a smaller time step, or its actuators less force"
            )
        return Moment(self._up(batch.state), self._bodies(batch))

    def close(self) -> None:
        """See `Physics.close`."""
        self._batches.clear()

    def _batch(self, num: int) -> Batch:
        if num not in self._batches:
            batch = Batch(self.model, num, min(num, torch.get_num_threads()))
            for name in _DERIVED:  # what is bound between calls is zero until the next
                batch.bind(name)
            self._batches[num] = batch
        return self._batches[num]

    def _astray(self, batch: Batch) -> int:
        """How often simulations had numbers that MuJoCo refuses."""
        return int(batch.warning[:, _ASTRAY, 1].sum())

    def _bodies(self, batch: Batch) -> Bodies:
        num = batch.nsim
        numbers = ("qpos", "qvel", *_DERIVED)
        qpos, qvel, body, geom, turned, camera, facing = (
            self._floats(batch.bind(name)) for name in numbers
        )
        return Bodies(
            qpos,
            qvel,
            body,
            geom,
            turned.view(num, -1, 3, 3),
            camera,
            facing.view(num, -1, 3, 3),
        )

    def _floats(self, array: NDArray[np.float64]) -> Float32[Tensor, "B ..."]:
        return to_device(array.astype(np.float32), self._device)

    def _up(self, state: NDArray[np.float64]) -> Float64[Tensor, "B R"]:
        return to_device(state.copy(), self._device)
