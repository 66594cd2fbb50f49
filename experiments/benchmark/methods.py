"""What a training step of each method costs, beside the encoder alone.

Every method takes the same images through the same small encoder. Those that can are
given two views, however many they are published with, so that a ratio to SimCLR says
what the method itself costs; the others keep theirs, and the table says how many.
Passes over the data (`Objective.refresh`) are timed once each, apart from the steps.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from rich.console import Group
from rich.table import Table
from torch import Tensor, nn

from experiments.benchmark.timing import (
    Arm,
    Spread,
    Timing,
    by_cpu_time,
    ratio,
    update_seconds,
    wait_for,
)
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.method import Method
from ssl_objectives.refusal import ConfigError, suggest
from ssl_objectives.views.maker import MultiCrop, TwoViews
from ssl_objectives.zoo import ZOO

ALONE = "encoder alone"
REFERENCE = "simclr"
SHAPE = (1, 28, 28)
ROWS, CLASSES, EPISODE = 4096, 10, 64
STEPS = 1000  # of the run that these are steps of: no schedule has ended


class AloneArm(Arm):
    """The encoder on two views of a batch, forward and backward."""

    name = ALONE
    about = "two views through the encoder, forward and backward"
    unit = "images"

    def __init__(self, encoder: nn.Module, images: Tensor) -> None:
        self.units = len(images)
        self._encoder, self._images = encoder, images
        self.num_parameters = sum(p.numel() for p in encoder.parameters())

    def update(self) -> None:
        """One batch; no optimiser."""
        self._encoder.zero_grad(set_to_none=True)
        views = [self._encoder(self._images) for _ in range(2)]
        torch.stack(views).square().mean().backward()

    def details(self) -> dict[str, Any]:
        """How many views."""
        return {"views": 2}


class MethodArm(Arm):
    """Whole steps of a method: views, networks, loss, optimiser, memory."""

    unit = "images"

    def __init__(self, name: str, trainer: Pretrainer, batch_size: int) -> None:
        self.name, self.units = name, batch_size
        lines = (type(trainer.method.objective).__doc__ or "").strip().splitlines()
        self.about = lines[0] if lines else ""
        self.num_parameters = sum(p.numel() for p in trainer.trained)
        self._trainer = trainer
        self._sweep_seconds: float | None = None
        if trainer.branches.objective.needs.sweep:
            begin = time.perf_counter()
            trainer.sweep()
            wait_for(trainer.device)
            self._sweep_seconds = time.perf_counter() - begin

    def update(self) -> None:
        """One step, without measures of liveliness."""
        self._trainer.step(look=False)

    def details(self) -> dict[str, Any]:
        """Views of each image, and seconds of a pass over the data."""
        return {
            "views": self._trainer.num_views,
            "sweep_seconds": self._sweep_seconds,
            "sweep_rows": ROWS if self._sweep_seconds is not None else None,
        }


def method_arms(
    names: Sequence[str],
    encoder: EncoderConfig,
    batch_size: int,
    device: torch.device,
    seed: int,
) -> Iterator[tuple[Arm, str]]:
    """The encoder alone and each method, with what each is compared with.

    Args:
        names: of methods; empty: all.
        encoder: what all of them train.
        batch_size: images in a step.
        device: where.
        seed: of images and weights.

    Raises:
        ConfigError: there is no such method.
    """
    for name in names:
        if name not in ZOO:
            raise ConfigError(
                f"--methods: there is no {name!r}.{suggest(name, list(ZOO))}"
            )
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (ROWS, *SHAPE), generator=generator).byte()
    labels = torch.randint(CLASSES, (ROWS,), generator=generator)
    classes = tuple(map(str, range(CLASSES)))
    episodes = Episodes(torch.arange(0, ROWS, EPISODE), ROWS)
    source = ArrayImages(images, labels, classes, episodes)
    known = labels.where(torch.arange(ROWS) % 10 == 0, -1)
    alone = encoder.build(SHAPE).to(device)
    yield AloneArm(alone, images[:batch_size].to(device)), REFERENCE
    for name in dict.fromkeys(names) if names else ZOO:
        trainer = Pretrainer(
            _timed(ZOO[name]),
            encoder,
            source,
            known,
            Shuffled(ROWS, batch_size, seed),
            AdamWConfig(),
            steps=STEPS,
            device=device,
            seed=seed,
        )
        yield MethodArm(name, trainer, batch_size), REFERENCE


def by_clock(arms: Sequence[Arm], timings: Sequence[Timing]) -> dict[str, Any]:
    """Costs of a step for the results: of time that went by, and of CPU time."""
    return {
        "step_costs": costs(arms, timings),
        "step_cpu_costs": costs(arms, by_cpu_time(timings)),
    }


def tables(
    title: str, arms: Sequence[Arm], timings: Sequence[Timing], device: torch.device
) -> Group:
    """Costs of a step; on a CPU also of CPU time, which others disturb less."""
    shown = [table(title, arms, timings)]
    if device.type == "cpu":
        shown.append(table(f"{title}; CPU time", arms, by_cpu_time(timings)))
    return Group(*shown)


def table(title: str, arms: Sequence[Arm], timings: Sequence[Timing]) -> Table:
    """A row for each arm: medians over rounds, ratios taken within rounds."""
    result = Table(title=title)
    result.add_column("method", no_wrap=True)
    for header in ("views", "ms/step", "× alone", f"× {REFERENCE}", "ms/sweep"):
        result.add_column(header, justify="right", no_wrap=True)
    for name, row in costs(arms, timings).items():
        shown = [f"{row['views']:.0f}", f"{1e3 * row['seconds']:.1f}"]
        shown.append(f"{row['over_alone']:.2f}")
        shown.append(_span(row, "over_reference") if "over_reference" in row else "–")
        sweep = row.get("sweep_seconds")
        result.add_row(name, *shown, "" if sweep is None else f"{1e3 * sweep:.0f}")
    return result


def costs(
    arms: Sequence[Arm], timings: Sequence[Timing]
) -> Mapping[str, Mapping[str, float]]:
    """Seconds of a step of each arm, and how many times those of the two others."""
    found: dict[str, dict[str, float]] = {}
    for arm in arms:
        mine = update_seconds(timings, arm.name)
        row = {"seconds": Spread.of(mine).median}
        for key, other in (("over_alone", ALONE), ("over_reference", REFERENCE)):
            quotient = ratio(mine, update_seconds(timings, other))
            if quotient is not None:
                row[key] = quotient.median
                row[f"{key}_low"], row[f"{key}_high"] = quotient.low, quotient.high
        row |= {k: float(x) for k, x in arm.details().items() if x is not None}
        found[arm.name] = row
    return found


def _span(row: Mapping[str, float], key: str) -> str:
    return f"{row[key]:.2f} ({row[f'{key}_low']:.2f}–{row[f'{key}_high']:.2f})"


def _timed(method: Method) -> Method:
    """Without small crops, and without sweeps meanwhile."""
    method = replace(method, first_sweep=STEPS)
    if isinstance(method.views, MultiCrop):
        method = replace(method, views=TwoViews(method.views.augment))
    return method
