"""Probing: which facts can be read off latents, beside what reads nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int64
from torch import Tensor

from world_models.probing.asked import Asked, asked_of
from world_models.probing.diagnostics import diagnose_latents
from world_models.probing.findings import (
    PIXELS,
    PROBED,
    RANDOM,
    SHUFFLED,
    Findings,
    Reading,
    Scatter,
)
from world_models.probing.footage import Footage
from world_models.probing.images import OUTPUT, OfImages, pixels
from world_models.probing.mlp import Mlp
from world_models.probing.probe import Probe
from world_models.probing.reading import Sides
from world_models.probing.ridge import Mean, Ridge
from world_models.probing.rows import Rows
from world_models.probing.softmax import Majority, Softmax
from world_models.probing.split import Split, split_episodes
from world_models.probing.standardised import Standardised
from world_models.probing.subject import Latents, Subject

BASELINES: tuple[Probe, ...] = (Mean(), Majority())  # look at nothing
PROBES: tuple[Probe, ...] = (
    Ridge(),
    Mlp(),
    Standardised(Softmax(learning_rate=1e-2, batch=256, epochs=60, patience=8)),
)
FEW_EPISODES = 20  # of the test, below which intervals come out too narrow


@dataclass(frozen=True)
class Question:
    """What is asked, and of which episodes.

    Attributes:
        facts: names of facts; default: all.
        places: further facts that are places, of which velocities are asked, too.
        layers: of what is probed; default: the usual ones.
        probes: that read them, beside the baselines, which look at nothing.
        seed: of the split and of shuffling.
        val, test: shares of the episodes.
        controls: probe random weights and pixels, too.
    """

    facts: Sequence[str] = ()
    places: Sequence[str] = ()
    layers: Sequence[str] = ()
    probes: Sequence[Probe] = field(default=PROBES)
    seed: int = 0
    val: float = 0.1
    test: float = 0.2
    controls: bool = True


def probe_latents(
    subject: Subject,
    footage: Footage,
    question: Question | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Findings:
    """Which facts of some footage can be read off a subject's latents.

        footage = Footage(obs, episode, {"place": place})
        found = probe_latents(OfImages(encoder), footage)
        found.score("place", "rmse", probe="ridge")

    Episodes are split in three: probes are fitted on the first, chosen by the second
    and measured on the third. Every layer has probes of its own, and so have what is
    seen and what is predicted; what is predicted over any number of steps shares one,
    which is measured for each number apart, too. Scores have bootstrap intervals over
    episodes.

    Beside each reading stand the mean or the commonest class, which look at nothing;
    the same probe on shuffled facts; and the readings off the same network with random
    weights and off pixels.

    Args:
        subject: what is probed.
        footage: frames with facts.
        question: what is asked.
        told: hears what is being done.

    Raises:
        DatasetError: too few episodes, or no facts to ask for.
        Refusal: the subject does not take such frames, or gives what is no latent.
    """
    question = question or Question()
    asked, notes = asked_of(footage, question.facts, question.places)
    split = split_episodes(footage.episode, question.seed, question.val, question.test)
    counts = _episodes(footage, split)
    if counts[2] < FEW_EPISODES:
        notes.append(
            f"Only {counts[2]} episodes are measured on: intervals are wide, and still "
            f"too narrow. {FEW_EPISODES} or more are better."
        )
    groups = _alike(_asked_everywhere(asked, split, notes))
    readings: list[Reading] = []
    scatters: list[Scatter] = []
    diagnostics: dict[str, dict[str, dict[str, float]]] = {}
    for arm, (of, layers) in _arms(subject, question, notes).items():
        told(f"{arm}: looking at {len(footage):,} frames")
        diagnostics[arm] = {}
        for layer, seen in of.look(footage, layers).items():
            told(f"{arm}: reading what is {layer}")
            if seen.ahead is None and arm != PIXELS:
                episode, step = footage.episode[seen.row], footage.step[seen.row]
                diagnostics[arm][layer] = diagnose_latents(seen.latent, episode, step)
            for group in groups:
                sides = _sides(arm, layer, seen, footage, split, group)
                if not sides.complete:
                    continue
                probes = question.probes
                readings += sides.read([*BASELINES, *probes])
                readings += sides.shuffled(question.seed).read(probes, SHUFFLED)
                if arm == PROBED:
                    scatters += sides.scatters()
    return Findings(
        footage.about, len(footage), counts, readings, diagnostics, scatters, notes
    )


def _arms(
    subject: Subject, question: Question, notes: list[str]
) -> dict[str, tuple[Subject, Sequence[str]]]:
    """What is probed, and its controls."""
    layers = subject.chosen(question.layers)
    arms: dict[str, tuple[Subject, Sequence[str]]] = {PROBED: (subject, layers)}
    if not question.controls:
        return arms
    control = subject.untrained()
    if control is None:
        notes.append(
            "There is no control with random weights: nobody can tell how to build "
            "this without what it learned."
        )
    else:
        arms[RANDOM] = (control, layers)
    arms[PIXELS] = (OfImages(pixels, name="The probe of pixels"), (OUTPUT,))
    return arms


def _sides(
    arm: str,
    layer: str,
    seen: Latents,
    footage: Footage,
    split: Split,
    asked: Sequence[Asked],
) -> Sides:
    """Of facts that are known of the same rows."""
    known = asked[0].known[seen.row]
    row = seen.row[known]
    facts = {x.name: x.values[row] for x in asked}
    return Sides(
        arm,
        layer,
        Rows(seen.latent[known], facts, footage.episode[row]),
        None if seen.ahead is None else seen.ahead[known],
        split.train[row],
        split.val[row],
        split.test[row],
        {x.name: x.unit for x in asked},
    )


def _asked_everywhere(
    asked: Sequence[Asked], split: Split, notes: list[str]
) -> list[Asked]:
    """Those that vary where probes are fitted and where they are measured."""
    kept = []
    for x in asked:
        sides = [x.values[x.known & side] for side in (split.train, split.test)]
        if all(len(y) and bool((y != y[:1]).any()) for y in sides):
            kept.append(x)
        else:
            notes.append(
                f"{x.name} was left out: it never varies among the episodes that "
                "probes are fitted or measured on."
            )
    return kept


def _alike(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Facts that are known of the same rows, together."""
    groups: list[list[Asked]] = []
    for x in asked:
        for group in groups:
            if torch.equal(group[0].known, x.known):
                group.append(x)
                break
        else:
            groups.append([x])
    return groups


def _episodes(footage: Footage, split: Split) -> tuple[int, int, int]:
    def count(side: Tensor) -> int:
        numbers: Int64[Tensor, "E"] = footage.episode[side].unique()
        return len(numbers)

    return count(split.train), count(split.val), count(split.test)
