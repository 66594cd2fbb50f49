"""Files that the docs name exist, walks go downwards, tests mirror packages."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ssl_objectives", "world_models", "envs", "agents", "experiments")
PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
NAMED = re.compile(
    rf"`((?:{'|'.join(PACKAGES)}|tests|docs)/[\w/]+\.\w+)(?:: ([\w.]+))?`"
)


def names_in(file: Path) -> set[str]:
    """What a module defines at its top level, and in its classes."""
    found: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            found |= {
                f"{node.name}.{x.name}"
                for x in node.body
                if isinstance(x, ast.FunctionDef | ast.ClassDef)
            }
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {x.id for x in node.targets if isinstance(x, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda x: x.name)
def test_files_and_names_that_a_page_points_to_exist(page: Path) -> None:
    missing = []
    for path, name in NAMED.findall(page.read_text("utf-8")):
        file = ROOT / path
        if not file.is_file() or (name and name not in names_in(file)):
            missing.append(f"{path}: {name}")
    assert not missing


def test_tests_lie_where_what_they_test_lies() -> None:
    for package in PACKAGES:
        for file in (ROOT / "tests" / package).rglob("test_*.py"):
            room = file.parent.relative_to(ROOT / "tests")
            known = (ROOT / room).is_dir() or (ROOT / f"{room}.py").is_file()
            assert known, f"{file} tests no room"


def test_no_room_is_a_hall() -> None:
    flat = {
        room: [x for x in room.glob("*.py") if x.name != "__init__.py"]
        for package in PACKAGES
        for room in [ROOT / package, *(ROOT / package).rglob("*/")]
    }
    assert len(flat[ROOT / "experiments"]) <= 8
    assert {room.name: len(x) for room, x in flat.items() if len(x) > 24} == {}


def walks() -> dict[str, list[Path]]:
    """The walks of docs/design.md: lists of files, from the top down."""
    page = (ROOT / "docs" / "design.md").read_text("utf-8")
    section = page.split("## Three walks")[1].split("\n## ")[0]
    parts = re.split(r"^### ", section, flags=re.MULTILINE)[1:]
    return {
        part.splitlines()[0]: [
            ROOT / x for x in re.findall(r"^\d+\. `([\w/]+\.py)`", part, re.MULTILINE)
        ]
        for part in parts
    }


def test_there_are_three_walks_of_at_most_twelve_files() -> None:
    assert len(walks()) == 3
    assert all(5 <= len(files) <= 12 for files in walks().values())


@pytest.mark.parametrize("walk", walks())
def test_a_walk_goes_downwards_only(walk: str) -> None:
    """No file on it imports one that comes before it."""
    files = walks()[walk]
    modules = [
        x.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for x in files
    ]
    imports = [_imported(x) for x in files]
    for i, known in enumerate(imports):
        assert not known & set(modules[:i]), f"{modules[i]} looks back"


def _imported(file: Path) -> set[str]:
    tree = ast.walk(ast.parse(file.read_text("utf-8")))
    return {x.module for x in tree if isinstance(x, ast.ImportFrom) and x.module}
