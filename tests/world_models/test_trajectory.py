import torch
from torch import Tensor

from world_models.trajectory import Trajectory

T, B = 6, 4


def numbered(vector: Tensor | None) -> Trajectory:
    """Rows that say where they are."""
    place = torch.arange((T + 1) * B).view(T + 1, B)
    never = torch.zeros(T, B, dtype=torch.bool)
    return Trajectory(
        action=torch.stack([place[1:], -place[1:]], -1).float(),
        reward=place[1:].float(),
        terminated=never,
        truncated=never,
        obs=place.byte()[..., None, None, None].expand(-1, -1, 5, 2, 3).contiguous(),
        first=torch.zeros(T + 1, B, dtype=torch.bool),
        facts={"place": place},
        vector=vector,
    )


def dials() -> Tensor:
    place = torch.arange((T + 1) * B).view(T + 1, B).float()
    return torch.stack([place, 10 * place, 100 * place], -1)


def test_vectors_go_where_frames_go() -> None:
    traj = numbered(dials())
    parts = (
        traj.steps(2, 5),
        traj.envs(torch.tensor([3, 1])),
        traj.copy(),
        traj.to("cpu"),
        traj.steps(1, 4).envs(torch.tensor([2])).copy(),
    )
    for part in parts:
        assert part.vector is not None
        assert part.vector.shape == (*part.obs.shape[:2], 3)
        assert torch.equal(part.vector[..., 0], part.obs[..., 0, 0, 0].float())
        assert torch.equal(part.vector[..., 2], 100 * part.facts["place"].float())


def test_steps_are_a_view_and_a_copy_is_not() -> None:
    traj = numbered(dials())
    assert traj.vector is not None
    view, copied = traj.steps(1, 3), traj.copy()
    traj.vector.zero_()
    assert view.vector is not None
    assert not view.vector.any()
    assert copied.vector is not None
    assert copied.vector.any()


def test_without_vectors_there_are_none_anywhere() -> None:
    traj = numbered(None)
    some = torch.tensor([0, 2])
    for part in (traj.steps(0, 2), traj.envs(some), traj.copy(), traj.to("cpu")):
        assert part.vector is None
