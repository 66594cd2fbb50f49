"""`curious plan`, from a trained model to numbers and a picture."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from agents import seek
from experiments.config.command_line import HelpAsked
from experiments.model import load_world_model
from experiments.plan.choices import plan_config
from experiments.plan.command import COMMAND
from experiments.runs.checkpoints.folder import CheckpointFolder
from tests.experiments.conftest import Command, Done
from world_models import GoalSeeker, IcemConfig

SMALL = ("--starts", "6", "--max-steps", "3", "--horizon", "4", "--execute", "2")
QUICK = ("--planner.num-samples", "6", "--planner.num-elites", "2")


@pytest.fixture(scope="module")
def trained(curious: Command) -> Done:
    """A model of Two-Rooms, two steps old."""
    torch.set_num_threads(1)
    done = curious(
        *("train-model", "pldm", "--world", "two-rooms", "--size", "debug"),
        *("--steps", "2", "--no-report", "--no-tensorboard"),
    )
    assert done.code == 0, done.err
    return done


def numbers(run: Path, planner: str) -> dict[str, Any]:
    [file] = (run / "plans").glob(f"*-{planner}-*.json")
    read: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return read


def test_numbers_and_a_picture(curious: Command, trained: Done) -> None:
    run = trained.run.path
    kept = ("--planner.num-kept", "1", "--pictures", "3", "--planner.iterations", "2")
    done = curious("plan", str(run), *SMALL, *QUICK, *kept)
    assert done.code == 0, done.err
    assert "Wilson's 95 % interval" in done.out
    read = numbers(run, "icem")
    for who in ("planned", "random"):
        told = read[who]
        assert told["starts"] == len(told["each_reached"]) == 6
        assert told["reached"] == sum(told["each_reached"])
        assert told["success"] == told["reached"] / 6
        assert told["interval_95"][0] <= told["success"] <= told["interval_95"][1]
        assert all(1 <= x <= 3 for x in told["each_steps"])
    assert read["config"]["horizon"] == 4
    [picture] = (run / "plans").glob("*-icem-sumofsteps.png")
    with Image.open(picture) as image:
        width, height = image.size
    assert width > 2 * height  # three in a row
    again = curious("plan", str(run), *SMALL, *QUICK, *kept)
    assert again.code == 0
    repeated = numbers(run, "icem")
    assert repeated["planned"]["each_steps"] == read["planned"]["each_steps"]


@pytest.mark.parametrize("planner", ["cem", "mppi"])
def test_other_planners_and_costs(
    planner: str, curious: Command, trained: Done
) -> None:
    samples = QUICK if planner == "cem" else QUICK[:2]
    done = curious(
        *("plan", str(trained.run.path), "--planner", planner, "--cost", "last"),
        *(*SMALL, *samples, "--pictures", "0", "--world", "two-rooms-fixed"),
    )
    assert done.code == 0, done.err
    read = numbers(trained.run.path, planner)
    assert "LastStep" in json.dumps(read["config"]["cost"])
    assert not list((trained.run.path / "plans").glob(f"*-{planner}-*.png"))


def test_ten_lines_of_a_library(trained: Done) -> None:
    """The example of docs/planning.md, with a run that is there."""
    page = Path(__file__).parents[3] / "docs" / "planning.md"
    block = page.read_text("utf-8").split("```python\n")[1].split("```")[0]
    assert len([x for x in block.splitlines() if x.strip()]) <= 10
    small = block.replace("runs/RUN", str(trained.run.path))
    for usual, few in (("horizon=24", "horizon=4"), ("num=200", "num=3")):
        assert usual in small
        small = small.replace(usual, few)
    namespace: dict[str, Any] = {}
    exec(compile(small, "planning.md", "exec"), namespace)
    assert len(namespace["found"].reached) == 3


def test_what_is_written_is_what_was_sought(curious: Command, trained: Done) -> None:
    """The same by the library's own call."""
    run = trained.run.path
    done = curious(
        *("plan", str(run), *SMALL, *QUICK, "--pictures", "0", "--seed", "4"),
        *("--planner.num-kept", "1", "--execute", "4"),
    )
    assert done.code == 0, done.err
    from envs import TwoRoomsWorld

    model, _ = load_world_model(run, "cpu")
    world = TwoRoomsWorld()
    planner: Any = IcemConfig(6, 2, num_kept=1).of_actions(world.actions, 4)
    from world_models import SeededDraws

    seeker = GoalSeeker(model, planner, execute=4, draws=SeededDraws(4))
    found = seek(world, seeker, num=6, max_steps=3, seed=4)
    read = numbers(run, "icem")["planned"]
    assert found.reached.tolist() == read["each_reached"]


