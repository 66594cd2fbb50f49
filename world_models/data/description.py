"""Reads and writes `dataset.json`, the metadata of a data set."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import DatasetError
from world_models.data.format import (
    FORMAT_VERSION,
    Column,
    ContinuousColumn,
    DatasetSpec,
    DiscreteColumn,
)

KIND = "curious-worlds/dataset"
DESCRIPTION = "dataset.json"


@dataclass(frozen=True)
class Description:
    """The content of `dataset.json`.

    Attributes:
        spec: what each row holds.
        source: where the data come from, as JSON: configs, versions, licence, date.
        written: (shards, rows) once the writer was closed; None while it is at work,
            and for ever where it was killed.
    """

    spec: DatasetSpec
    source: Mapping[str, Any]
    written: tuple[int, int] | None = None


def write_description(folder: Path, description: Description) -> None:
    """Write `dataset.json`, replacing it only once the new one is on disk."""
    written = description.written
    content = {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "spec": spec_json(description.spec),
        "source": dict(description.source),
        "written": written and {"shards": written[0], "rows": written[1]},
    }
    write_json(folder / DESCRIPTION, content)


def read_description(folder: Path) -> Description:
    """Read `dataset.json`.

    Raises:
        DatasetError: missing, no JSON, of another kind or a newer format.
    """
    file = folder / DESCRIPTION
    if not folder.exists():
        raise DatasetError(nothing_at(folder, "no data set"))
    if not file.is_file():
        raise DatasetError(
            f"There is no data set at {folder}: it has no {DESCRIPTION}."
            f"{unpack_first(folder)} Give a folder that `curious record` or `curious "
            "import` made."
        )
    data = read_json(file)
    if data.get("kind") != KIND:
        raise DatasetError(f"{file} is not the description of a data set.")
    version = data.get("format_version")
    if version != FORMAT_VERSION:
        raise DatasetError(
            f"{file} has format version {version}; this curious-worlds reads version "
            f"{FORMAT_VERSION}. Install the version that wrote it."
        )
    try:
        written = data["written"]
        return Description(
            read_spec(data["spec"]),
            data["source"],
            None if written is None else (int(written["shards"]), int(written["rows"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        missing = isinstance(error, KeyError)
        why = f"it has no {error}" if missing else str(error)
        raise DatasetError(f"{file} is damaged: {why}.") from error


def spec_json(spec: DatasetSpec) -> dict[str, Any]:
    """A spec as JSON."""
    return {
        "obs_shape": list(spec.obs_shape),
        "actions": _write_actions(spec.actions),
        "rewards": spec.rewards,
        "ends": spec.ends,
        "facts": {
            name: {
                "shape": list(x.shape),
                "dtype": x.dtype,
                "names": list(x.names),
                "unit": x.unit,
            }
            for name, x in spec.facts.items()
        },
        "frames_per_step": spec.frames_per_step,
        "vector_size": spec.vector_size,
    }


def read_spec(data: Mapping[str, Any]) -> DatasetSpec:
    """What `spec_json` gave.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    channels, height, width = data["obs_shape"]
    return DatasetSpec(
        obs_shape=(int(channels), int(height), int(width)),
        actions=_read_actions(data["actions"]),
        rewards=bool(data["rewards"]),
        ends=bool(data["ends"]),
        facts={
            name: Column(
                tuple(x["shape"]), x["dtype"], tuple(x["names"]), x.get("unit", "")
            )
            for name, x in data["facts"].items()
        },
        frames_per_step=int(data["frames_per_step"]),
        vector_size=int(data["vector_size"]),
    )


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that after a crash there is the old file or the new one."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    with unfinished.open("w", encoding="utf-8") as out:
        out.write(json.dumps(content, indent=2, allow_nan=False) + "\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(unfinished, file)


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DatasetError: the file is missing, cut off, or something else.
    """
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f"{file} is cut off or damaged: it is not JSON ({error})."
        ) from error
    if not isinstance(data, dict):
        raise DatasetError(f"{file} is damaged: it is not a JSON object.")
    return data


def _write_actions(
    actions: DiscreteColumn | ContinuousColumn | None,
) -> dict[str, Any] | None:
    if isinstance(actions, DiscreteColumn):
        return {"n": actions.n, "names": list(actions.names)}
    if isinstance(actions, ContinuousColumn):  # as text: JSON has no infinity
        return {
            "low": [repr(float(x)) for x in actions.low],
            "high": [repr(float(x)) for x in actions.high],
        }
    return None


def _read_actions(data: Any) -> DiscreteColumn | ContinuousColumn | None:
    if data is None:
        return None
    if "n" in data:
        return DiscreteColumn(int(data["n"]), tuple(data["names"]))
    return ContinuousColumn(
        tuple(map(float, data["low"])), tuple(map(float, data["high"]))
    )
