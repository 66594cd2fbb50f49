"""What `curious train-model` says to mistakes: one clear message, and no run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from experiments.model.presets import CHOICES
from experiments.parts.models import MODELS, OF_OBJECTS

Command = Callable[..., Any]

QUICK = ("--size", "debug", "--steps", "2", "--no-report", "--no-tensorboard")
MISTAKES = pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("jepa-vicreg", "--world", "key-dor"), 2, "Did you mean 'key-door'?"),
        (("jepa",), 2, "model: there is no 'jepa'"),
        (("none",), 2, "model: there is no 'none'"),
        (("jepa-vicreg", "--core", "feed-forward"), 2, "core: there is no"),
        (("jepa-vicreg", "--step", "3"), 2, "--steps"),
        (("jepa-vicreg", "--steps", "0"), 2, "--steps must be at least 1, not 0"),
        (("jepa-vicreg", "--probe-fit", "100001"), 2, "at most 100,000, not 100,001"),
        (("jepa-vicreg", "--batch-size", "1"), 2, "--batch-size must be at least 2"),
        # before a world is built: billions of them took all memory
        (
            ("jepa-vicreg", *QUICK, "--batch-size", "2147483648"),
            1,
            "Lower --batch-size or --num-steps (for frames)",
        ),
        (
            ("jepa-vicreg", *QUICK, "--burn-in", "4"),
            2,
            "--burn-in 4 leaves nothing of --num-steps 4 to predict",
        ),
        (
            ("jepa-vicreg", *QUICK, "--world", "key-door", "--data", "recorded"),
            2,
            "--world is for worlds stepped on the fly",
        ),
        (
            ("jepa-vicreg", *QUICK, "--data", "recorded"),
            1,
            "Which data set? Give its folder: --data.path FOLDER",
        ),
        (
            ("jepa-vicreg", *QUICK, "--data", "recorded", "--data.path", "nowhere"),
            1,
            "There is no data set at nowhere",
        ),
        (
            ("jepa-vicreg", *QUICK, "--data.policy", "byol-explore"),
            1,
            "is not random, expert or my_module:MyPolicy",
        ),
        (
            ("jepa-vicreg", *QUICK, "--data.policy", "envs:Wandered"),
            1,
            "Wandered",
        ),
        (
            ("jepa-vicreg", *QUICK, "--encoder", "nature"),
            1,
            "images of shape (1, 28, 28) are too small for this encoder",
        ),
        (
            ("jepa-vicreg", *QUICK, "--data.world.noise.alpha", "-1"),
            1,
            "alpha must",
        ),
        (("--resume", "nowhere"), 1, "There is no run at nowhere"),
        (("--resume", "nowhere", "--config", "x"), 1, "leave --config out"),
    ],
)


def plain(text: str) -> str:
    """Without boxes and line breaks."""
    return re.sub(r"[\s│─╭╮╰╯]+", " ", text)


@MISTAKES
def test_mistakes(
    curious: Command, argv: tuple[str, ...], code: int, said: str
) -> None:
    done = curious("train-model", *argv)
    assert done.code == code, done.err
    assert said in plain(done.err)
    assert "Traceback" not in done.err
    assert not list(done.runs.iterdir())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ("supervised", *QUICK, "--model.terms.0.fact", "plcae"),
            "the fact 'plcae', and here are place, displacement",
        ),
        (
            ("supervised", *QUICK, "--model.terms.0.size", "3"),
            "The fact 'place' has size 2, and the model is to be taught one of size 3",
        ),
        (
            ("supervised", *QUICK, "--world", "key-door"),
            "the fact 'place', and here are x, y, room, has_key, door_open",
        ),
    ],
)
def test_facts_that_are_not_there(
    curious: Command, argv: tuple[str, ...], said: str
) -> None:
    done = curious("train-model", *argv)
    assert done.code == 1
    assert said in plain(done.err)
    assert "Traceback" not in done.err
    assert not list(done.runs.glob("*"))


@pytest.fixture(scope="module")
def pictures(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in which nobody acts."""
    folder = tmp_path_factory.mktemp("pictures")
    for i in range(40):
        noise = torch.randint(256, (40, 44, 3)).byte().numpy()
        Image.fromarray(noise).save(folder / f"{i}.png")
    out = folder.with_name("imported")
    done = curious("import", str(folder), "--out", str(out))
    assert done.code == 0, done.err
    return out


