"""Whether two renderers draw the same."""

from dataclasses import replace

import torch

from envs.mujoco.renderers.renderer import Lights, Poses, Renderer
from tests.envs.mujoco.renderers.scenes import Placed, cameras, poses


def agree(scene: Placed, one: Renderer, other: Renderer) -> None:
    """Outlines (IoU ≥ .95 of bodies of 40 pixels), depths and colours.

    First as the model has it, then with colours, hidden geoms and lights per world.
    """
    eyes, axes = cameras(2, 6)
    plain = poses(scene, eyes, axes)
    draw = torch.Generator().manual_seed(0)
    num_geoms, num_lights = scene.model.ngeom, scene.model.nlight
    rgba = torch.rand(6, num_geoms, 4, generator=draw) / 2 + 0.4
    rgba[..., 3] = (torch.rand(6, num_geoms, generator=draw) > 0.2).float()
    rgba[:, 0, 3] = 1

    def light(values: object) -> torch.Tensor:
        tensor = torch.as_tensor(values, dtype=torch.float32)
        noise = torch.rand(6, num_lights, 3, generator=draw)
        return tensor.expand(6, -1, -1) + 0.2 * noise

    direction = light(scene.data.light_xdir)
    lights = Lights(
        light(scene.data.light_xpos),
        direction / direction.norm(dim=-1, keepdim=True),
        light(0 * scene.model.light_ambient),
        light(scene.model.light_diffuse),
    )
    for at in (plain, replace(plain, geom_rgba=rgba, lights=lights), plain):
        _agree(at, one, other)


def _agree(at: Poses, one: Renderer, other: Renderer) -> None:
    a, b = one.render(at), other.render(at)
    assert torch.equal(one.frames(at), a.rgb)
    met = 0
    for geom in b.segmentation.unique().tolist():
        ours, theirs = b.segmentation == geom, a.segmentation == geom
        for i in range(len(ours)):
            if ours[i].sum() >= 40:
                union = (ours[i] | theirs[i]).sum()
                assert (ours[i] & theirs[i]).sum() / union >= 0.95, (i, geom)
                met += 1
    assert met > 20
    same = a.segmentation == b.segmentation
    assert same.float().mean() > 0.99
    near = same & (b.depth < 10)
    assert ((a.depth - b.depth).abs() / b.depth)[near].quantile(0.99) < 0.02
    off = (a.rgb.float() - b.rgb.float()).abs().amax(1)[same]
    assert off.mean() < 1.5
    assert off.quantile(0.99) < 12
