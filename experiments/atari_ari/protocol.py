"""Sides, labels and scores of AtariARI's protocol (arXiv 1906.08226)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor, nn

from envs.atari.labels import Category, categories
from experiments.atari_ari.frames import Frames
from ssl_objectives.evaluating import evaluating
from ssl_objectives.refusal import DatasetError
from world_models.probing.probe import Probe
from world_models.probing.rows import Rows
from world_models.probing.softmax import Softmax
from world_models.probing.split import split_episodes
from world_models.probing.tallies import Score, estimates

LEAST_ENTROPY = 0.6  # nats; labels with less are dropped
BATCH = 256  # frames encoded at once

Encode = Callable[[UInt8[Tensor, "N 1 H W"]], Float32[Tensor, "N D"]]


@dataclass(frozen=True)
class Sides:
    """Frames to fit probes on, to choose by, and to measure on; other episodes in each.

    Attributes:
        train, val: 70 and 10 % of the episodes.
        test: 20 %, without frames that are equal to one of the other sides.
        duplicates: how many those were.
    """

    train: Frames
    val: Frames
    test: Frames
    duplicates: int

    @property
    def labels(self) -> tuple[str, ...]:
        """What is left of the labels."""
        return tuple(self.train.labels)


def sides(frames: Frames, seed: int) -> Sides:
    """Split by episode, by lot; see `Sides`.

    The published code draws the lot, and then cuts the episodes in the order they were
    played. That flaw is not copied.

    Raises:
        DatasetError: there are too few episodes, no label varies enough, or no test
            frame is left.
    """
    labels = varied(frames.labels)
    if not labels:
        raise DatasetError(
            f"No label of these frames has an entropy of {LEAST_ENTROPY} nats: play "
            "longer."
        )
    frames = Frames(
        frames.obs, frames.action, labels, frames.episode, frames.num_actions
    )
    split = split_episodes(frames.episode, seed)
    train, val, test = (frames.where(x) for x in (split.train, split.val, split.test))
    again = seen_before(test.obs, (train.obs, val.obs))
    if again.all():
        raise DatasetError(
            "All test frames are equal to ones that probes are fitted on: play longer."
        )
    return Sides(train, val, test.where(~again), int(again.sum()))


def entropy(label: Int64[Tensor, "N"]) -> float:
    """Of a label's values, in nats."""
    share = label.unique(return_counts=True)[1].double() / len(label)
    return float(-(share * share.log()).sum())


def varied(labels: Mapping[str, Int64[Tensor, "N"]]) -> dict[str, Int64[Tensor, "N"]]:
    """The labels whose entropy is large enough."""
    return {k: x for k, x in labels.items() if entropy(x) >= LEAST_ENTROPY}


def seen_before(
    obs: UInt8[Tensor, "N 1 H W"], others: tuple[UInt8[Tensor, "_ 1 H W"], ...]
) -> Bool[Tensor, "N"]:
    """Which frames are equal, byte for byte, to one of the others."""
    known = {x.tobytes() for part in others for x in part.numpy()}
    return torch.tensor([x.tobytes() in known for x in obs.numpy()], dtype=torch.bool)


def encoding(encoder: nn.Module) -> Encode:
    """An encoder in evaluation mode, without gradient, on any number of frames."""

    @torch.no_grad()
    def encode(obs: UInt8[Tensor, "N 1 H W"]) -> Float32[Tensor, "N D"]:
        with evaluating(encoder):
            return torch.cat([encoder(x).float() for x in obs.split(BATCH)])

    return encode


@dataclass(frozen=True)
class Scores:
    """Weighted F1 on the test side.

    Attributes:
        labels: of each label, with its interval over episodes.
    """

    labels: Mapping[str, Score]

    @property
    def categories(self) -> dict[Category, float]:
        """Means over the labels of each category."""
        of: dict[Category, list[float]] = {}
        for label, score in self.labels.items():
            for category in categories(label):
                of.setdefault(category, []).append(score.value)
        return {x: fmean(of[x]) for x in Category if x in of}

    @property
    def mean(self) -> float:
        """The mean over categories: the figure of the paper's tables."""
        return fmean(self.categories.values())


def encoded(encode: Encode, parts: Sides) -> tuple[Rows, Rows, Rows]:
    """What probes see of the training, validation and test sides."""
    train, val, test = (
        Rows(encode(x.obs), x.labels, x.episode)
        for x in (parts.train, parts.val, parts.test)
    )
    return train, val, test


def read_encoded(rows: tuple[Rows, Rows, Rows], probe: Probe) -> Scores:
    """What a probe reads of the labels off rows that were `encoded`."""
    train, val, test = rows
    tallies = probe.fit(train, val).read(test)
    return Scores({k: estimates(x)["f1"] for k, x in tallies.items()})


def read_labels(encode: Encode, parts: Sides, probe: Probe | None = None) -> Scores:
    """What a probe reads of the labels off an encoder's latents.

    Args:
        encode: from frames to latents.
        parts: of the frames.
        probe: default: `Softmax()`, the protocol's.
    """
    return read_encoded(encoded(encode, parts), Softmax() if probe is None else probe)
