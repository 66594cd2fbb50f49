"""Evaluation of an encoder: linear and k-NN probes, ranks, alignment of views."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn

from ssl_objectives.evaluating import evaluating
from ssl_objectives.images.labels import label_subset
from ssl_objectives.images.source import (
    UNKNOWN,
    ImageSource,
    ImageSplit,
    to_be_viewed,
)
from ssl_objectives.measure.diagnostics import (
    alignment,
    effective_rank,
    lidar,
    participation_ratio,
    rankme,
    relative_spread,
    uniformity,
    within_share,
)
from ssl_objectives.measure.examples import (
    Examples,
    Labelled,
    ProtocolConfig,
)
from ssl_objectives.measure.probes import (
    Features,
    features,
    knn_accuracy,
    label_efficiency,
    ridge_accuracy,
)
from ssl_objectives.views.maker import ViewMaker

VIEWED = 200  # images of which views are made
VIEWS = 8  # of each of them
_SEED = 0  # of every choice below: all encoders are asked the same


@dataclass(frozen=True)
class ProbeConfig:
    """How encoders are measured."""

    num_train: int = 5_000
    """labelled training images that probes are fitted on, at most"""
    num_test: int = 2_000
    """test images that everything is measured on, at most"""
    amounts: tuple[str, ...] = ("1%", "10%")
    """parts of those labels that probes are also fitted on: shares or numbers"""
    draws: int = 3
    """choices of each such part, of which the mean is taken"""
    num_mapped: int = 1_500
    """test images in the 2-D map of the embedding, at most; 0 draws none"""
    beside: tuple[ProtocolConfig, ...] = ()
    """published protocols, beside ridge and k-NN"""

    def __post_init__(self) -> None:
        least = {"num_train": 2, "num_test": 8, "draws": 1, "num_mapped": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value < bound:
                raise ValueError(f"{name} must be at least {bound}, not {value}")


@dataclass(frozen=True)
class EncoderEvaluation:
    """Evaluates encoders, all on the same images, labels and views.

    Attributes:
        split: where images come from.
        fit: rows of `split.probed` that probes are fitted on; none without labels.
        test: rows of `split.test` that are looked at.
        config: how much is measured.
        views: makes views; None leaves out what needs them.
        device: where encoders lie.
    """

    split: ImageSplit
    fit: Int64[Tensor, "N"]
    test: Int64[Tensor, "M"]
    config: ProbeConfig
    views: ViewMaker | None
    device: torch.device | str

    @staticmethod
    def of(
        split: ImageSplit,
        config: ProbeConfig,
        views: ViewMaker | None = None,
        device: torch.device | str = "cpu",
    ) -> "EncoderEvaluation":
        """Choose rows: labelled ones, and as many of each class, to fit on."""
        generator = torch.Generator().manual_seed(_SEED)
        test = torch.randperm(split.test.num_rows, generator=generator)
        fit = _labelled(split.probed, config.num_train)
        return EncoderEvaluation(
            split, fit, test[: config.num_test], config, views, device
        )

    @property
    def test_labels(self) -> Int64[Tensor, "M"] | None:
        """Classes of the test rows, -1 where unknown."""
        labels = self.split.test.labels
        return None if labels is None else labels[self.test]

    def embed(self, encoder: nn.Module) -> Float32[Tensor, "M D"]:
        """Features of the test rows."""
        return features(encoder, self.split.test, self.test, self.device)

    def probe(
        self, encoder: nn.Module, embedding: Float32[Tensor, "M D"]
    ) -> dict[str, float]:
        """Accuracies by name: `ridge`, `knn`, and with fewer labels `ridge@1%`.

        And those of all protocols beside them.

        Args:
            encoder: what is measured.
            embedding: its features of the test rows.
        """
        labels, given = self.split.probed.labels, self.test_labels
        if labels is None or given is None or not len(self.fit):
            return {}
        known = given != UNKNOWN
        if not known.any():
            return {}
        fit = features(encoder, self.split.probed, self.fit, self.device)
        rows = Features(fit, labels[self.fit], embedding[known], given[known])
        result = {}
        for name, accuracy in (("ridge", ridge_accuracy), ("knn", knn_accuracy)):
            result[name] = accuracy(rows)
            fewer = label_efficiency(
                rows, accuracy, self.config.amounts, self.config.draws
            )
            result |= {f"{name}@{amount}": value for amount, value in fewer.items()}
        if self.config.beside:
            examples = Examples(
                Labelled(self.split.probed, self.fit, labels[self.fit]),
                Labelled(self.split.test, self.test[known], given[known]),
                torch.device(self.device),
            )
            for protocol in self.config.beside:
                result |= protocol.accuracies(encoder, examples)
        return result

    def diagnose(
        self, encoder: nn.Module, embedding: Float32[Tensor, "M D"]
    ) -> dict[str, float]:
        """What needs no probe: ranks, spread, uniformity; and with views, alignment.

        Args:
            encoder: what is measured.
            embedding: its features of the test rows.
        """
        measured = {
            "effective_rank": effective_rank(embedding),
            "rankme": rankme(embedding),
            "participation_ratio": participation_ratio(embedding),
            "spread": relative_spread(embedding),
            "uniformity": uniformity(embedding),
        }
        labels = self.test_labels
        if labels is not None:
            measured["within_classes"] = within_share(
                embedding, labels, labels != UNKNOWN
            )
        measured |= self._with_views(encoder)
        return {name: float(x) for name, x in measured.items()}

    def _with_views(self, encoder: nn.Module) -> Mapping[str, Tensor]:
        if self.views is None:
            return {}
        source, looked_at = self.split.test, self.test[:VIEWED]
        images = to_be_viewed(source, looked_at, self.views.apart).to(self.device)
        shape = (len(images), *source.image_shape)
        generator = torch.Generator(self.device).manual_seed(_SEED)
        views: list[UInt8[Tensor, "n C H W"]] = []
        while len(views) < VIEWS:
            drawn = self.views(images, generator)
            fits = [x for x in drawn.images if x.shape == shape]
            if not fits:  # crops alone: nothing that this encoder takes
                return {}
            views += fits
        with torch.no_grad(), evaluating(encoder):
            rows = torch.cat([encoder(x).float().cpu() for x in views[:VIEWS]])
        image = torch.arange(len(images)).repeat(VIEWS)
        one, two = rows[: 2 * len(images)].chunk(2)
        return {"alignment": alignment(one, two), "lidar": lidar(rows, image)}


def _labelled(source: ImageSource, most: int) -> Int64[Tensor, "N"]:
    """Rows with a label, at most so many, evenly over classes; none without labels."""
    labels = source.labels
    known = 0 if labels is None else int((labels != UNKNOWN).sum())
    if labels is None or not known:
        return torch.empty(0, dtype=torch.int64)
    kept = label_subset(labels, min(most, known), _SEED)
    return torch.nonzero(kept != UNKNOWN).flatten()
