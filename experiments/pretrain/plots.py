"""Pictures of what an encoder has learned: accuracies, and a map of its embedding."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray
from torch import Tensor

from ssl_objectives.images.labels import num_labels
from ssl_objectives.images.source import UNKNOWN

_COLORS = {"probe": "#0072b2", "random": "#e69f00", "pixels": "#999999"}
_NAMED = 20  # classes up to which a legend names them
_THUMBNAILS = 60
_GRAY = "#bbbbbb"


def plot_probes(
    path: Path,
    values: Mapping[str, Mapping[str, float]],
    names: Mapping[str, str],
    num_labels_known: int,
    amounts: Sequence[str] = (),
) -> None:
    """Bars of ridge and k-NN accuracy, and both by the number of labels.

    Args:
        path: the picture.
        values: by what was measured (the keys of `names`), and by the measure.
        names: what each is called, in the order of the bars.
        num_labels_known: labels behind `ridge` and `knn`.
        amounts: for which there are `ridge@AMOUNT` and `knn@AMOUNT`.
    """
    curves = bool(amounts)
    figure = Figure(figsize=(10.0 if curves else 4.6, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2 if curves else 1, squeeze=False)[0]
    _bars(axes[0], values, names)
    axes[0].set_title(
        f"Accuracy on test images, {num_labels_known:,} labels", loc="left", fontsize=10
    )
    if curves:
        _curves(axes[1], values, names, num_labels_known, amounts)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", alpha=0.25, linewidth=0.6)
        ax.set_axisbelow(True)
    _save(figure, path)


def plot_embedding(
    path: Path,
    rows: Float32[Tensor, "N D"],
    images: UInt8[Tensor, "N C H W"],
    labels: Int64[Tensor, "N"] | None = None,
    class_names: Sequence[str] = (),
) -> None:
    """A 2-D map (t-SNE on cosines) of images, coloured by class, some of them shown.

    Neighbours in the map are neighbours in the embedding; distances between far
    clusters, and their sizes, mean nothing.

    Args:
        path: the picture.
        rows: of the embedding.
        images: what they are embeddings of, 1 or 3 channels (of others, the first).
        labels: classes, -1 where unknown.
        class_names: what they are called.
    """
    places = _map(rows.numpy())
    figure = Figure(figsize=(9.0, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    numbers = None if labels is None else labels.numpy()
    colors = _class_colors(len(class_names))
    shown: NDArray[np.object_] = np.full(len(places), _GRAY, dtype=object)
    if numbers is not None:
        known = numbers != UNKNOWN
        shown[known] = colors[numbers[known]]
    ax.scatter(places[:, 0], places[:, 1], c=list(shown), s=9, linewidths=0, alpha=0.75)
    _thumbnails(ax, places, images, shown)
    ax.set_axis_off()
    ax.set_title(
        f"Embedding of {len(places):,} test images (t-SNE)", loc="left", fontsize=11
    )
    if numbers is not None and 0 < len(class_names) <= _NAMED:
        marks = [
            Line2D([], [], color=x, marker="o", linestyle="", markersize=6)
            for x in colors
        ]
        figure.legend(
            marks, class_names, loc="outside right upper", frameon=False, fontsize=9
        )
    _save(figure, path)


def _bars(
    ax: Axes, values: Mapping[str, Mapping[str, float]], names: Mapping[str, str]
) -> None:
    width = 0.8 / len(names)
    for i, (key, label) in enumerate(names.items()):
        heights = [values[key]["ridge"], values[key]["knn"]]
        place = np.arange(2) + (i - (len(names) - 1) / 2) * width
        bars = ax.bar(place, heights, 0.92 * width, color=_COLORS[key], label=label)
        ax.bar_label(bars, [f"{x:.3f}" for x in heights], fontsize=8, padding=2)
    ax.set_xticks([0, 1], ["ridge", "k-NN"])
    ax.set_ylim(0, 1)
    ax.legend(frameon=False, fontsize=9, ncols=len(names), loc="upper center")


def _curves(
    ax: Axes,
    values: Mapping[str, Mapping[str, float]],
    names: Mapping[str, str],
    known: int,
    amounts: Sequence[str],
) -> None:
    """Accuracy by number of labels; ridge in full lines, k-NN dashed."""
    counts = {num_labels(x, known): f"@{x}" for x in amounts} | {known: ""}
    x = sorted(counts)
    for key, label in names.items():
        for probe, line in (("ridge", "-"), ("knn", "--")):
            y = [values[key][f"{probe}{counts[count]}"] for count in x]
            color = _COLORS[key]
            ax.plot(x, y, line, color=color, marker="o", markersize=4, label=label)
    ax.set_xscale("log")
    ax.set_xticks(x)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.set_xlabel("labels")
    ax.set_title("Accuracy by number of labels", loc="left", fontsize=10)
    lines = [
        Line2D([], [], color="#444444", linestyle="-", label="ridge"),
        Line2D([], [], color="#444444", linestyle="--", label="k-NN"),
    ]
    ax.legend(handles=lines, frameon=False, fontsize=9, loc="lower right")


def _map(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places [N, 2]; the same for the same rows."""
    from sklearn.manifold import TSNE

    if len(rows) < 5 or not np.ptp(rows, axis=0).any():
        return np.zeros((len(rows), 2), np.float32)  # too few, or one point
    tsne = TSNE(
        perplexity=min(30.0, (len(rows) - 1) / 3),
        init="pca" if rows.shape[1] > 1 else "random",
        metric="cosine",
        random_state=0,
    )
    return np.asarray(tsne.fit_transform(rows))


def _class_colors(count: int) -> NDArray[np.object_]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    few = colormaps["tab10" if count <= 10 else "tab20"]
    if count <= few.N:
        return np.array([to_hex(few(i)) for i in range(count)], dtype=object)
    many = colormaps["turbo"]
    return np.array([to_hex(many(i / count)) for i in range(count)], dtype=object)


def _thumbnails(
    ax: Axes,
    places: NDArray[np.float32],
    images: UInt8[Tensor, "N C H W"],
    colors: NDArray[np.object_],
) -> None:
    """Images where there is room: none closer than a tenth of the map to another."""
    size = np.ptp(places, axis=0).max()
    taken: list[int] = []
    for i, place in enumerate(places):
        far = all(np.abs(place - places[j]).max() > 0.08 * size for j in taken)
        if far and len(taken) < _THUMBNAILS:
            taken.append(i)
    for i in taken:
        picture = images[i].numpy()
        picture = picture.transpose(1, 2, 0) if len(picture) == 3 else picture[0]
        box = OffsetImage(picture, zoom=24 / max(picture.shape[:2]), cmap="gray")
        box.image.axes = ax
        frame = {"edgecolor": colors[i], "linewidth": 1.5}
        ax.add_artist(AnnotationBbox(box, tuple(places[i]), pad=0.1, bboxprops=frame))


def _save(figure: Figure, path: Path) -> None:
    unfinished = path.with_name(f".{path.stem}.unfinished{path.suffix}")
    figure.savefig(unfinished, dpi=150)
    os.replace(unfinished, path)
