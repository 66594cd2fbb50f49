"""What pretraining was worth: probes beside a random encoder and raw pixels."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from experiments.encoders.pretrained import from_scratch
from experiments.pretrain.plots import plot_embedding, plot_probes
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.images.source import ImageSplit
from ssl_objectives.measure.encoder_evaluation import EncoderEvaluation, ProbeConfig
from ssl_objectives.measure.probes import RawPixels
from ssl_objectives.views.maker import ViewMaker
from world_models.data.description import write_json

FORMAT_VERSION = 1  # of results.json
RESULTS = "results.json"
PROBES, EMBEDDING = "probes.png", "embedding.png"  # in the run's folder of plots
COMPARED = {"probe": "encoder", "random": "random encoder", "pixels": "raw pixels"}

Values = dict[str, dict[str, float]]  # by what was measured, and by the measure


def random_encoder(
    config: EncoderConfig, image_shape: tuple[int, int, int], seed: int
) -> Encoder:
    """The untrained encoder of a seed; leaves PyTorch's own random stream alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return config.build(image_shape)


def measure_encoder(
    encoder: nn.Module,
    encoder_config: EncoderConfig,
    split: ImageSplit,
    folder: Path,
    device: torch.device | str = "cpu",
    *,
    probe: ProbeConfig | None = None,
    seed: int = 0,
    views: ViewMaker | None = None,
    console: Console | None = None,
) -> dict[str, float]:
    """Measure an encoder, and write `results.json` and plots into a run's folder.

    Results are named `probe/ridge` and `probe/knn` (accuracies, 0 to 1; `probe/knn@1%`
    with a part of the labels; and those of the protocols of `probe.beside`),
    `probe/effective_rank` and so on; `random/…` are those of an untrained encoder of
    the same shape, `pixels/…` of raw pixels. What so few
    images do not define (uniformity, of one) is left out.

    Args:
        encoder: on `device`; its mode is left as it is.
        encoder_config: built it, and builds the untrained one.
        split: where images come from. Without labels there are no accuracies.
        folder: of the run.
        device: where the encoder lies.
        probe: how much is measured.
        seed: of the run: the untrained encoder gets the weights that it gives.
        views: makes views; without it there is neither alignment nor LiDAR.
        console: where a table is printed; None prints nothing.

    Returns:
        What `results.json` holds.

    Raises:
        TrainingDiverged: the encoder gives numbers that are not finite.
        ConfigError: an amount of labels that is none.
    """
    probe = probe or ProbeConfig()
    bench = EncoderEvaluation.of(split, probe, views, device)
    shape = split.test.image_shape
    untrained = random_encoder(from_scratch(encoder_config), shape, seed).to(device)
    networks = {"probe": encoder, "random": untrained, "pixels": RawPixels()}
    values: Values = {}
    embeddings = {name: bench.embed(network) for name, network in networks.items()}
    for name, network in networks.items():
        values[name] = bench.probe(network, embeddings[name])
        if name != "pixels":  # which are no embedding, and wide
            values[name] |= bench.diagnose(network, embeddings[name])
    undefined = _drop_undefined(values)
    results = {f"{k}/{x}": value for k in values for x, value in values[k].items()}
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    write_json(folder / RESULTS, {"format_version": FORMAT_VERSION, "results": results})
    if "ridge" in values["probe"]:
        plot_probes(plots / PROBES, values, COMPARED, len(bench.fit), probe.amounts)
    most = probe.num_mapped
    if most:
        labels = bench.test_labels
        plot_embedding(
            plots / EMBEDDING,
            embeddings["probe"][:most],
            split.test.read(bench.test[:most]),
            None if labels is None else labels[:most],
            split.test.class_names,
        )
    if console is not None:
        console.print(table(values))
        if undefined:
            few, names = (
                len(bench.test),
                ", ".join(_LABELS.get(x, x) for x in undefined),
            )
            console.print(
                f"note: {few} test image{'' if few == 1 else 's'} cannot tell: {names}",
                highlight=False,
                soft_wrap=True,
            )
    return results


def _drop_undefined(values: Values) -> list[str]:
    """Takes out measures that are no number for one of the networks; their names."""
    measured = [x for each in values.values() for x in each.items()]
    undefined = list(dict.fromkeys(k for k, x in measured if not math.isfinite(x)))
    for each in values.values():
        for name in undefined:
            each.pop(name, None)
    return undefined


def table(values: Mapping[str, Mapping[str, float]]) -> Table:
    """All measures in rows, what was measured in columns."""
    made = Table("", *COMPARED.values())
    for column in made.columns[1:]:
        column.justify = "right"
    for measure in values["probe"]:
        each = [values[name].get(measure) for name in COMPARED]
        name, at, amount = measure.partition("@")
        made.add_row(
            _LABELS.get(name, name) + (f", {amount} of labels" if at else ""),
            *("" if x is None else f"{x:.3f}" for x in each),
        )
    return made


_LABELS = {
    "ridge": "ridge accuracy",
    "knn": "k-NN accuracy",
    "knn-20": "k-NN accuracy, 20 neighbours",
    "knn-200": "k-NN accuracy, 200 neighbours",
    "linear": "linear probe by SGD",
    "fine-tuned": "fine-tuned",
    "effective_rank": "effective rank",
    "rankme": "RankMe",
    "participation_ratio": "participation ratio",
    "spread": "spread around the mean",
    "within_classes": "variance within classes",
    "lidar": "LiDAR",
}
