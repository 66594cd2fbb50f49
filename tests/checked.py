"""Signatures are checked once for equal shapes.

Whether a call fits its signature follows from the types, dtypes and shapes of what goes
in and comes out. A toy that trains for a hundred steps calls every function a hundred
times with the same ones; to check them each time was most of the time of many tests.
"""

from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from functools import update_wrapper, wraps
from inspect import isfunction
from threading import local
from types import FunctionType
from typing import Any

import jaxtyping
import numpy as np
from torch import Tensor

Function = Callable[..., Any]
Decorator = Callable[[Any], Any]

# what has passed; by module and code, since inner functions are made anew each time
_passed: dict[Hashable, dict[Hashable, set[Hashable]]] = {}
_check_always = jaxtyping.jaxtyped


def install() -> None:
    """For all that is imported from now on through the hook of jaxtyping."""
    setattr(jaxtyping, "jaxtyped", once)  # noqa: B010  # types know it as a function


def once(*, typechecker: Any) -> Decorator:
    """`jaxtyping.jaxtyped`, remembering which kinds of calls have passed.

    What fails is not remembered. Always checked are signatures that depend on values
    (shapes like `{pixels}`, `Literal`) and calls with arguments or results whose types
    do not say what is inside (iterators, sets, custom containers). Signatures are read
    at the first call: many functions are never called.
    """
    always = _check_always(typechecker=typechecker)

    def decorate(function: Any) -> Any:
        if not isfunction(function) or _values_matter(function):
            return always(function)
        return _remembering(function, always)

    return decorate


def _values_matter(function: FunctionType) -> bool:
    hints = [str(hint) for hint in function.__annotations__.values()]
    return any("{" in hint or "Literal" in hint for hint in hints)


class _Check:
    """Checks of one function in full, made when there is a first call.

    Args:
        function: what is called, if what goes in fits.
        always: jaxtyping's own decorator.
    """

    def __init__(self, function: FunctionType, always: Decorator) -> None:
        self._function, self._always = function, always
        self._checked: Function | None = None
        self._held = local()  # a result that is there already, in this thread

    def call(self, *args: Any, **kwargs: Any) -> Any:
        if self._checked is None:
            self._checked = self._made()
        return self._checked(*args, **kwargs)

    def result(self, out: Any, args: Any, kwargs: Any) -> None:
        self._held.out = out
        try:
            self.call(*args, **kwargs)
        finally:
            del self._held.out

    def _made(self) -> Function:
        function, held = self._function, self._held

        def run(*args: Any, **kwargs: Any) -> Any:
            if hasattr(held, "out"):
                return held.out
            return function(*args, **kwargs)

        # names in hints are looked up where the function is
        there = FunctionType(
            run.__code__, function.__globals__, closure=run.__closure__
        )
        made: Function = self._always(update_wrapper(there, function))
        return made


def _remembering(function: FunctionType, always: Decorator) -> Function:
    passed = _passed.setdefault((function.__module__, function.__code__), {})
    check = _Check(function, always)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if jaxtyping.config.jaxtyping_disable:
            return function(*args, **kwargs)
        try:
            given = _kind_of_call(args, kwargs)
            known = passed.get(given)
        except TypeError:  # nothing that could be remembered
            return check.call(*args, **kwargs)
        if known is None:
            out = check.call(*args, **kwargs)
            known = passed.setdefault(given, set())
            with suppress(TypeError):
                known.add(_readers[type(out)](out))
            return out
        out = function(*args, **kwargs)
        try:
            kind = _readers[type(out)](out)
            if kind in known:
                return out
        except TypeError:
            check.result(out, args, kwargs)
            return out
        check.result(out, args, kwargs)
        known.add(kind)
        return out

    return call


def _kind_of_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hashable:
    given: list[Hashable] = [_readers[type(x)](x) for x in args]
    if kwargs:
        given += [(name, _readers[type(x)](x)) for name, x in kwargs.items()]
    return tuple(given)


class _Readers(dict[type, Callable[[Any], Hashable]]):
    """By type: what tells values apart; equal only if they fit the same hints."""

    def __missing__(self, of: type) -> Callable[[Any], Hashable]:
        self[of] = reader = _reader(of)
        return reader


def _reader(of: type) -> Callable[[Any], Hashable]:
    if issubclass(of, Tensor | np.ndarray):
        return lambda x: (of, x.dtype, x.shape)
    if issubclass(of, type):
        return lambda x: (of, x)  # a class
    if issubclass(of, tuple | list):
        return lambda x: (of, *[_readers[type(y)](y) for y in x])
    if issubclass(of, dict):
        return lambda x: (of, *[(k, _readers[type(y)](y)) for k, y in x.items()])
    if issubclass(of, Iterable) and not issubclass(of, str | bytes):
        return _unknown
    kind: Any = of  # itself: hashed faster than in a tuple
    return lambda _: kind


def _unknown(value: object) -> Hashable:
    raise TypeError(f"what is in a {type(value).__name__}?")


_readers = _Readers()