def test_it_plans_with_the_checkpoint_that_is_named(
    curious: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = curious(
        *("train-model", "pldm", "--world", "two-rooms", "--size", "debug"),
        *("--steps", "2", "--checkpoint-every", "1"),
        *("--no-report", "--no-tensorboard"),
    )
    assert done.code == 0, done.err
    run, seekers = done.run, []

    def noted(world: Any, seeker: Any, *asked: Any) -> Any:
        seekers.append(seeker)
        return seek(world, seeker, *asked)

    monkeypatch.setattr("experiments.plan.planning.seek", noted)
    first, *_, last = CheckpointFolder(run.checkpoints).paths()
    for named, stem in ((first, first.stem), (run.path, last.stem)):
        seekers.clear()
        kept = ("--planner.num-kept", "1", "--pictures", "0")
        assert curious("plan", str(named), *SMALL, *QUICK, *kept).code == 0
        assert (run.path / "plans" / f"{stem}-icem-sumofsteps.json").is_file()
        wanted, _ = load_world_model(run.checkpoints / f"{stem}.safetensors", "cpu")
        found = seekers[0].model.parameters()
        assert all(map(torch.equal, found, wanted.parameters())), named.name


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--world", "key-door"), "KeyDoorConfig has no goals"),
        (("--world", "moving-dot"), "was trained on frames (2, 28, 28)"),
        (("--planner", "categorical-cem"), "take icem, cem or mppi"),
        (("--horizon", "3", "--execute", "4"), "--execute must be between 1"),
        (("--starts", "0"), "--starts must be at least 1"),
        (("--starts", str(2**40)), "Lower --starts (for starts and goals)"),
        (("--planner", "cme"), "Did you mean 'cem'?"),
        (("--planner.num-elites", "900"), "num_elites must be between 1"),
    ],
)
def test_refusals(
    flags: tuple[str, ...], said: str, curious: Command, trained: Done
) -> None:
    done = curious("plan", str(trained.run.path), *flags)
    assert done.code in (1, 2)
    assert said in " ".join(done.err.replace("│", " ").split())


def test_no_run_and_no_model_of_a_world(
    curious: Command, key_door: Done, tmp_path: Path
) -> None:
    assert "curious plan runs/RUN" in curious("plan").err
    assert "There is no run" in curious("plan", str(tmp_path / "none")).err
    assert "no run of `curious train-model`" in curious(
        "plan", str(key_door.run.path)
    ).err.replace("\n", " ")


def test_starts_that_are_goals_are_told_of(curious: Command) -> None:
    """Of the moving dot some are: goals lie anywhere."""
    trained = curious(
        *("train-model", "jepa-vicreg", "--size", "debug", "--steps", "1"),
        *("--no-report", "--no-tensorboard"),
    )
    run = trained.run.path
    one = ("--max-steps", "1", "--horizon", "1", "--execute", "1", "--pictures", "2")
    few = ("--planner.num-kept", "1", "--planner.iterations", "1")
    done = curious("plan", str(run), "--starts", "300", *one, *QUICK, *few)
    assert done.code == 0, done.err
    assert numbers(run, "icem")["planned"]["drawn_again"] > 0


def test_help_lists_planners_and_costs() -> None:
    with pytest.raises(HelpAsked) as asked:
        COMMAND.read(["--help"])
    for word in ("icem", "mppi", "categorical-cem", "sum", "last", "--execute"):
        assert word in str(asked.value)
    assert plan_config("mppi", "last").starts == 200