@pytest.fixture(scope="module")
def dot(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty rows of two dots, with facts."""
    path = tmp_path_factory.mktemp("data") / "dot"
    done = curious(
        *("record", "--world", "moving-dot", "--facts", "--steps", "100"),
        *("--num-envs", "2", "--out", str(path)),
    )
    assert done.code == 0, done.err
    return path


def of(curious: Command, data: Path, *argv: str, model: str = "jepa-vicreg") -> Any:
    flags = ("--data", "recorded", "--data.path", str(data), "--encoder", "menet")
    return curious("train-model", model, *QUICK, *flags, *argv)


def test_data_in_which_nobody_acts(curious: Command, pictures: Path) -> None:
    done = of(curious, pictures)
    assert done.code == 1
    assert f"In {pictures} nobody acts" in plain(done.err)
    assert "Record a world (curious record)" in plain(done.err)
    assert not list(done.runs.iterdir())


def test_too_few_windows(curious: Command, dot: Path) -> None:
    done = of(curious, dot, "--batch-size", "20")
    assert done.code == 1
    assert "too few for batches of 20. Record more, or lower" in plain(done.err)
    assert not list(done.runs.iterdir())
    assert of(curious, dot, "--batch-size", "6").code == 0


def test_facts_of_data_that_are_mistyped(curious: Command, dot: Path) -> None:
    mistyped = ("--model.terms.0.fact", "plcae")
    done = of(curious, dot, *mistyped, model="supervised")
    assert done.code == 1
    assert "'plcae', and here are place, displacement" in plain(done.err)
    assert of(curious, dot, model="supervised").code == 0


def test_an_agent_is_no_world_model_run(curious: Command, key_door: Any) -> None:
    done = curious("train-model", "--resume", str(key_door.run.path))
    assert done.code == 2
    assert "is the config of another command" in plain(done.err)


def test_help_teaches(curious: Command) -> None:
    done = curious("train-model", "--help")
    assert done.code == 0
    shown = plain(done.out)
    for name in MODELS.rows:
        assert (name in shown) or name in ("none", *OF_OBJECTS)
    for choice in CHOICES:
        if not choice.positional:
            assert f"--{choice.name}" in shown
    for flag in ("--num-steps", "--burn-in", "--probe-fit", "--model.horizon"):
        assert flag in shown
    assert "curious train-model --resume" in shown


MINE = """
from dataclasses import dataclass
import torch
from world_models.presets import jepa_vicreg
from experiments.sources import WorldsConfig

def mine():
    return jepa_vicreg(2)

class Still:
    def act(self, row, generator):
        return torch.zeros(len(row.first), 2)

class Wrong:
    def act(self, row, generator):
        return torch.zeros(len(row.first), 3)

@dataclass(frozen=True)
class Never:
    pass
"""


def test_own_parts_are_found_and_wrong_ones_refused(
    curious: Command, importable: Callable[[str, str], Path], tmp_path: Path
) -> None:
    importable("own_model_parts", MINE)
    policy = ("--data.policy", "own_model_parts:Still")
    done = curious("train-model", "own_model_parts:mine", *QUICK, *policy)
    assert done.code == 0, done.err
    assert done.run.config().model.horizon == 2
    wrong = ("--data.policy", "own_model_parts:Wrong")
    done = curious("train-model", "own_model_parts:mine", *QUICK, *wrong)
    assert done.code == 1
    assert "this world takes torch.float32 (6, 2)" in plain(done.err)
    done = curious("train-model", "own_model_parts:Never", *QUICK)
    assert done.code == 2
    assert "own_model_parts:Never is no model" in plain(done.err)
    done = curious("train-model", *QUICK, "--data", "own_model_parts:Never")
    assert done.code == 2
    assert "is no data. It needs open(self" in plain(done.err)
