"""Draws images/noise.png from results/noise.jsonl: `python docs/noise_figure.py`."""

import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DOCS = Path(__file__).parent
NOISES = (
    "none",
    "changing-uniform",
    "changing-structured",
    "fixed-uniform",
    "fixed-structured",
)
MODELS = {
    "vicreg": ("JEPA, VICReg", "#0072b2", "o"),
    "simclr": ("JEPA, InfoNCE", "#56b4e9", "s"),
    "sigreg": ("JEPA, SIGReg", "#009e73", "D"),
    "byol": ("BYOL", "#e69f00", "^"),
    "reconstruction": ("reconstruction", "#cc79a7", "v"),
    "inverse-dynamics": ("inverse dynamics", "#d55e00", "P"),
    "supervised": ("supervised", "#000000", "*"),
    "random": ("random encoder", "#999999", "X"),
}
WAYS_OUT = {
    "vicreg-inverse": "VICReg,\ninverse\ndynamics",
    "simclr-time": "InfoNCE,\nnegatives\nin time",
    "vicreg-temporal": "VICReg,\ntemporal\nvariance",
    "vicreg-change": "VICReg,\nframe\ndifferences",
}


def main() -> None:
    """Every seed is a point."""
    lines = (DOCS / "results" / "noise.jsonl").read_text().splitlines()
    runs = [json.loads(x) for x in lines]

    def values(model: str, noise: str) -> list[float]:
        return [
            x["probe/place/predicted_rmse"]
            for x in runs
            if (x["model"], x["noise"]) == (model, noise)
        ]

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(5, 2.2), sharey=True)
    for i, (model, (label, color, marker)) in enumerate(MODELS.items()):
        for at, noise in enumerate(NOISES):
            each = values(model, noise)
            place = [at + (i - 3.5) * 0.095] * len(each)
            style = {"color": color, "marker": marker, "s": 26, "linewidths": 0}
            left.scatter(place, each, label=label if at == 0 else None, **style)
    left.set_xticks(range(len(NOISES)), [x.replace("-", "\n") for x in NOISES])
    left.set_ylabel("error of the predicted place, pixels")
    left.axhline(8.9, color="#bbbbbb", linewidth=0.8, linestyle="--", zorder=0)
    left.text(-0.45, 8.95, "always the middle", va="bottom", fontsize=7.5)
    left.set_title("What an objective's latents know of the dot, by noise", fontsize=10)
    left.legend(ncols=2, fontsize=8, loc="center", bbox_to_anchor=(0.42, 0.58))
    left.set_ylim(0, 10.5)
    for at, model in enumerate(WAYS_OUT):
        each = values(model, "fixed-structured")
        right.scatter([at] * len(each), each, color="#0072b2", s=30)
    right.set_xticks(range(len(WAYS_OUT)), list(WAYS_OUT.values()), fontsize=7.5)
    right.set_title("Ways out, fixed structured noise", fontsize=10)
    right.set_xlim(-0.6, len(WAYS_OUT) - 0.4)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "images" / "noise.png", dpi=130)


if __name__ == "__main__":
    main()
