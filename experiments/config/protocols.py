"""Whether a config can stand where a protocol is asked for."""

from collections.abc import Callable
from inspect import getattr_static, isfunction, signature
from typing import Any


def is_protocol(cls: Any) -> bool:
    """Of `typing.Protocol`, not a class that follows one."""
    return isinstance(cls, type) and getattr(cls, "_is_protocol", False)


def fits(config: object, protocol: type) -> bool:
    """Whether it has all that the protocol names, called with the same arguments.

    Of a class that is no protocol, whether it is an instance.

    Python's own check of a protocol asks for names alone, and most parts have a
    `build`: what tells them apart is what it is called with.
    """
    if not is_protocol(protocol):
        return isinstance(config, protocol)
    wanted = methods(protocol)
    has_rest = all(hasattr(config, x) for x in members(protocol))
    return has_rest and all(
        callable(getattr(config, x)) and arguments(getattr(config, x)) == wanted[x]
        for x in wanted
    )


def needs(protocol: type) -> str:
    """What `fits` asks for, for a message."""
    if not is_protocol(protocol):
        return f"to be a {protocol.__name__}"
    wanted = methods(protocol)
    listed = [f"{x}({', '.join(['self', *wanted[x]])})" for x in wanted]
    listed += [x for x in members(protocol) if x not in wanted]
    return ", and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))


def methods(protocol: type) -> dict[str, list[str]]:
    """Public methods, and what each must be given."""
    found = {x: getattr_static(protocol, x, None) for x in members(protocol)}
    return {k: arguments(v) for k, v in found.items() if isfunction(v)}


def members(protocol: type) -> list[str]:
    """Public names that it asks for, those of the protocols that it joins too."""
    named = {}
    for cls in reversed(protocol.__mro__):
        if is_protocol(cls):
            named.update(vars(cls).get("__annotations__", {}))
            named.update(vars(cls))
    return [x for x in named if not x.startswith("_")]


def arguments(method: Callable[..., object]) -> list[str]:
    """Names of what must be given."""
    given = signature(method).parameters.values()
    return [x.name for x in given if x.default is x.empty and x.name != "self"]
