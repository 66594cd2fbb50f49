"""A picture of demonstrations: frames, steps, the reward along them, what it sees."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from agents.rewards.demonstration import Demonstration
from agents.rewards.perceptual import PerceptualReward
from agents.rewards.reward_model import RewardModel

_FRAMES = 12  # of each demonstration
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
_GAP = 2  # pixels between frames


@dataclass(frozen=True)
class Drawn:
    """A demonstration, and what a reward made of it.

    Attributes:
        demo: with its true steps, where they are known.
        reward: of each frame.
        found: the step of each frame; None where the reward knows none.
    """

    demo: Demonstration
    reward: Float32[Tensor, "num"]
    found: Int64[Tensor, "num"] | None


def draw(path: Path, reward: RewardModel, drawn: Sequence[Drawn]) -> None:
    """Draw into a PNG, which appears once it is complete.

    Raises:
        OSError: it cannot be written.
    """
    maps = isinstance(reward, PerceptualReward)
    heights = [2.6] * len(drawn) + ([3.6] if maps else [])
    figure = Figure(figsize=(11, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)
    for part, one in zip(parts[:, 0], drawn, strict=False):
        _demonstration(part, one)
    if isinstance(reward, PerceptualReward):
        _maps(parts[-1, 0], reward, drawn[0])
    unfinished = path.with_name(f".{path.stem}.unfinished.png")
    figure.savefig(unfinished, dpi=110)
    os.replace(unfinished, path)


def _demonstration(part: SubFigure, drawn: Drawn) -> None:
    """A strip of frames over the curve of the reward."""
    strip, curve = part.subplots(2, 1, height_ratios=(1, 1.3))
    num = len(drawn.demo)
    shown = np.unique(np.linspace(0, num - 1, min(_FRAMES, num)).round().astype(int))
    frames = [_picture(drawn.demo.frames[i]) for i in shown]
    height, width = frames[0].shape[:2]
    gap = np.ones((height, _GAP, 3))
    strip.imshow(
        np.concatenate([x for f in frames for x in (f, gap)][:-1], 1), aspect="equal"
    )
    strip.set_title(drawn.demo.name, fontsize=9, loc="left")
    strip.set_axis_off()
    for place, i in enumerate(shown):
        left = place * (width + _GAP)
        color = "#555555" if drawn.found is None else _color(int(drawn.found[i]))
        strip.plot([left, left + width - 1], [height + 1.5] * 2, color=color, lw=4)
    strip.set_ylim(height + 3, -1)
    curve.plot(drawn.reward, color="#222222", lw=1.5)
    curve.set_xlim(-0.5, num - 0.5)
    curve.set_ylim(-0.05, 1.05)
    curve.xaxis.set_major_locator(MaxNLocator(integer=True))
    curve.set_xlabel("frame", fontsize=8)
    curve.set_ylabel("reward", fontsize=8)
    curve.tick_params(labelsize=7)
    curve.spines[["top", "right"]].set_visible(False)
    if drawn.found is not None:
        _spans(curve, drawn.found)
    if drawn.demo.steps is not None:
        for cut in drawn.demo.steps.diff().nonzero()[:, 0].tolist():
            curve.axvline(cut + 0.5, color="#222222", ls="--", lw=1)


def _spans(ax: Axes, found: Int64[Tensor, "num"]) -> None:
    """A colour behind each step that was found; dashed lines are true cuts."""
    for step in found.unique().tolist():
        at = (found == step).nonzero()[:, 0]
        ax.axvspan(
            int(at[0]) - 0.5, int(at[-1]) + 0.5, color=_color(step), alpha=0.22, lw=0
        )
        ax.text(
            float(at.double().mean()),
            1.0,
            f"step {step + 1}",
            ha="center",
            va="top",
            fontsize=8,
            color=_color(step),
        )


def _maps(part: SubFigure, reward: PerceptualReward, drawn: Drawn) -> None:
    """Of each step, where its features lie, and the map that the best of them is of."""
    steps = reward.config.steps
    axes = part.subplots(2, steps, squeeze=False)
    for step in range(steps):
        frame = _middle(drawn, step)
        spots = reward.spots(step)
        placed = [x for x in spots if reward.depths.shapes[x.depth][1:] != (1, 1)]
        where, best = axes[:, step]
        where.imshow(_picture(frame).mean(2), cmap="gray", vmin=0, vmax=1.4)
        heat = _where(reward, step, frame.shape[-2:])
        if heat.max() > 0:
            where.imshow(heat, cmap="magma", alpha=np.clip(heat / heat.max(), 0, 0.85))
        where.set_title(
            f"step {step + 1}: {len(placed)} of {len(spots)} features have a place",
            fontsize=8,
            color=_color(step),
        )
        if placed:
            spot = placed[0]
            maps = _activations(reward, frame)[spot.depth]
            best.imshow(maps[spot.channel], cmap="viridis")
            best.plot(spot.x, spot.y, "s", mec="#d55e00", mfc="none", ms=9, mew=1.5)
            best.set_title(
                f"best: depth {spot.depth + 1}, map {spot.channel}", fontsize=8
            )
        for ax in (where, best):
            ax.set_axis_off()


def _where(
    reward: PerceptualReward, step: int, size: torch.Size
) -> Float32[np.ndarray, "H W"]:
    """How many chosen features look at each pixel's part of the picture, by area."""
    height, width = size
    heat = np.zeros((height, width), np.float32)
    for spot in reward.spots(step):
        _, rows, columns = reward.depths.shapes[spot.depth]
        if (rows, columns) == (1, 1):
            continue
        top, bottom = spot.y * height // rows, -(-(spot.y + 1) * height // rows)
        left, right = spot.x * width // columns, -(-(spot.x + 1) * width // columns)
        heat[top:bottom, left:right] += 1.0 / ((bottom - top) * (right - left))
    return heat


def _activations(
    reward: PerceptualReward, frame: UInt8[Tensor, "C H W"]
) -> list[Float32[np.ndarray, "_ _ _"]]:
    """The maps of each depth."""
    device = reward.centre.device
    flat = reward.depths(frame.to(device)).cpu()
    sizes = [f * h * w for f, h, w in reward.depths.shapes]
    return [
        x.view(shape).numpy()
        for x, shape in zip(flat.split(sizes), reward.depths.shapes, strict=True)
    ]


def _middle(drawn: Drawn, step: int) -> UInt8[Tensor, "C H W"]:
    """A frame from the middle of a step."""
    assert drawn.found is not None  # a perceptual reward knows steps
    at = (drawn.found == step).nonzero()[:, 0]
    return drawn.demo.frames[int(at[len(at) // 2])]


def _picture(frame: UInt8[Tensor, "C H W"]) -> Float32[np.ndarray, "H W 3"]:
    """Three channels in [0, 1]; of another number of them, the brightest."""
    pixels = frame.float() / 255
    if len(pixels) != 3:
        pixels = pixels.amax(0, keepdim=True).expand(3, -1, -1)
    picture: Float32[np.ndarray, "H W 3"] = pixels.permute(1, 2, 0).numpy()
    return picture


def _color(step: int) -> str:
    return _COLORS[step % len(_COLORS)]
