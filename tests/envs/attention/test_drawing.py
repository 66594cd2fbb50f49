"""Frames show each object where the coordinates say, and in its colour."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from envs.attention.config import AttentionConfig
from envs.attention.drawing import FLOORS, Drawing
from envs.attention.world import AttentionWorld
from envs.behaviours.behaviour import Look
from envs.behaviours.groups import Animate, Company

WHITE, RED = Look((255, 255, 255), 0.2), Look((255, 0, 0), 0.1)


def centre(frame: Tensor, floor: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    """Where what is not floor has its centre of mass, in units of the box; its mass."""
    weight = (frame.double() - torch.tensor(floor).view(3, 1, 1)).abs().sum(-3)
    size = frame.shape[-1]
    pixel = (torch.arange(size) + 0.5 - size / 2) / (size / 2) * 1.25
    mass = weight.sum((-2, -1))
    x, y = (weight.sum(-2) * pixel).sum(-1), (weight.sum(-1) * pixel).sum(-1)
    return torch.stack([x, y], -1) / mass.unsqueeze(-1), mass


@pytest.mark.parametrize("pixels", [16, 36, 65])
def test_the_centre_of_a_disc_is_its_place(
    pixels: int, generator: torch.Generator
) -> None:
    drawing = Drawing([[WHITE]] * 4, pixels, "cpu")
    places = 2 * torch.rand(200, 4, 2, generator=generator) - 1
    quadrant = torch.arange(200) % 4
    shown = torch.arange(4).expand(200, 4) == 0
    frames = drawing.draw(quadrant, quadrant, places, shown)
    assert frames.shape == (200, 3, pixels, pixels)
    for i in range(4):
        found, mass = centre(frames[i::4], FLOORS[i])
        off = (found - places[i::4, 0]).abs() * pixels / 2.5
        assert float(off.max()) < 0.1  # of a pixel
        area = torch.pi * (0.2 * pixels / 2.5) ** 2
        bright = 3 * 255 - sum(FLOORS[i])
        assert ((mass / bright / area - 1).abs() < 0.1).all()


def test_later_objects_lie_above_earlier_ones() -> None:
    drawing = Drawing([[WHITE, RED]], 50, "cpu")
    zero = torch.zeros(1, dtype=torch.int64)
    both = torch.tensor([[True, True, False, False]])
    places = torch.tensor([[[0.025, 0.025], [0.025, 0.025], [0.0, 0.0], [0.0, 0.0]]])
    [frame] = drawing.draw(zero, zero, places, both)
    assert frame[:, 25, 25].tolist() == [255, 0, 0]
    assert frame[:, 25, 28].tolist() == [255, 255, 255]
    assert frame[:, 25, 31].tolist() == list(FLOORS[0])
    [alone] = drawing.draw(zero, zero, places, both & torch.tensor([True, False] * 2))
    assert alone[:, 25, 25].tolist() == [255, 255, 255]


@pytest.mark.parametrize("animate", Animate)
def test_frames_of_the_world_show_the_group_in_view(animate: Animate) -> None:
    """Each colour has its centre where the vector says."""
    env = AttentionConfig(animate, company=Company.MIXTURE, pixels=50).build(60, "cpu")
    assert isinstance(env.world, AttentionWorld)
    looks = [kind.behaviour.looks for kind in env.world.kinds]
    env.reset(seed=0)
    checked = hidden = 0
    for t in range(60):
        row = env.step(torch.full((60,), 7 if t % 15 == 0 else 0))
        assert row.vector is not None
        for i in range(60):
            group = int(row.facts["in_view"][i])
            floor = FLOORS[int(row.facts["heading"][i]) * 12 // 90]
            assert row.obs[i, :, 0, 0].tolist() == list(floor)
            masks = row.vector[i, 44:].view(4, 4)[group]
            known = row.vector[i, 12:44].view(4, 4, 2)[group]
            if int(masks.sum()) == 1:  # others could cover it
                number = int(masks.argmax())
                found, _ = centre(row.obs[i], floor)
                assert float((found - known[number]).abs().max()) < 0.02
                colour = looks[group][number].colour
                middle = ((known[number] / 1.25 + 1) * 25).long()
                assert row.obs[i, :, middle[1], middle[0]].tolist() == list(colour)
                checked += 1
                hidden += len(looks[group]) > 1
            else:
                last = len(looks[group]) - 1
                middle = ((known[last] / 1.25 + 1) * 25).long()
                shown = row.obs[i, :, middle[1], middle[0]].tolist()
                assert shown == list(looks[group][last].colour)
    assert checked > 1_000
    assert (hidden > 0) == (animate is Animate.PEEKABOO)


def test_nothing_is_drawn_where_nobody_asks() -> None:
    config = AttentionConfig(pixels=0)
    row = config.build(3, "cpu").reset(seed=0)
    assert torch.equal(row.obs, torch.zeros(3, 1, 1, 1, dtype=torch.uint8))
    drawn = replace(config, pixels=36).build(3, "cpu").reset(seed=0)
    assert torch.equal(drawn.facts["places"], row.facts["places"])
    assert drawn.obs.shape == (3, 3, 36, 36)
