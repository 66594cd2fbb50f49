"""Which flags a config tree has: those of the configs that its fields really hold."""

from dataclasses import is_dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from inspect import isabstract
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from experiments.config.paths import typed_path

_DIGITS = 4000  # 1e999999999 would fill the memory


def config_registry() -> ConstructorRegistry:
    """Rules by which tyro reads a config field as the class of the config it holds.

    By itself it does so for classes, but not for `Protocol | None`.
    """
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Path] | None:
        """As tyro reads paths, but for a `~` that no shell has replaced."""
        if info.type is not Path:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="PATH",
            instance_from_str=lambda words: typed_path(words[0]),
            is_instance=lambda x: isinstance(x, Path),
            str_from_instance=lambda x: [str(x)],
        )

    @registry.primitive_rule
    def whole(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[int] | None:
        """As tyro reads whole numbers, and `1e6` as well."""
        if info.type is not int:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="INT",
            instance_from_str=lambda words: _whole(words[0]),
            is_instance=lambda x: isinstance(x, int) and not isinstance(x, bool),
            str_from_instance=lambda x: [str(x)],
        )

    inside: list[StructTypeInfo] = []

    @registry.struct_rule
    def narrow(info: StructTypeInfo) -> Any:
        if any(
            info is x for x in inside
        ):  # asked from below: leave it to tyro's own rules
            return None
        inside.append(info)
        try:
            spec = ConstructorRegistry.get_struct_spec(info)
        finally:
            inside.pop()
        if not isinstance(spec, StructConstructorSpec) or not is_dataclass(info.type):
            return spec
        # A part that was not chosen stays as it is and has no flags.
        absent = {x.name: x.default for x in spec.fields if _is_absent_part(x)}
        return StructConstructorSpec(
            partial(spec.instantiate, **absent),
            tuple(_narrowed(x) for x in spec.fields if x.name not in absent),
        )

    return registry


def _whole(word: str) -> int:
    """`1000`, `1_000` and `1e3` are the same; nothing is rounded."""
    try:
        number = Decimal(word)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or number != number.to_integral_value():
        raise ValueError(f"{word!r} is no whole number")
    if number.adjusted() >= _DIGITS:
        raise ValueError(f"{word[:9]}… is too large")
    return int(number)


def _is_absent_part(spec: StructFieldSpec) -> bool:
    """No part where one could be: None, or none of several."""
    kind, _ = _unwrapped(spec)
    return spec.default in (None, ()) and any(
        x in (Any, object)
        or is_dataclass(x)
        or isabstract(x)
        or getattr(x, "_is_protocol", False)
        for x in get_args(kind) or (kind,)
    )


def is_config(value: object) -> bool:
    """Whether a value is a config, not a class of them."""
    return is_dataclass(value) and not isinstance(value, type)


def are_configs(value: object) -> bool:
    """Whether a value is a tuple of configs."""
    return isinstance(value, tuple) and bool(value) and all(map(is_config, value))


def _narrowed(spec: StructFieldSpec) -> StructFieldSpec:
    kind: Any
    if are_configs(spec.default):
        kind = tuple[tuple(type(x) for x in spec.default)]  # type: ignore[misc]  # as many as there are
    elif is_config(spec.default):
        kind = type(spec.default)
    else:
        return spec
    _, marks = _unwrapped(spec)
    narrowed: Any = Annotated[kind, *marks] if marks else kind
    return replace(spec, type=narrowed)


def _unwrapped(spec: StructFieldSpec) -> tuple[Any, list[Any]]:
    """The annotation of a field, and what `Annotated` adds to it."""
    annotation: Any = spec.type
    if get_origin(annotation) is Annotated:
        kind, *marks = get_args(annotation)
        return kind, marks
    return annotation, []
