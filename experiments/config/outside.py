"""Classes by name: `my_module:MyConfig`, from this repository or any other."""

import importlib
import sys
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from ssl_objectives.refusal import ConfigError, suggest


def load_part(name: str) -> Any:
    """The config that `my_module:MyConfig` stands for, from outside this repository.

    `MyConfig` is a dataclass whose fields all have defaults, a function without
    arguments that returns a config, or a config itself. Modules are looked for where
    Python finds them and in the current folder.

    Raises:
        ConfigError: no such module or name, or it gives no config.
    """
    part = find(name, "")
    if _is_gymnasium_env(part):
        raise ConfigError(
            f"{name} is a Gymnasium env, not a config. Register it in its module "
            "(gymnasium.register), and say --world gymnasium --world.id "
            f"{name.partition(':')[0]}:ID, with the id it has then."
        )
    if not callable(part) and is_dataclass(part):
        return part
    if not callable(part):
        raise ConfigError(
            f"{name} is {part!r}; it must be a dataclass, a function that returns one, "
            "or an instance."
        )
    try:
        config = part()
    except TypeError as error:
        raise ConfigError(
            f"{name} cannot be called without arguments ({error}). Give its fields "
            "defaults, or name a function that returns the config you want."
        ) from error
    if not is_dataclass(config) or isinstance(config, type):
        raise ConfigError(
            f"{name}() gave {config!r}, not a config (a dataclass instance)."
        )
    return config


def _is_gymnasium_env(part: Any) -> bool:
    """Known by name: commands that build no env need not import Gymnasium."""
    above = part.__mro__ if isinstance(part, type) else ()
    return any((x.__module__, x.__name__) == ("gymnasium.core", "Env") for x in above)


def look_here() -> None:
    """Have Python look for modules in the current folder, too.

    Last of all, so that nothing there hides an installed package.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def find(name: str, path: str = "") -> Any:
    """Import what `module:QualName` names.

    Args:
        name: as `name_of` gives it.
        path: the config field it stands in, for messages.

    Raises:
        ConfigError: no such module, one that fails, or no such name in it.
    """
    where = f"{path}: " if path else ""
    module_name, colon, qualname = name.partition(":")
    if not (module_name and colon and qualname):
        raise ConfigError(f"{where}{name!r} is not of the form my_module:MyConfig.")
    look_here()
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        hint = (
            " Run from the folder that holds it, or install it."
            if isinstance(error, ModuleNotFoundError)
            else ""
        )
        raise ConfigError(
            f"{where}cannot import {module_name!r}, for {name!r}: "
            f"{type(error).__name__}: {error}.{hint}"
        ) from error
    for part in qualname.split("."):
        if not hasattr(found, part):
            known = [
                x for x in vars(found) if isinstance(vars(found)[x], type) or x == part
            ]
            raise ConfigError(
                f"{where}there is no {part!r} in {module_name!r}, for {name!r}."
                + suggest(part, known)
            )
        found = getattr(found, part)
    return found


def name_of(cls: type, path: str = "config") -> str:
    """The `module:QualName` under which `find` finds a class again.

    Raises:
        ConfigError: it lies in a script or function; `path` says which field it is.
    """
    module = cls.__module__
    if module == "__main__":  # `python -m experiments.train` runs under another name
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        module = spec.name if spec else module
    if module == "__main__" or "<locals>" in cls.__qualname__:
        raise ConfigError(
            f"{path} is a {cls.__qualname__}, which cannot be imported again. Define "
            "the class at the top level of a module, not in a script or function."
        )
    return f"{module}:{cls.__qualname__}"
