"""Static, periodic and noise: the company that the animate group keeps."""

import torch

from envs.behaviours.noise import Noise
from envs.behaviours.periodic import Periodic
from envs.behaviours.static import Static
from tests.envs.behaviours.played import places, played, strides


def test_static_objects_stay() -> None:
    states = played(Static(), 5)
    assert (states == states[0]).all()


def test_periodic_objects_go_back_and_forth() -> None:
    states = played(Periodic(), 200)
    path = places(Periodic(), states)[:, :, 0]
    one, other = states[0, :, 2:4], states[0, :, 4:6]
    distance = (other - one).norm(dim=1)
    assert float(distance.min()) >= 0.6
    steps = (distance / 0.1).ceil()
    assert len(steps.unique()) > 3
    time = torch.arange(201).unsqueeze(1) % (2 * steps)
    part = torch.where(time <= steps, time, 2 * steps - time) / steps
    expected = one + part.unsqueeze(-1) * (other - one)
    torch.testing.assert_close(path, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(strides(path), (distance / steps).expand(200, -1))
    assert float(strides(path).max()) <= 0.1 + 1e-6


def test_noise_takes_steps_of_one_length_in_all_directions() -> None:
    path = places(Noise(), played(Noise(), 2_000))[:, :, 0]
    torch.testing.assert_close(strides(path), torch.full((2_000, 40), 0.2))
    way = path[1:] - path[:-1]
    free = (path[:-1].abs() < 0.8).all(-1)
    angle = torch.atan2(way[..., 1], way[..., 0])[free]
    counts = torch.histc(angle, 8, -torch.pi, torch.pi) / len(angle)
    assert float((counts - 1 / 8).abs().max()) < 0.01
    # What was done says nothing of what will be, away from walls.
    both = free[1:] & free[:-1]
    follows = (way[1:] * way[:-1]).sum(-1)[both].mean() / 0.04
    assert abs(float(follows)) < 0.03


def test_noise_turns_round_at_walls() -> None:
    """A step that would have led out is the mirrored one, x and y apart."""
    path = places(Noise(), played(Noise(), 500))[:, :, 0]
    way = path[1:] - path[:-1]
    edge = path[:-1].abs() > 0.95
    inwards = (way * path[:-1].sign())[edge]
    # Outwards by more than the 0.05 that are left is not possible.
    assert float(inwards.max()) <= 0.05 + 1e-6
    assert float(inwards.min()) < -0.15
