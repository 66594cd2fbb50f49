"""Which flags a config tree has: those of the configs that its fields really hold."""

from dataclasses import is_dataclass, replace
from functools import partial
from inspect import isabstract
from typing import Annotated, Any, get_args, get_origin

from tyro.constructors import (
    ConstructorRegistry,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)


def config_registry() -> ConstructorRegistry:
    """Rules by which tyro reads a config field as the class of the config it holds.

    By itself it does so for classes, but not for `Protocol | None`.
    """
    registry = ConstructorRegistry()
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
        # A part that was not chosen stays None and has no flags.
        absent = {x.name: None for x in spec.fields if _is_absent_part(x)}
        return StructConstructorSpec(
            partial(spec.instantiate, **absent),
            tuple(_narrowed(x) for x in spec.fields if x.name not in absent),
        )

    return registry


def _is_absent_part(spec: StructFieldSpec) -> bool:
    kind, _ = _unwrapped(spec)
    return spec.default is None and any(
        x in (Any, object)
        or is_dataclass(x)
        or isabstract(x)
        or getattr(x, "_is_protocol", False)
        for x in get_args(kind) or (kind,)
    )


def _narrowed(spec: StructFieldSpec) -> StructFieldSpec:
    if not is_dataclass(spec.default) or isinstance(spec.default, type):
        return spec
    kind: Any = type(spec.default)
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
