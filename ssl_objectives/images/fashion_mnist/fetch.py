"""Downloads Fashion-MNIST from Debian's package `dataset-fashion-mnist`; needs no root.

    python -m ssl_objectives.images.fashion_mnist.fetch [FOLDER]

The package is downloaded by apt-get from wherever this system gets its packages, and
unpacked, not installed. Its licence is kept beside the images.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ssl_objectives.images.fashion_mnist.dataset import (
    FETCHED,
    FILES,
    INSTALLED,
    FashionMnistConfig,
)
from ssl_objectives.refusal import DatasetError

PACKAGE = "dataset-fashion-mnist"
LICENCE = "copyright"  # as Debian names the file


def fetch(folder: Path = FETCHED) -> Path:
    """Download and unpack; returns the folder of four idx files and a licence.

    Does nothing where the images are there already. About 31 MB.

    Raises:
        DatasetError: no apt-get or dpkg, or they failed; says what to do instead.
    """
    names = [name for pair in FILES.values() for name in pair]
    if all((folder / name).is_file() for name in (*names, LICENCE)):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    # on the same disk, so that files appear complete or not at all
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacked-") as scratch:
        root = Path(scratch)
        _call(root, "apt-get", "download", PACKAGE)
        packages = sorted(root.glob("*.deb"))
        if not packages:
            raise DatasetError(f"apt-get has put no package {PACKAGE} into {folder}.")
        _call(root, "dpkg", "-x", packages[0].name, ".")
        licence = root / "usr/share/doc" / PACKAGE / LICENCE
        for file in (licence, *(root / INSTALLED / name for name in names)):
            if not file.is_file():
                raise DatasetError(f"{packages[0].name} has no {file.name} in it.")
            file.replace(folder / file.name)
    FashionMnistConfig(folder).open()  # whole, and of the right shapes
    return folder


def _call(folder: Path, *words: str) -> None:
    """Run a program of the system in `folder`."""
    program = shutil.which(words[0])
    if program is None:
        raise DatasetError(
            f"This system has no {words[0]}, which Debian and Ubuntu have. Copy the "
            f"four idx .gz files of Fashion-MNIST into a folder yourself (they are in "
            f"the package {PACKAGE}, and in the data set's own repository), and give "
            "that folder as the path."
        )
    done = subprocess.run(
        [program, *words[1:]], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        hint = (
            " Is there a network, and are the package lists up to date (apt-get "
            "update)?"
            if words[0] == "apt-get"
            else ""
        )
        raise DatasetError(
            f"{' '.join(words)} failed: {said[-1] if said else 'no message'}{hint}"
        )


def main(argv: Sequence[str]) -> int:
    """Fetch into the folder that the command line names; returns an exit code."""
    if len(argv) > 1 or (argv and argv[0].startswith("-")):
        print(__doc__)
        return 0 if argv[0] in ("-h", "--help") else 2
    try:
        folder = fetch(Path(argv[0]) if argv else FETCHED)
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Fashion-MNIST is in {folder}; its licence is {folder / LICENCE}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
