"""`curious import`: images, videos, arrays and Minari data sets become one format."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from experiments.config.paths import typed_path
from experiments.data.config import ImportConfig
from experiments.data.description import about, check_space, counted
from experiments.data.flags import check_import_flags
from experiments.data.sources import open_source
from experiments.runs.versions import versions
from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.importers.minari.write import write_minari
from world_models.data.writer import DatasetWriter


def import_data(config: ImportConfig, console: Console | None = None) -> Dataset:
    """Do what the config says; returns the data set that was written or read.

    Raises:
        DatasetError: a file is damaged or unlike the others, the target is taken, or
            the disk is full.
        ConfigError: a package is missing, or a flag has no meaning here.
    """
    console = console or Console()
    if config.out is None:
        check_import_flags(config)
    if config.verify:
        return _verify(typed_path(config.source), console)
    if config.to_minari is not None:
        return _to_minari(typed_path(config.source), config.to_minari, console)
    assert config.out is not None  # by ImportConfig's own check
    return _import(config, config.out, console)


def _import(config: ImportConfig, out: Path, console: Console) -> Dataset:
    source = open_source(config)
    if source.num_rows is not None:
        check_space(out, source.num_rows * source.spec.row_bytes)
    origin = {
        "imported": datetime.now(UTC).isoformat(timespec="seconds"),
        **source.about,
        "license": config.license,
        "versions": versions(),
    }
    writer = DatasetWriter(out, source.spec, origin, shard_bytes=config.shard_mib << 20)
    try:
        with writer, counted(console, "rows", source.num_rows) as advance:
            streams = 0
            for rows in source.rows():
                if rows.stream >= streams:
                    streams += len(writer.new_streams(rows.stream + 1 - streams))
                writer.add(rows.stream, rows.columns)
                advance(len(rows.columns["first"]))
    except DatasetError as error:
        if not writer.num_rows:
            raise
        raise DatasetError(
            f"{error} The {writer.num_rows:,} rows before it are in {out}; delete that "
            "folder before you try again."
        ) from error
    for note in source.notes:
        console.print(f"note: {note}", highlight=False, markup=False, soft_wrap=True)
    dataset = open_dataset(out)
    console.print(about(dataset), highlight=False, markup=False, soft_wrap=True)
    return dataset


def _verify(path: Path, console: Console) -> Dataset:
    dataset = open_dataset(path)
    total = dataset.num_rows * dataset.spec.row_bytes
    with counted(console, "bytes", total) as advance:
        dataset.verify(advance)
    console.print(about(dataset), highlight=False, markup=False, soft_wrap=True)
    console.print("All checksums are right.")
    return dataset


def _to_minari(path: Path, target: str, console: Console) -> Dataset:
    dataset = open_dataset(path)
    with counted(console, "rows", dataset.num_rows) as advance:
        folder = write_minari(dataset, target, advance)
    console.print(
        f'{folder}\n  in Python: minari.MinariDataset("{folder}")',
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return dataset
