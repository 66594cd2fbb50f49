"""What a dozen methods see: pictures of docs/gallery.md.

    python docs/gallery.py

trains each for a short while on the 2,000 + 1,000 images of Fashion-MNIST that are
shipped, keeps what it made of the test images in runs/gallery/, draws
images/gallery_*.png and writes results/gallery.json. A method that is there already is
not trained again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ImageSplit
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.method import Method
from ssl_objectives.views.augment.preset import AugmentConfig
from ssl_objectives.zoo import ZOO

DOCS = Path(__file__).parent
KEPT = DOCS.parent / "runs" / "gallery"
RESULTS = DOCS / "results" / "gallery.json"
STEPS, BATCH, NEAREST = 100, 96, 4
CNN = SmallCnnConfig(64, precision=Precision.FLOAT32)
VIT = ViTConfig(width=64, depth=2, precision=Precision.FLOAT32)
GARMENTS = AugmentConfig(crop=0.2, jitter=1.0, brightness=0.6, contrast=0.0, cutout=0.5)
PATCHED = AugmentConfig(crop=0.5, jitter=0.0, gray=0.0)
METHODS = (
    *("simclr", "moco-v2", "swav", "dino", "byol", "vicreg", "tico"),
    *("barlow-twins", "vicregl", "autoencoder", "mae", "i-jepa"),
)
UNTRAINED, UNTRAINED_VIT = "untrained", "untrained ViT"
QUERIES = (0, 4, 7, 19)
"""test images whose neighbours are shown"""
SHOWN = (0, 1, 2, 3, 4, 6, 7, 8, 19, 23)
"""test images whose feature maps are shown"""

Made = Mapping[str, Any]
"""`latents` [N, D] and `maps` [N, F, h, w] of the test images"""


def choice(name: str) -> tuple[Method, EncoderConfig]:
    """A method with this page's views, and the encoder that it trains."""
    if name == UNTRAINED:
        return ZOO["simclr"], CNN
    if name == UNTRAINED_VIT:
        return ZOO["simclr"], VIT
    if name in ("mae", "i-jepa"):
        return replace(ZOO[name], views=replace(ZOO[name].views, augment=PATCHED)), VIT  # type: ignore[type-var]  # views of images
    if name == "autoencoder":
        return ZOO[name], CNN
    return replace(ZOO[name], views=replace(ZOO[name].views, augment=GARMENTS)), CNN  # type: ignore[type-var]  # likewise


def made(name: str, split: ImageSplit) -> Made:
    """What an encoder makes of the test images after a short training; kept."""
    file = KEPT / f"{name}.pt"
    if not file.exists():
        method, encoder = choice(name)
        trainer = Pretrainer(
            method,
            encoder,
            split.train,
            None,
            Shuffled(split.train.num_rows, BATCH, 0),
            AdamWConfig(learning_rate=5e-3 if encoder is CNN else 3e-3),
            steps=STEPS,
            device=torch.device("cpu"),
            seed=0,
        )
        for _ in range(STEPS if name in METHODS else 0):
            trainer.step(look=False)
        trainer.encoder.eval()
        with torch.no_grad():
            rows = split.test.read(torch.arange(split.test.num_rows))
            latents, maps = trainer.encoder.with_maps(rows)
        KEPT.mkdir(parents=True, exist_ok=True)
        torch.save({"latents": latents, "maps": maps}, file)
    found: Made = torch.load(file, weights_only=True)
    return found


def neighbours(latents: Tensor) -> Tensor:
    """The nearest others of each image by cosine, after standardising `[N, k]`."""
    rows = (latents - latents.mean(0)) / latents.std(0).clamp(min=1e-6)
    rows = nn.functional.normalize(rows, dim=-1)
    cosines: Tensor = rows @ rows.mT
    return cosines.fill_diagonal_(-2).topk(NEAREST).indices


