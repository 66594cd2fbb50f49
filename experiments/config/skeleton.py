"""The flags of a config as JSON, and a config of plain types that has the same flags.

The classes of a config lie beside the code they configure, which imports torch. Help
and refusals need their fields alone: names, types, defaults and docstrings.
"""

import types
from collections.abc import Iterator
from dataclasses import field, is_dataclass, make_dataclass
from enum import Enum
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from experiments.config.flags import are_configs, config_registry

T = TypeVar("T")

_PLAIN: dict[str, Any] = {
    **{x.__name__: x for x in (bool, int, float, str, Path)},
    "None": type(None),
    "...": ...,
}


_SHOWN = type(tyro.conf.arg(metavar=""))  # what says how an argument is shown


class NoSkeleton(Exception):
    """A config has a field that cannot be written down."""


def skeleton(config: Any) -> dict[str, Any]:
    """The flags of a config: a tree of names, helps, types and defaults, as JSON.

    Raises:
        NoSkeleton: a field is of a kind that is not known here.
    """
    with config_registry():
        return _node(config)


def from_skeleton(node: dict[str, Any]) -> Any:
    """A config of plain types from which tyro makes the flags of `skeleton`'s."""
    fields = []
    for name, about, kind, value in node["fields"]:
        shown = {} if about is None else {"help": about}
        if kind in ("config", "configs"):
            inner = (
                from_skeleton(value)
                if kind == "config"
                else tuple(map(from_skeleton, value))
            )
            made = field(default_factory=partial(_given, inner), metadata=shown)
            several = kind == "configs"
            narrow: Any = (
                tuple[tuple(map(type, inner))]  # type: ignore[misc]  # as many
                if several
                else type(inner)
            )
            fields.append((name, narrow, made))
        else:
            plain = _type(kind)
            fields.append(
                (name, plain, field(default=_value(value, plain), metadata=shown))
            )
    documented = {"__doc__": node["about"]}
    return make_dataclass(node["name"], fields, frozen=True, namespace=documented)()


def _node(config: Any) -> dict[str, Any]:
    cls = type(config)
    spec = ConstructorRegistry.get_struct_spec(StructTypeInfo.make(cls, config, False))
    if not isinstance(spec, StructConstructorSpec):
        raise NoSkeleton(cls)
    return {
        "name": cls.__name__,
        "about": _docstring(cls),
        "fields": [_field(x) for x in spec.fields],
    }


def _field(spec: StructFieldSpec) -> tuple[str, str | None, Any, Any]:
    about = spec.helptext() if callable(spec.helptext) else spec.helptext
    if is_dataclass(spec.default) and spec.type is type(spec.default):
        return spec.name, about, "config", _node(spec.default)
    if are_configs(spec.default):
        return spec.name, about, "configs", [_node(x) for x in spec.default]
    return spec.name, about, _type_json(spec.type), _value_json(spec.default)


def _given(value: T) -> T:
    return value


def _docstring(cls: type) -> str:
    """Of the class itself; empty where `dataclass` has made one of its fields."""
    written = cls.__doc__ or ""
    made = cls.__name__ + str(signature(cls)).replace(" -> None", "")
    return "" if written == made else written


def _type_json(kind: Any) -> Any:
    name = next((k for k, x in _PLAIN.items() if x is kind), None)
    if name is not None:
        return name
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _marked_json(*arguments)
    if origin is tuple:
        return {"tuple": [_type_json(x) for x in arguments]}
    if origin in (Union, types.UnionType):
        return {"union": [_type_json(x) for x in arguments]}
    if origin is Literal:
        return {"literal": [_value_json(x) for x in arguments]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = [(k, _value_json(x.value)) for k, x in kind.__members__.items()]
        return {"enum": kind.__name__, "members": members}
    raise NoSkeleton(kind)


def _marked_json(kind: Any, *marks: Any) -> Any:
    """An argument without a flag, and what the help calls it."""
    named = [getattr(x, "metavar", None) for x in marks if isinstance(x, _SHOWN)]
    if tyro.conf.Positional not in marks or len(named) + 1 != len(marks):
        raise NoSkeleton(marks)
    return {"positional": _type_json(kind), "metavar": named[0] if named else None}


def _type(data: Any) -> Any:
    if isinstance(data, str):
        return _PLAIN[data]
    if "positional" in data:
        shown = tyro.conf.arg(metavar=data["metavar"])
        return Annotated[_type(data["positional"]), tyro.conf.Positional, shown]
    if "tuple" in data:
        return tuple[tuple(map(_type, data["tuple"]))]  # type: ignore[misc]  # as many
    if "union" in data:
        return Union[tuple(map(_type, data["union"]))]  # noqa: UP007 - not written out
    if "literal" in data:
        return Literal[tuple(data["literal"])]
    return Enum(data["enum"], data["members"])


def _value_json(value: Any) -> Any:
    if isinstance(value, Enum):
        return {"member": value.name}
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, tuple):
        return [_value_json(x) for x in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise NoSkeleton(value)


def _value(data: Any, kind: Any) -> Any:
    if isinstance(data, list):
        return tuple(_value(x, kind) for x in data)
    if not isinstance(data, dict):
        return data
    if "path" in data:
        return Path(data["path"])
    return next(
        x[data["member"]] for x in _enums(kind) if data["member"] in x.__members__
    )


def _enums(kind: Any) -> Iterator[type[Enum]]:
    """The enums that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        yield kind
    for x in get_args(kind):
        yield from _enums(x)
