"""Public names: docs/api.md lists them, packages give them, and that costs little."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
PACKAGES = sorted(
    ".".join(x.parent.relative_to(ROOT).parts)
    for top in ("agents", "envs", "experiments", "ssl_objectives", "world_models")
    for x in (ROOT / top).rglob("__init__.pyi")
)
HEAVY = ("torch", "numpy", "gymnasium", "ale_py", "mujoco", "cv2", "tyro", "rich")


def listed() -> dict[str, list[str]]:
    """Names in the tables of the page, by the package in the heading above."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    found = {}
    for section in sections:
        heading, _, body = section.partition("\n")
        rows = [x.split("|")[1] for x in body.splitlines() if x.startswith("| `")]
        if rows:
            found[heading.strip("`")] = re.findall("`(.+?)`", " ".join(rows))
    return found


def lines_of(package: str) -> list[ast.ImportFrom]:
    stub = ROOT.joinpath(*package.split("."), "__init__.pyi")
    body = ast.parse(stub.read_text("utf-8")).body
    assert all(isinstance(x, ast.ImportFrom) for x in body)
    return [x for x in body if isinstance(x, ast.ImportFrom)]


def has_docstring(module: str, name: str) -> bool:
    """Whether one is written; dataclasses are given one where none is."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return bool(ast.get_docstring(node))
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(x, ast.Name) and x.id == name for x in targets):
                text = after.value if isinstance(after, ast.Expr) else None
                return isinstance(text, ast.Constant) and isinstance(text.value, str)
    return False


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_page_lists_the_faces_and_nothing_else() -> None:
    pages = listed()
    assert sorted(pages) == PACKAGES
    for package, names in pages.items():
        assert len(names) == len(set(names)), package
        assert sorted(names) == importlib.import_module(package).__all__, package


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_can_be_imported_and_has_a_docstring(package: str) -> None:
    module = importlib.import_module(package)
    for line in lines_of(package):
        [alias] = line.names
        assert line.level == 1, "a face shows what is its own"
        name, home = alias.name, f"{package}.{line.module}"
        assert alias.asname == name
        # by the statement itself, which asks for the name as users do
        made: dict[str, Any] = {}
        exec(f"from {package} import {name}", made)
        assert made[name] is getattr(importlib.import_module(home), name)
        assert name in dir(module)
        assert has_docstring(home, name), f"{home}.{name}"


@pytest.mark.parametrize("room", ["train", "report", "sweep"])
def test_a_room_gives_its_function_whatever_was_imported_before(room: str) -> None:
    python(
        f"import experiments.{room}.command, experiments.{room} as room\n"
        f"from experiments.{room} import {room}\n"
        f"from experiments import {room} as module\n"
        f"import experiments.{room}.command as command\n"
        f"assert callable({room}) and room.{room} is {room}\n"
        "assert module is room and callable(command.run)\n"
    )


def test_packages_load_next_to_nothing() -> None:
    loaded = python(
        f"import sys, experiments, {', '.join(PACKAGES)}\n"
        f"[dir(sys.modules[x]) for x in {PACKAGES}]\n"
        f"print([x for x in {HEAVY} if x in sys.modules])"
    )
    assert loaded == "[]"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wrong_name_is_an_ordinary_error(package: str) -> None:
    with pytest.raises(AttributeError, match="Nonesuch"):
        _ = importlib.import_module(package).Nonesuch
    with pytest.raises(ImportError, match="cannot import name 'Nonesuch'"):
        exec(f"from {package} import Nonesuch")


def test_a_star_gives_the_whole_face() -> None:
    made: dict[str, Any] = {}
    exec("from agents import *", made)
    assert set(made) - {"__builtins__"} == set(
        importlib.import_module("agents").__all__
    )
