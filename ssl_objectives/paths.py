"""What people are told of a path at which there is not what they meant."""

from difflib import get_close_matches
from pathlib import Path

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


def nothing_at(path: Path, what: str = "nothing") -> str:
    """`There is nothing at PATH.`, and what is there under a name like it.

    Args:
        path: does not exist.
        what: is missing there, such as `no data set`.
    """
    # the part that is wrong may be a folder above
    wrong = path
    while not wrong.parent.exists() and wrong.parent != wrong:
        wrong = wrong.parent
    try:
        names = [x.name for x in wrong.parent.iterdir()]
    except OSError:
        names = []
    near = get_close_matches(wrong.name, names, n=1)
    meant = wrong.with_name(near[0]) / path.relative_to(wrong) if near else None
    return f"There is {what} at {path}." + (f" Did you mean {meant}?" if meant else "")


def unpack_first(path: Path) -> str:
    """A sentence to add where the path is an archive, or a folder of nothing else."""
    if path.is_file() and path.suffix.lower() in ARCHIVES:
        return f" {path.name} is an archive: unpack it, and give what comes out."
    if not path.is_dir():
        return ""
    found = sorted(x for x in path.iterdir() if x.suffix.lower() in ARCHIVES)
    return f" It holds an archive: unpack {found[0].name} first." if found else ""
