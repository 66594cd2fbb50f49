"""Configs are trees of frozen dataclasses; here they become JSON and come back.

Every dataclass node carries `"type": "module:QualName"`, so that a file says by itself
which classes it is made of, those from outside this repository included.
"""

import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from experiments.config.outside import find, name_of
from experiments.config.protocols import fits, is_protocol, needs
from ssl_objectives.refusal import ConfigError, suggest

FORMAT_VERSION = 1


def to_json(config: Any) -> dict[str, Any]:
    """A dataclass instance as JSON objects; enums by name, non-finite floats as text.

    Raises:
        ConfigError: a field holds what cannot be written, or a class cannot be found
            again by its name.
    """
    if not is_dataclass(config) or isinstance(config, type):
        raise ConfigError(f"A config is a dataclass instance, not {config!r}.")
    return _write(config, "config")  # type: ignore[no-any-return]  # JSON


def from_json(data: Any) -> Any:
    """The config that `to_json` wrote. Fields that are missing get their defaults.

    Raises:
        ConfigError: unknown or missing fields, wrong types, unknown classes; the
            message starts with the path to the field (`world.game`).
    """
    if not isinstance(data, dict) or "type" not in data:
        raise ConfigError('A config is a JSON object with a "type", as to_json gives.')
    return _read(data, Any, "")


def write_config(path: Path, config: Any) -> None:
    """Write a config as a JSON file, with the format version."""
    data = {"format_version": FORMAT_VERSION, **to_json(config)}
    path.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", "utf-8")


def read_config(path: Path) -> Any:
    """Read a config file, or the `config.json` of the run folder at `path`.

    Raises:
        ConfigError: no such file, no JSON, a newer format, or see `from_json`.
    """
    file = path / "config.json" if path.is_dir() else path
    try:
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config at {file}. Give the config.json of a run, or the "
            "folder of the run."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not a JSON file ({error}).") from error
    version = data.pop("format_version", None) if isinstance(data, dict) else None
    if version != FORMAT_VERSION:
        raise ConfigError(
            f"{file} has format version {version}; this curious-worlds reads version "
            f"{FORMAT_VERSION}. Install the version that wrote it."
        )
    try:
        return from_json(data)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error


def _write(value: Any, path: str) -> Any:
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)  # JSON has no nan, inf
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_write(x, f"{path}[{i}]") for i, x in enumerate(value)]
    if isinstance(value, Mapping) and all(
        isinstance(k, str) and k != "type" for k in value
    ):
        return {k: _write(x, f"{path}.{k}") for k, x in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        node = {
            x.name: _write(getattr(value, x.name), f"{path}.{x.name}")
            for x in fields(value)
            if x.init
        }
        if "type" in node:
            raise ConfigError(f"{path}.type: no field of a config can be named so.")
        return {"type": name_of(type(value), path), **node}
    raise ConfigError(
        f"{path} is a {type(value).__qualname__}, which a config file cannot hold."
    )


def _read(data: Any, expected: Any, path: str) -> Any:
    """`data` as a value of the annotated type `expected`."""
    expected = getattr(expected, "__supertype__", expected)  # of a NewType
    origin = get_origin(expected)
    if origin is Annotated:
        return _read(data, get_args(expected)[0], path)
    if origin in (Union, types.UnionType):
        return _read_union(data, get_args(expected), path)
    if origin is Literal:
        if any(data == x and type(data) is type(x) for x in get_args(expected)):
            return data
        raise _wrong(data, " or ".join(map(repr, get_args(expected))), path)
    if isinstance(data, dict) and "type" in data:
        return _read_dataclass(data, expected, path)
    if (
        origin in (tuple, list, Sequence)
        or expected in (tuple, list)
        or (isinstance(data, list) and expected in (Any, object))
    ):
        return _read_sequence(data, expected, path)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, dict):
            raise _wrong(data, "an object", path)
        return {
            k: _read(x, get_args(expected)[1], _join(path, k)) for k, x in data.items()
        }
    return _read_leaf(data, expected, path)


