"""`curious picture`: a decoder beside a trained world model, and what it draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from torch import Tensor

from experiments.config.json import to_json
from experiments.config.paths import quoted
from experiments.picture.config import PictureConfig
from experiments.picture.drawings import (
    film_of,
    grid_of,
    plot_errors,
    write_gif,
    write_png,
)
from experiments.picture.imagined import write_imagined
from experiments.picture.subject import Subject, subject_of
from experiments.runs.progress import ProgressBar
from ssl_objectives.refusal import ConfigError, DatasetError
from world_models.data.description import write_json
from world_models.pictures.drawn import Drawn, draw
from world_models.pictures.errors import PixelErrors
from world_models.pictures.latent_decoder import LatentDecoder
from world_models.trajectory import Trajectory

FORMAT_VERSION = 1  # of errors.json
_DRAWN = ("grid.png", "film.gif", "errors.png", "errors.json")
_SHOW_EVERY = 20  # steps of the decoder between numbers on the bar


@dataclass(frozen=True)
class Pictured:
    """What was drawn, and where it lies.

    Attributes:
        folder: of `grid.png`, `film.gif`, `errors.png`, `errors.json`.
        errors: by name, a number for each step; see `PixelErrors`.
        decoder: that was fitted.
    """

    folder: Path
    errors: dict[str, list[float]]
    decoder: LatentDecoder


def picture(config: PictureConfig, console: Console | None = None) -> Pictured:
    """Fit a decoder to the model of a run, and draw; the run itself is left as it is.

    Raises:
        NotARun, CheckpointError, ConfigError, DatasetError: see `subject_of`; or what
            was drawn before lies in the folder that `--out` names.
        TrainingDiverged: latents or losses are not finite.
    """
    console = console or Console()
    with subject_of(config) as subject:
        folder = _folder(config, subject)
        dreams = folder / "imagined"
        if config.generate and dreams.is_dir() and any(dreams.iterdir()):
            raise DatasetError(  # before a decoder is fitted, not behind it
                f"{dreams} is not empty. Give another folder: --out FOLDER."
            )
        folder.mkdir(parents=True, exist_ok=True)
        title = f"{subject.folder.path.name}, {subject.checkpoint.stem}"
        console.print(title, style="bold", highlight=False, soft_wrap=True)
        console.print(
            f"Imagines {subject.ahead} steps of {subject.about}.", highlight=False
        )
        decoder = _fitted(config, subject, console)
        held_out = _some(subject.held_out, config.measured)
        drawn = [draw(decoder, x, subject.burn_in) for x in held_out]
        errors = PixelErrors(decoder.decoder.mean_image)
        for each in drawn:
            errors.add(each)
        found = errors.by_step()
        chosen = longest(drawn, config.shown)
        _, grid = grid_of(chosen)
        write_png(folder / "grid.png", grid)
        write_gif(folder / "film.gif", film_of(chosen))
        plot_errors(folder / "errors.png", found, title)
        about = {
            "checkpoint": str(subject.checkpoint),
            "burn_in": subject.burn_in,
            "ahead": subject.ahead,
            "config": to_json(config),
        }
        _write_errors(folder / "errors.json", found, about)
        console.print(_table(found))
        if config.generate:
            num = config.generate
            source = {"what": "imagined by a world model", **about}
            taken = (subject.learned, subject.burn_in, num, source)
            write_imagined(dreams, decoder, *taken)
    for name in _DRAWN:
        console.print(f"{folder / name}", highlight=False, soft_wrap=True)
    if config.generate:
        command = "curious pretrain simclr --images imagined --images.generated.path"
        said = f"{command} {quoted(dreams)} --images.real.path DATA"
        console.print(said, highlight=False, markup=False, soft_wrap=True)
    return Pictured(folder, found, decoder)


def _folder(config: PictureConfig, subject: Subject) -> Path:
    """Where it is drawn: of a run the first time `pictures/`, later one by the time."""
    folder = config.out or subject.folder.path / "pictures"
    if not any((folder / x).exists() for x in _DRAWN):
        return folder
    if config.out is None:
        return folder.with_name(f"pictures-{datetime.now():%Y%m%d-%H%M%S}")
    raise ConfigError(f"{folder} holds pictures. Give another folder: --out FOLDER")


def longest(drawn: list[Drawn], num: int) -> Drawn:
    """Of all trajectories those that stay in their episode for most steps.

    Raises:
        ConfigError: there are fewer.
    """
    each = Drawn(*(torch.cat(x, 1) for x in zip(*drawn, strict=True)))
    if each.inside.shape[1] < num:
        raise ConfigError(
            f"There are {each.inside.shape[1]} held-out trajectories, and --shown "
            f"asks for {num}: show fewer."
        )
    order = each.inside.sum(0).argsort(descending=True, stable=True)[:num]
    return Drawn(*(x[:, order] for x in each))


def _fitted(config: PictureConfig, subject: Subject, console: Console) -> LatentDecoder:
    console.print("looking …", highlight=False)
    learned = list(_some(subject.learned, config.trajectories))
    with ProgressBar(config.steps, console=console) as bar:

        def watch(step: int, loss: Float[Tensor, ""]) -> None:
            if step % _SHOW_EVERY == 0 or step == config.steps:
                bar.reach(step, [f"error {loss:.3g} of the mean image's"])

        return LatentDecoder.fit(
            subject.model,
            learned,
            burn_in=subject.burn_in,
            config=config.decoder,
            steps=config.steps,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            seed=config.seed,
            watch=watch,
        )


def _some(trajectories: Iterator[Trajectory], num: int) -> Iterator[Trajectory]:
    """So many of them, or as many as there are; batches are not cut."""
    first = next(trajectories)
    yield first
    batch = first.first.shape[1]
    yield from islice(trajectories, -(-num // batch) - 1)


def _write_errors(
    file: Path, errors: dict[str, list[float]], about: dict[str, Any]
) -> None:
    """NaN is no JSON: where no episode was so long, there is null."""
    rmse = {k: [x if isfinite(x) else None for x in v] for k, v in errors.items()}
    write_json(file, {"format_version": FORMAT_VERSION, **about, "rmse": rmse})


def _table(errors: dict[str, list[float]]) -> Table:
    """Errors at the first step, half-way and at the last."""
    last = len(next(iter(errors.values()))) - 1
    steps = sorted({1, -(-last // 2), last})
    table = Table()
    table.add_column("RMSE of a pixel in [0, 1], at step")
    for k in steps:
        table.add_column(str(k), justify="right")
    for name, values in errors.items():
        cells = (f"{values[k]:.4f}" for k in steps)
        table.add_row(name.replace("_", " "), *cells)
    return table