def components(rows: Tensor, number: int) -> Tensor:
    """Along the directions in which rows vary most, each from about 0 to about 1."""
    centred = rows - rows.mean(0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    along = centred @ axes[:number].mT
    # a direction has no sign: let the larger tail point upwards
    along = along * along.pow(3).sum(0).sign()
    low, high = along.quantile(0.02, 0), along.quantile(0.98, 0)
    return ((along - low) / (high - low)).clamp(0, 1)


def same_class(found: Tensor, labels: Tensor) -> float:
    """Share of neighbours that are of the image's class."""
    return (labels[found] == labels.unsqueeze(1)).float().mean().item()


def draw_neighbours(each: Mapping[str, Made], images: Tensor, labels: Tensor) -> Figure:
    """A row for each method: images and their nearest, others' classes in red."""
    wide = len(QUERIES) * (NEAREST + 1)
    figure, axes = grid(len(each), wide, 0.42)
    for row, (name, found) in zip(axes, each.items(), strict=True):
        near = neighbours(found["latents"])
        titled(row[0], name)
        for q, query in enumerate(QUERIES):
            for k, other in enumerate([query, *near[query].tolist()]):
                at = row[q * (NEAREST + 1) + k]
                at.imshow(images[other, 0], cmap="gray_r", vmin=0, vmax=255)
                wrong = bool(labels[other] != labels[query])
                color = "#d62728" if wrong else "#1f77b4" if k == 0 else "#dddddd"
                framed(at, color, 1.6 if wrong or k == 0 else 0.5)
    return figure


def draw_maps(each: Mapping[str, Made], images: Tensor) -> Figure:
    """A row for each method: places of feature maps by three directions, as colours."""
    figure, axes = grid(len(each) + 1, len(SHOWN), 0.55)
    titled(axes[0][0], "image")
    for at, which in zip(axes[0], SHOWN, strict=True):
        at.imshow(images[which, 0], cmap="gray_r", vmin=0, vmax=255)
        framed(at, "#dddddd", 0.5)
    for row, (name, found) in zip(axes[1:], each.items(), strict=True):
        maps = found["maps"][:200].permute(0, 2, 3, 1)
        colors = components(maps.flatten(0, 2), 3).view(*maps.shape[:3], 3)
        titled(row[0], name)
        for at, which in zip(row, SHOWN, strict=True):
            at.imshow(colors[which], interpolation="nearest")
            framed(at, "#dddddd", 0.5)
    return figure


def draw_planes(
    each: Mapping[str, Made], labels: Tensor, names: tuple[str, ...]
) -> Figure:
    """Test images along the two directions in which latents vary most, by class."""
    figure = Figure(figsize=(10.5, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(3, 5)
    for at in axes.flat:
        at.set_axis_off()
    dots = None
    for at, (name, found) in zip(axes.flat, each.items(), strict=False):
        rows = found["latents"]
        plane = components((rows - rows.mean(0)) / rows.std(0).clamp(min=1e-6), 2)
        dots = at.scatter(*plane.mT, c=labels, cmap="tab10", s=2.5, linewidths=0)
        at.set_title(name, fontsize=9)
    assert dots is not None
    handles, _ = dots.legend_elements(num=len(names))
    axes.flat[-1].legend(handles, names, fontsize=7.5, loc="center", frameon=False)
    return figure


def grid(rows: int, columns: int, inch: float) -> tuple[Figure, Any]:
    """Small pictures side by side, with room for names to the left."""
    figure = Figure(figsize=(columns * inch + 1.0, rows * inch))
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns)
    left = 1.0 / (columns * inch + 1.0)
    figure.subplots_adjust(left, 0.005, 0.995, 0.995, wspace=0.08, hspace=0.08)
    return figure, axes


def titled(at: Axes, name: str) -> None:
    """The name of a row, to its left."""
    at.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)


def framed(at: Axes, color: str, width: float) -> None:
    """A frame without ticks."""
    at.set_xticks([])
    at.set_yticks([])
    for spine in at.spines.values():
        spine.set(color=color, linewidth=width)


def table(told: Mapping[str, float]) -> Iterator[str]:
    """Markdown: methods by how many of their neighbours are of the image's class."""
    yield "| method | of the four nearest, of the same class |"
    yield "|---|---|"
    for name in sorted(told, key=lambda x: -told[x]):
        yield f"| `{name}` | {told[name]:.3f} |"


def main() -> None:
    """Train what is not there, draw all, write numbers down and print them."""
    torch.set_num_threads(1)
    split = FashionMnistConfig(subset=True).open()
    labels = split.test.labels
    assert labels is not None
    images = split.test.read(torch.arange(split.test.num_rows))
    each = {}
    for name in (UNTRAINED, UNTRAINED_VIT, *METHODS):
        each[name] = made(name, split)
        print(name, flush=True)
    pictures = {
        "neighbours": draw_neighbours(each, images, labels),
        "maps": draw_maps(each, images),
        "planes": draw_planes(each, labels, split.test.class_names),
    }
    for name, figure in pictures.items():
        figure.savefig(DOCS / "images" / f"gallery_{name}.png", dpi=110)
    shares = {
        name: round(same_class(neighbours(x["latents"]), labels), 4)
        for name, x in each.items()
    }
    shares["pixels"] = round(
        same_class(neighbours(images.flatten(1).float()), labels), 4
    )
    RESULTS.write_text(json.dumps(shares, indent=1) + "\n", "utf-8")
    print("\n".join(table(shares)))


if __name__ == "__main__":
    main()