def _read_union(data: Any, options: tuple[Any, ...], path: str) -> Any:
    if data is None and type(None) in options:
        return None
    errors = []
    for option in options:
        if option is type(None):
            continue
        try:
            return _read(data, option, path)
        except ConfigError as error:
            errors.append(error)
    # The deepest path is from the option that fitted best.
    raise max(errors, key=lambda x: str(x).partition(":")[0].count("."))


def _read_sequence(data: Any, expected: Any, path: str) -> Any:
    if not isinstance(data, list):
        raise _wrong(data, "a list", path)
    items = get_args(expected) or (Any, ...)
    if get_origin(expected) is tuple and Ellipsis not in items:
        if len(data) != len(items):
            raise _wrong(data, f"a list of {len(items)}", path)
    else:
        items = (items[0],) * len(data)
    values = [
        _read(x, t, f"{path}[{i}]")
        for i, (x, t) in enumerate(zip(data, items, strict=True))
    ]
    return values if list in (expected, get_origin(expected)) else tuple(values)


def _read_leaf(data: Any, expected: Any, path: str) -> Any:
    if expected in (Any, object):
        return data
    if isinstance(expected, type) and issubclass(expected, Enum):
        names = list(expected.__members__)
        if data in names:
            return expected[data]
        raise _wrong(
            data, f"one of {', '.join(names)}", path, suggest(str(data), names)
        )
    if expected is float:
        if isinstance(data, int | float) and not isinstance(data, bool):
            return _read_float(data, path)
        if data in ("nan", "inf", "-inf"):
            return float(data)
    elif expected is Path and isinstance(data, str):
        return Path(data)
    elif type(data) is expected:
        return data
    elif isinstance(data, dict):
        raise ConfigError(f'{path}: this object needs a "type": my_module:MyConfig.')
    raise _wrong(data, getattr(expected, "__name__", str(expected)), path)


def _read_dataclass(data: dict[str, Any], expected: Any, path: str) -> Any:
    cls = find(str(data["type"]), _join(path, "type"))
    if not (isinstance(cls, type) and is_dataclass(cls)):
        raise ConfigError(f"{_join(path, 'type')}: {data['type']} is not a dataclass.")
    known: dict[str, Field[Any]] = {x.name: x for x in fields(cls) if x.init}
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise ConfigError(f"{path}: an annotation of {name_of(cls)}: {error}") from None
    values = {}
    for name, value in data.items():
        if name == "type":
            continue
        if name not in known:
            raise ConfigError(
                f"{_join(path, name)}: {cls.__qualname__} has no such field."
                + suggest(name, list(known))
            )
        values[name] = _read(value, hints[name], _join(path, name))
    for name, x in known.items():
        if name not in values and x.default is x.default_factory is MISSING:
            raise ConfigError(
                f"{_join(path, name)}: missing, and {cls.__qualname__} has no default "
                "for it."
            )
    try:
        config = cls(**values)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path or cls.__qualname__}: {error}") from error
    _check_instance(config, expected, path)
    return config


def _check_instance(config: Any, expected: Any, path: str) -> None:
    cls = get_origin(expected) or expected
    if cls in (Any, object) or fits(config, cls):
        return
    asked = f": {needs(cls)}" if is_protocol(cls) else ""
    raise ConfigError(
        f"{path}: a {type(config).__qualname__} cannot stand here; expected a "
        f"{cls.__qualname__}{asked}."
    )


def _read_float(data: int | float, path: str) -> float:
    try:
        return float(data)
    except OverflowError:  # JSON has whole numbers of any length
        raise ConfigError(f"{path}: no number is that large.") from None


def _wrong(data: Any, expected: str, path: str, hint: str = "") -> ConfigError:
    return ConfigError(f"{path or 'config'}: {data!r} is not {expected}.{hint}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
