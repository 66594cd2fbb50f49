import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from experiments.config import remembered
from experiments.config.command_line import HelpAsked, Misuse
from experiments.config.remembered import recall_command, recall_config, remember
from experiments.picture import command as picture
from experiments.pretrain import command as pretrain
from experiments.probe import command as probe
from experiments.record import command as record
from experiments.train import command as train
from experiments.train.config import TrainConfig

COMMANDS: dict[str, Any] = {
    "train": train.COMMAND,
    "pretrain": pretrain.COMMAND,
    "record": record.COMMAND,
    "picture": picture.COMMAND,
    "probe": probe.COMMAND,
}


@dataclass(frozen=True)
class Odd:
    """A config that no skeleton is known for."""

    numbers: Mapping[str, int] = field(default_factory=dict)


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setattr(remembered, "_root", lambda: tmp_path / "flags")
    return tmp_path / "flags"


Remember = Callable[[str], Any]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """What commands remember of each of their choices: worked out once for all."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name) / "flags"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(remembered, "_root", lambda: folders[name])
                COMMANDS[name].remember()
        return folders[name]

    return folder


@pytest.fixture
def remembering(memory: Path, known: Callable[[str], Path]) -> Remember:
    """Has a command's memory hold each single choice, beside what it holds already."""

    def remember(name: str) -> Any:
        shutil.copytree(known(name), memory, dirs_exist_ok=True)
        return COMMANDS[name]

    return remember


def said(read: Callable[[], Any]) -> tuple[type, str] | None:
    """What is raised and what it says; None where nothing is."""
    try:
        read()
    except (HelpAsked, Misuse) as answer:
        return type(answer), str(answer)
    return None


@pytest.mark.parametrize(
    "line",
    [
        "probe --help",
        "probe --world key-door --frame 3",
        "train --help",
        "train rnd --world key-door --help",
        "train ppo --core frame-stack --world gymnasium --size gpu --help",
        "train --world counting --model contrastive --objective direct-pred --help",
        "train --encoder pretrained --world pixel-maze --help",
        "train --env-step 3",
        "train --env-steps many",
        "train --wrold key-door",
        "train rdn",
        "train --world key-dor",
        "train --world",
        "train --agent.ppo.learning-rte 1",
        "train --world.protocol machada",
        "train --size debug extra",
        "train --world.facts RAM NONE",
        "pretrain --help",
        "pretrain byol --encoder vit --help",
        "pretrain swav --images recorded --optimizer adamw --size gpu --help",
        "pretrain cmc-modalities --views unlike --order distinct --help",
        "pretrain byol --method.objectiv.rate 3",
        "pretrain byol --batch-size 1.5",
        "pretrain bylo",
        "record --help",
        "record --world key-door --help",
        "picture --help",
        "picture runs/RUN --decoder flat --ahaed 3",
        "record --world atari --hlep",
        "record --steps many",
    ],
)
def test_help_and_refusals_are_the_same_from_memory(
    monkeypatch: pytest.MonkeyPatch, remembering: Remember, line: str
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    name, *argv = line.split()
    command = COMMANDS[name]
    real = said(lambda: command.read(argv))
    remembering(name)  # where the choices themselves were refused
    assert real is not None
    assert said(lambda: command._answer(argv)) == real


@pytest.mark.parametrize(
    "line",
    [
        "rnd --world key-door --env-steps 3 --agent.extrinsic.clip None",
        "--world.facts ram sound --world.num-threads 2 --runs elsewhere",
        "--size debug --world.protocol machado",
        "--world my_module:World --hlep",
        "--config runs/x/config.json --hlep",
    ],
)
def test_memory_answers_neither_good_lines_nor_what_lies_elsewhere(
    remembering: Remember, line: str
) -> None:
    remembering("train")
    train.COMMAND.read(["rnd", "--world", "key-door"])
    train.COMMAND.read(["--size", "debug"])
    assert said(lambda: train.COMMAND._answer(line.split())) is None


@pytest.mark.parametrize("name", COMMANDS)
def test_each_choice_alone_is_answered_once_all_is_remembered(
    remembering: Remember, name: str
) -> None:
    command = remembering(name)
    silent = []
    for choice in command.load().choices:
        if choice.name in ("eyes", "measured-encoder", "signal-encoder"):
            continue  # alone they are refused: they are parts of another part
        for row in choice.table.rows:
            if (choice.name, row) == ("size", "paper"):
                continue  # alone it is refused: papers' sizes are those of a recipe
            option = [row] if choice.positional else [f"--{choice.name}", row]
            # a wrong value: all flags are read for it, as for help, and none is drawn
            if said(partial(command._answer, [*option, "--seed", "many"])) is None:
                silent.append(" ".join(option))
    assert silent == []


def test_parts_from_outside_are_not_remembered(
    importable: Callable[[str, str], Path], memory: Path
) -> None:
    importable(
        "world_of_mine",
        "from envs.tiles.key_door import KeyDoorConfig\n"
        "class Mine(KeyDoorConfig): pass\n",
    )
    train.COMMAND.read(["--world", "world_of_mine:Mine"])
    assert not list(memory.glob("**/*.json"))
    assert "world_of_mine" in sys.modules


def test_an_edit_forgets_everything(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig()
    remember("curious train", {"a": 1}, {"size": "debug"}, config)
    (memory / "another-place").mkdir()
    assert recall_command("curious train") == {"a": 1}
    assert recall_config("curious train", {"size": "debug"}) is not None
    assert recall_config("curious train", {"size": "gpu"}) is None
    monkeypatch.setattr(remembered, "_fingerprint", lambda: "edited")
    assert recall_command("curious train") is None
    remember("curious train", {"a": 2}, {"size": "debug"}, config)
    assert len(list(memory.iterdir())) == 2
    assert (memory / "another-place").is_dir()


def test_a_damaged_file_is_no_memory(memory: Path) -> None:
    remember("curious train", {"a": 1}, {}, TrainConfig())
    for file in memory.glob("*/*.json"):
        assert json.loads(file.read_text())
        file.write_text("{")
    assert recall_command("curious train") is None
    assert recall_config("curious train", {}) is None


def test_what_cannot_be_written_down_is_not_remembered(memory: Path) -> None:
    remember("curious train", {}, {}, Odd())
    assert not memory.exists()


def test_an_edit_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "package" / "inside" / "module.py"
    file.parent.mkdir(parents=True)
    file.write_text("a = 1")
    (tmp_path / "package" / "notes.txt").touch()
    monkeypatch.setattr(remembered, "_SOURCES", (str(tmp_path / "package"),))
    fingerprint = remembered._fingerprint.__wrapped__
    before = fingerprint()
    (tmp_path / "package" / "notes.txt").write_text("more")
    assert fingerprint() == before
    file.write_text("a = 2 ")
    assert fingerprint() != before


def test_without_a_home_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(remembered, "_root", homeless)
    remember("curious train", {"a": 1}, {}, TrainConfig())
    assert recall_command("curious train") is None
    assert recall_config("curious train", {}) is None
