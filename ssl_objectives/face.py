"""A package's public names, each imported when somebody first asks for it.

`import ssl_objectives` loads no torch and `import experiments.train` no simulator: help
and tab completion need not wait for them. The names are written once, in the package's
`__init__.pyi`, where type checkers look for them; this module reads them from there.
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def public_names(
    package: str, file: str
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package that has an `__init__.pyi`.

    Every line of that file is `from module import Name as Name`. No such name may be
    that of a module in the package: which of the two one got would depend on what was
    imported before.

    Args:
        package: its `__name__`.
        file: its `__file__`.
    """
    module = sys.modules[package]
    lines = ast.parse(Path(file).with_suffix(".pyi").read_text("utf-8")).body
    homes = {
        name.name: str(line.module)
        for line in lines
        if isinstance(line, ast.ImportFrom)
        for name in line.names
    }

    def find(name: str) -> object:
        if name not in homes:
            text = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=module)
        found: object = getattr(import_module(homes[name]), name)
        setattr(module, name, found)  # found by Python itself from now on
        return found

    return find, lambda: sorted({*vars(module), *homes}), sorted(homes)
