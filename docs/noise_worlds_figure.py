"""Draws images/noise_worlds.png: `python docs/noise_worlds_figure.py`."""

from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from envs.atari.native import AtariConfig
from envs.noise.config import with_noise
from envs.noise.frame_layer import FrameLayerConfig
from envs.noise.no_op_patterns import NoOpPatternsConfig
from envs.noise.persistive import PersistiveConfig
from envs.noise.tv import TvConfig
from envs.noise.world_noise import WorldNoiseConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import DiscreteActions, WorldConfig

FILE = Path(__file__).parent / "images" / "noise_worlds.png"
WORLDS: dict[str, WorldConfig] = {
    "pixel-maze": PixelMazeConfig(),
    "Montezuma's\nRevenge": AtariConfig(),
}
NOISES: dict[str, WorldNoiseConfig | None] = {
    "none": None,
    "tv": TvConfig(),
    "layer": FrameLayerConfig(),
    "no-op": NoOpPatternsConfig(),
    "persistive": PersistiveConfig(),
}
STEPS = 60


def two_frames(world: WorldConfig, noise: WorldNoiseConfig | None) -> list[Tensor]:
    """The last two frames with fresh noise, while somebody stands and switches."""
    env = with_noise(world, noise).build(1, "cpu")
    env.reset(seed=3)
    assert isinstance(env.spec.actions, DiscreteActions)
    still = env.spec.actions.n - 1 if isinstance(noise, TvConfig) else 0
    rows = [env.step(torch.tensor([still])) for _ in range(STEPS)]
    env.close()
    fresh = [x for x in rows if noise is None or bool(x.facts["noise"].all())]
    return [x.obs[0] for x in fresh[-2:]]


def main() -> None:
    """A column per noise, two frames of each world below each other."""
    figure = Figure(figsize=(9.2, 7.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2 * len(WORLDS), len(NOISES))
    for column, (name, noise) in enumerate(NOISES.items()):
        frames = [x for world in WORLDS.values() for x in two_frames(world, noise)]
        axes[0, column].set_title(name, fontsize=10)
        for ax, frame in zip(axes[:, column], frames, strict=True):
            grey = {"cmap": "gray", "vmin": 0, "vmax": 255} if len(frame) == 1 else {}
            picture = frame.permute(1, 2, 0).squeeze(-1).numpy()
            ax.imshow(picture, interpolation="nearest", **grey)
            ax.set_xticks([])
            ax.set_yticks([])
    for i, name in enumerate(WORLDS):
        axes[2 * i, 0].set_ylabel(name, fontsize=9)
    figure.savefig(FILE, dpi=100)


if __name__ == "__main__":
    main()
