"""Which files below a folder count, and which folders are classes."""

from pathlib import Path

import pytest

from ssl_objectives.images.files import find_files, named_classes
from ssl_objectives.refusal import DatasetError

PNG = (".png",)


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(root: Path) -> list[str]:
    return [x.relative_to(root).as_posix() for x in find_files(root, PNG).files]


def classes(root: Path) -> tuple[list[int], tuple[str, ...]]:
    return named_classes(root, find_files(root, PNG).files, "Or do without.")


def test_files_in_the_order_of_folders_and_names(tmp_path: Path) -> None:
    root = tree(tmp_path, "b/1.png", "a/10.png", "a/9.PNG")
    assert names(root) == ["a/9.PNG", "a/10.png", "b/1.png"]
    assert find_files(root, PNG).notes == ()
    assert classes(root) == ([0, 0, 1], ("a", "b"))


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    hidden = ("cat/.ipynb_checkpoints/1.png", ".cache/2.png", ".cache/3.png")
    others = ("cat/notes.txt", "dog/2.gif", "dog/3.gif", ".DS_Store")
    root = tree(tmp_path, "cat/1.png", "dog/1.png", "cat/._1.png", *hidden, *others)
    (root / "bird").mkdir()
    (root / "dog/gone.png").symlink_to(root / "nowhere.png")
    assert names(root) == ["cat/1.png", "dog/1.png"]
    assert find_files(root, PNG).notes == (
        "Left out, since hidden: 4 files (._1.png, .cache, .ipynb_checkpoints).",
        "Left out, of other kinds: 3 files (.gif, .txt).",
        "Left out, since they lead nowhere or to a folder that is there under another "
        "name: 1 link (dog/gone.png).",
        "Without such a file: 1 folder (bird).",
    )


def test_links_are_followed_and_never_in_circles(tmp_path: Path) -> None:
    tree(tmp_path / "store", "cats/1.png", "dogs/2.png", "dogs/puppies/3.png")
    root = tree(tmp_path / "in", "bird/1.png")
    (root / "cat").symlink_to(tmp_path / "store/cats")
    (root / "dog").symlink_to(tmp_path / "store/dogs/puppies", target_is_directory=True)
    (root / "bird/up").symlink_to(root)
    (root / "bird/higher").symlink_to(tmp_path)
    (root / "twice").symlink_to(root / "bird")
    (root / "bird/2.png").symlink_to(tmp_path / "store/dogs/2.png")
    assert names(root) == ["bird/1.png", "bird/2.png", "cat/1.png", "dog/3.png"]
    [note] = find_files(root, PNG).notes
    assert "3 links (bird/higher, bird/up, twice)" in note
    assert classes(root)[1] == ("bird", "cat", "dog")
    (tmp_path / "link").symlink_to(root)
    assert len(names(tmp_path / "link")) == 4


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("cat/1.png", "dog/1.png", "stray.png"), r"stray\.png lies beside .*cat of"),
        (("cat/1.png", "1.png", "2.png"), r"1\.png \(and 1 more\) lies beside"),
        (("cat/1.png", "cat/small/2.png"), r"cat/1\.png lies beside the folder cat/s"),
        (("train/1.png", "test/1.png"), r"holds test and train, .*Give one of them"),
        (("train/a/1.png", "test/a/1.png", "unlabeled/1.png"), "test and train and un"),
        (("train/1.png", "Unlabeled/1.png", "misc/1.png"), "holds Unlabeled and train"),
        (("train/a/1.png", "train/b/1.png"), "holds train"),
        (("train/a/1.png", "readme/1.png"), "holds train"),
        (("cat/train/1.png", "cat/val/1.png", "dog/train/1.png"), "cat holds train an"),
    ],
)
def test_folders_that_are_no_classes(
    tmp_path: Path, files: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DatasetError, match=rf"{message}.*Or do without\."):
        classes(tree(tmp_path, *files))


def test_folders_that_are_classes(tmp_path: Path) -> None:
    vehicles = tree(tmp_path / "1", "bus/1.png", "train/1.png", "car/1.png")
    assert classes(vehicles) == ([0, 1, 2], ("bus", "car", "train"))
    assert classes(tree(tmp_path / "2", "train/1.png", "train/2.png")) == ([0, 0], ())
    assert classes(tree(tmp_path / "3", "1.png")) == ([0], ())
    deep = tree(tmp_path / "4", "pet/cat/1.png", "wild/cat/1.png")
    assert classes(deep) == ([0, 1], ("pet/cat", "wild/cat"))
