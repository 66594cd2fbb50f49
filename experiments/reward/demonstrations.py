"""Demonstrations out of whatever can be imported: an episode each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.rewards.demonstration import Demonstration
from experiments.data.config import ImportConfig
from experiments.data.sources import open_source
from ssl_objectives.refusal import DatasetError
from world_models.data.format import FACTS
from world_models.data.importers.importer import Rows

_LONG = 2_000  # frames: what is quadratic in them takes minutes, and gigabytes


@dataclass(frozen=True)
class Demonstrated:
    """Demonstrations, and what was left out, for people.

    Attributes:
        demos: at least one.
        notes: a sentence each.
    """

    demos: list[Demonstration]
    notes: tuple[str, ...] = ()


def read_demonstrations(
    source: str,
    most: int,
    *,
    skip: int = 0,
    every: int = 1,
    size: tuple[int, int] | None = None,
    gray: bool = False,
    labels: Sequence[str] = (),
) -> Demonstrated:
    """The first few episodes that show how it is done.

    Where ends and rewards are known, these are episodes that came to an end and earned
    something; those that are cut off count where none was terminated. Of videos, each
    is one.

    Args:
        source: what `curious import` could import.
        most: how many are taken.
        skip: how many in front are left out.
        every: so many frames apart; the last is always there.
        size, gray: how frames are converted.
        labels: facts whose sum is the true step of a frame.

    Raises:
        DatasetError: nothing that can be read, no such fact, or no such episode.
        ConfigError: a package is missing.
    """
    # what is not asked for there is not read from it: `out` has no meaning here
    importer = open_source(ImportConfig(source, out=Path(), size=size, gray=gray))
    unknown = [x for x in labels if FACTS + x not in importer.spec.columns]
    if unknown:
        known = ", ".join(importer.spec.facts) or "none"
        raise DatasetError(
            f"{source} has no facts {', '.join(unknown)}; it has {known}. Record with "
            "--facts."
        )
    chosen, passed, longest = _shows_how(_episodes(importer.rows()), skip + most)
    chosen = chosen[skip:]
    if not chosen:
        raise DatasetError(
            f"{source} has no demonstration behind the first {skip}. Record more, or "
            "skip fewer."
            if skip
            else f"{source} has no whole episode: a demonstration is one from its "
            f"beginning to its end, and after {longest:,} frames none had ended. "
            "Record more --steps, or as many in fewer --num-envs."
        )
    demos = [
        _demonstration(x, every, labels, f"{Path(source).name} {skip + n}")
        for n, x in enumerate(chosen)
    ]
    longest = max(len(x) for x in demos)
    if longest > _LONG:
        whole = max(len(x.columns["first"]) for x in chosen)
        fits = -(-(whole - 1) // (_LONG - 1))  # the last frame is always there
        raise DatasetError(
            f"A demonstration of {source} has {longest:,} frames, and at most "
            f"{_LONG:,} are looked at. Take each n-th: --every {fits}"
        )
    many = "1 episode was" if passed == 1 else f"{passed} episodes were"
    note = f"{many} passed over, with nothing earned, or cut off."
    return Demonstrated(demos, (*importer.notes, *((note,) if passed else ())))


@dataclass(frozen=True)
class _Episode:
    columns: Mapping[str, NDArray[Any]]

    def told(self, name: str) -> bool:
        """Whether anything in that column is so; True where nobody knows."""
        return name not in self.columns or bool(self.columns[name].any())

    @property
    def whole(self) -> bool:
        """Whether it came to its end, and not the data to theirs."""
        return self.told("terminated") or self.told("truncated")

    @property
    def rank(self) -> tuple[bool, bool]:
        """How well it shows how it is done: earned something, was terminated."""
        known = "reward" in self.columns
        earned = not known or float(self.columns["reward"].sum()) > 0
        return earned, self.told("terminated")


def _shows_how(
    episodes: Iterator[_Episode], enough: int
) -> tuple[list[_Episode], int, int]:
    """The first of the best rank; how many others were read; frames of the longest."""
    by_rank: dict[tuple[bool, bool], list[_Episode]] = {}
    read = longest = 0
    for episode in episodes:
        longest = max(longest, len(episode.columns["first"]))
        if not episode.whole:
            continue
        read += 1
        alike = by_rank.setdefault(episode.rank, [])
        if len(alike) < enough:
            alike.append(episode)
        if len(by_rank.get((True, True), ())) == enough:
            break
    best = by_rank[max(by_rank)] if by_rank else []
    return best, read - len(best), longest


def _episodes(rows: Iterator[Rows]) -> Iterator[_Episode]:
    """Streams, cut where episodes begin."""
    stream, parts = -1, list[Mapping[str, NDArray[Any]]]()
    for block in rows:
        begins = np.flatnonzero(block.columns["first"]).tolist()
        edges = sorted({0, *begins, len(block.columns["first"])})
        for start, stop in pairwise(edges):
            piece = {k: x[start:stop] for k, x in block.columns.items()}
            if parts and (block.stream != stream or bool(piece["first"][0])):
                yield _joined(parts)
                parts = []
            stream = block.stream
            parts.append(piece)
    if parts:
        yield _joined(parts)


def _joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> _Episode:
    return _Episode({k: np.concatenate([x[k] for x in parts]) for k in parts[0]})


def _demonstration(
    episode: _Episode, every: int, labels: Sequence[str], name: str
) -> Demonstration:
    num = len(episode.columns["first"])
    kept = sorted({*range(0, num, every), num - 1})
    steps = None
    if labels:
        facts = [_step_of(episode.columns[FACTS + x][kept], x) for x in labels]
        steps = torch.from_numpy(sum(facts[1:], start=facts[0]))
    frames = torch.from_numpy(np.ascontiguousarray(episode.columns["obs"][kept]))
    return Demonstration(frames, steps, name)


def _step_of(fact: NDArray[Any], name: str) -> NDArray[np.int64]:
    """What a fact adds to the step of each frame.

    Raises:
        DatasetError: it counts nothing.
    """
    whole = fact.dtype.kind in "biu" or bool(np.all(fact == np.floor(fact)))
    if fact.ndim != 1 or not whole or fact.min() < 0:
        raise DatasetError(
            f"The fact {name} counts no steps: of each frame it must be one whole "
            "number from 0, or a yes or no. Name others: --labels FACT …"
        )
    return fact.astype(np.int64)
