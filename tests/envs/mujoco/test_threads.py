"""Physics on threads: those of MuJoCo's own loop, world by world."""

import mujoco
import numpy as np
import pytest
import torch

from envs.mujoco.physics import Told
from envs.mujoco.threads import ThreadedPhysics
from envs.vector_env import WorldError
from tests.envs.mujoco.dropped import XML

MODEL = mujoco.MjModel.from_xml_string(
    XML.replace("</worldbody>", '<body name="hand" mocap="true"/></worldbody>')
)
NUM = 5


def told(seed: int) -> Told:
    chance = torch.Generator().manual_seed(seed)
    qpos = torch.rand(NUM, 8, generator=chance)
    return Told(
        qpos=qpos,
        qvel=torch.randn(NUM, 7, generator=chance),
        ctrl=torch.randn(NUM, 1, generator=chance),
        mocap_pos=torch.rand(NUM, 1, 3, generator=chance),
        mocap_quat=torch.tensor([[[0.6, 0.0, 0.8, 0.0]]]).expand(NUM, 1, 4),
    )


def test_a_step_is_that_of_mujocos_own_loop() -> None:
    physics = ThreadedPhysics(MODEL)
    begun = told(0)
    sim, _ = physics.go(physics.reference(NUM), begun, 0)
    pushed = Told(ctrl=torch.tensor([[0.5], [-1.0], [2.0], [0.0], [0.1]]))
    assert pushed.ctrl is not None
    for _ in range(30):
        sim, bodies = physics.go(sim, pushed, 3)
    for i in range(NUM):
        data = mujoco.MjData(MODEL)
        for name, x in begun._asdict().items():
            getattr(data, name)[:] = x[i].numpy()
        data.ctrl[:] = pushed.ctrl[i].numpy()
        mujoco.mj_step(MODEL, data, 90)
        mujoco.mj_kinematics(MODEL, data)
        mujoco.mj_camlight(MODEL, data)
        for mine, theirs in (
            (bodies.qpos, data.qpos),
            (bodies.qvel, data.qvel),
            (bodies.body_pos, data.xpos),
            (bodies.geom_pos, data.geom_xpos),
            (bodies.geom_mat, data.geom_xmat.reshape(-1, 3, 3)),
            (bodies.camera_pos, data.cam_xpos),
            (bodies.camera_mat, data.cam_xmat.reshape(-1, 3, 3)),
        ):
            assert np.array_equal(mine[i].numpy(), theirs.astype(np.float32))


def test_threads_change_nothing() -> None:
    alone = ThreadedPhysics(MODEL)
    sim = alone.go(alone.reference(NUM), told(1), 7).sim
    torch.set_num_threads(2)
    several = ThreadedPhysics(MODEL)
    assert torch.equal(several.go(several.reference(NUM), told(1), 7).sim, sim)


def test_without_substeps_no_time_passes() -> None:
    physics = ThreadedPhysics(MODEL)
    sim, bodies = physics.go(physics.reference(NUM), told(2), 9)
    again, same = physics.go(sim, Told(), 0)
    assert torch.equal(again, sim)
    assert all(map(torch.equal, bodies, same))
    there = torch.full((NUM, 1, 3), 4.0)
    moved, after = physics.go(sim, Told(mocap_pos=there), 0)
    assert torch.equal(after.body_pos[:, -1], there[:, 0])
    assert torch.equal(after.qpos, bodies.qpos)
    assert (moved != sim).sum() == there.numel()


def test_the_reference_is_the_models_whatever_went_before() -> None:
    physics = ThreadedPhysics(MODEL)
    begun = physics.reference(NUM)
    physics.go(begun, told(3), 9)
    physics.go(begun, Told(), 9)
    again, spec = physics.reference(NUM), mujoco.mjtState.mjSTATE_INTEGRATION
    own = np.zeros(mujoco.mj_stateSize(MODEL, spec))
    mujoco.mj_getState(MODEL, mujoco.MjData(MODEL), own, spec)
    for sim in (begun, again):
        assert np.array_equal(sim.numpy(), np.tile(own, (NUM, 1)))


def test_what_runs_away_is_told(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))  # MuJoCo writes a log
    physics = ThreadedPhysics(MODEL)
    sim = physics.reference(NUM)
    with pytest.raises(WorldError, match="smaller time step"):
        physics.go(sim, Told(qvel=torch.full((NUM, 7), 1e30)), 2)
    fine = physics.go(sim, Told(), 2)
    assert torch.isfinite(fine.sim).all()
