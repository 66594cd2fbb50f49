"""Files below a folder, and the classes that their folders are."""

import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ssl_objectives.images.frames import natural
from ssl_objectives.refusal import DatasetError

TRAIN = ("train", "training", "trainset")
TEST = ("test", "testing", "testset", "val", "valid", "validation", "dev", "eval")
OTHER = ("evaluation", "holdout", "unlabeled", "unlabelled", "unsup", "extra")
_SPLITS = frozenset((*TRAIN, *TEST, *OTHER))
_NAMED = 3  # names in a message


@dataclass(frozen=True)
class Found:
    """Files below a folder.

    Attributes:
        files: in the order of folders and names (`9` before `10`).
        notes: what was left out, a sentence each, for people.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def find_files(root: Path, suffixes: Collection[str]) -> Found:
    """All files below a folder whose names end in certain ways, at any depth.

    Links are followed, but into no folder twice. Hidden files and folders (`.name`) are
    left out, as are files of other kinds; the notes count and name them.

    Raises:
        DatasetError: a folder cannot be read.
    """
    found: list[Path] = []
    hidden: list[Path] = []
    others: Counter[str] = Counter()
    lost: list[Path] = []
    links: list[Path] = []
    walked: list[Path] = []
    seen = set(root.resolve().parents)
    waiting = [root]
    while waiting or links:
        # what lies in the folder itself comes first: links may lead into it
        folder = waiting.pop() if waiting else links.pop(0)
        if folder.resolve() in seen:
            lost.append(folder)
            continue
        seen.add(folder.resolve())
        walked.append(folder)
        for entry in _entries(folder):
            path = Path(entry.path)
            if entry.name.startswith("."):
                hidden += _inside(path, suffixes)
            elif entry.is_dir():
                (links if entry.is_symlink() else waiting).append(path)
            elif not entry.is_file():
                lost.append(path)
            elif path.suffix.lower() in suffixes:
                found.append(path)
            else:
                others[path.suffix.lower() or path.name] += 1
    found.sort(key=lambda x: (natural(x.parent), natural(x.name)))
    full = {parent for x in found for parent in x.parents}
    empty = [x for x in walked if x not in full]
    return Found(tuple(found), _notes(root, hidden, others, lost, empty))


def named_classes(
    root: Path, files: Sequence[Path], otherwise: str
) -> tuple[list[int], tuple[str, ...]]:
    """The class of each file, which is its folder, and the names of all classes.

    Args:
        root: the folder that all files are below.
        files: see `find_files`.
        otherwise: what to do where folders are no classes, a sentence.

    Returns:
        No names where all files lie in one folder; numbers in the order of names.

    Raises:
        DatasetError: the folders are parts of a data set (train, test), or a file lies
            beside a folder of files.
    """
    each = [x.parent.relative_to(root).as_posix() for x in files]
    names = tuple(sorted(set(each), key=natural))
    if len(names) == 1:
        return [0] * len(each), ()
    _refuse_splits(root, names, otherwise)
    above = {str(x) for name in names for x in PurePosixPath(name).parents}
    for name in names:
        if name in above:
            beside = sorted({x for x in names if x != name and _is_in(x, name)})
            own = [x for x, parent in zip(files, each, strict=True) if parent == name]
            raise DatasetError(
                f"{own[0]}{_and_more(len(own) - 1)} lies beside the folder "
                f"{beside[0]} of {root}, so that it is unclear of which class it is. "
                f"Move it into a class folder or away. {otherwise}"
            )
    numbers = {name: i for i, name in enumerate(names)}
    return [numbers[x] for x in each], names


def _refuse_splits(root: Path, names: Sequence[str], otherwise: str) -> None:
    """Refuse `train` and `test` as classes; one alone may be a train among vehicles."""
    inside: dict[PurePosixPath, set[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        for child, folder in zip((path, *path.parents), path.parents, strict=False):
            inside.setdefault(folder, set()).add(child.name)
    for folder, children in inside.items():
        splits = sorted(x for x in children if x.lower() in _SPLITS)
        if len(splits) > 1 or any(folder / x in inside for x in splits):
            raise DatasetError(
                f"{root / folder} holds {' and '.join(splits)}, which would become "
                f"classes. Give one of them: a test is split off it. {otherwise}"
            )


def _is_in(name: str, folder: str) -> bool:
    return folder == "." or name.startswith(f"{folder}/")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda x: natural(x.name))
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read ({error.strerror}).") from error


def _inside(path: Path, suffixes: Collection[str]) -> list[Path]:
    """A hidden file, or all that a hidden folder holds, of the kinds looked for."""
    files = [path] if path.is_file() else path.rglob("*") if path.is_dir() else []
    return [x for x in files if x.suffix.lower() in suffixes]


def _notes(
    root: Path,
    hidden: Sequence[Path],
    others: Counter[str],
    lost: Sequence[Path],
    empty: Sequence[Path],
) -> tuple[str, ...]:
    notes = []
    if hidden:
        parts = [x.relative_to(root).parts for x in hidden]
        first = {next(x for x in names if x.startswith(".")) for names in parts}
        notes.append(
            f"Left out, since hidden: {_count(hidden, 'file')} ({_few(first)})."
        )
    if others:
        total = list(others.elements())
        notes.append(
            f"Left out, of other kinds: {_count(total, 'file')} ({_few(others)})."
        )
    if lost:
        names = {x.relative_to(root).as_posix() for x in lost}
        notes.append(
            "Left out, since they lead nowhere or to a folder that is there under "
            f"another name: {_count(lost, 'link')} ({_few(names)})."
        )
    if empty:
        names = {x.relative_to(root).as_posix() for x in empty}
        notes.append(f"Without such a file: {_count(empty, 'folder')} ({_few(names)}).")
    return tuple(notes)


def _count(things: Collection[object], what: str) -> str:
    return f"{len(things):,} {what}{'' if len(things) == 1 else 's'}"


def _few(names: Collection[str]) -> str:
    some = sorted(names, key=natural)
    return ", ".join(some[:_NAMED]) + (", …" if len(some) > _NAMED else "")


def _and_more(count: int) -> str:
    return f" (and {count:,} more)" if count else ""
