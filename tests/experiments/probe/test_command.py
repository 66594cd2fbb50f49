"""`curious probe`: runs, encoders, functions; what it leaves, and what it refuses."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.experiments.conftest import Command, Done

FAST = ("--frames", "400", "--no-mlp")


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "probe.json").read_text("utf-8"))
    return found


def columns(images: Tensor) -> Tensor:
    """Brightness of the columns and rows of a frame."""
    x = images.float().mean(1)
    return torch.cat([x.mean(1), x.mean(2)], 1)


def maps(images: Tensor) -> Tensor:
    """No latents."""
    return images.float()


HERE = f"{__name__}:columns"


@pytest.fixture(scope="module")
def trained(curious: Command) -> Done:
    """A world model of the moving dot, hardly trained."""
    done = curious(
        "train-model",
        "jepa-vicreg",
        "--size",
        "debug",
        "--steps",
        "2",
        "--no-report",
        "--no-tensorboard",
    )
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def probed(
    curious: Command, trained: Done, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Done, Path]:
    """In its own world, with everything."""
    out = tmp_path_factory.mktemp("probed") / "report"
    done = curious("probe", str(trained.run.path), *FAST, "--out", str(out))
    assert done.code == 0, done.err
    return done, out


def test_a_world_model_is_probed_in_its_own_world(probed: tuple[Done, Path]) -> None:
    done, out = probed
    found = content(out)
    assert found["of"] == "MovingDot, played by random"
    assert sum(found["episodes"].values()) > 20
    readings = found["readings"]
    arms = {(x["arm"], x["layer"]) for x in readings}
    assert {("probed", "encoded"), ("probed", "predicted")} <= arms
    assert {("random weights", "encoded"), ("pixels", "output")} <= arms
    facts = {x["fact"]: x["unit"] for x in readings}
    assert facts["place"] == "px"
    assert facts["displacement"] == "px/step"
    assert "place velocity was left out: displacement is the same." in found["notes"]
    labels = {(x["probe"], x["labels"]) for x in readings}
    assert labels == {("mean", "true"), ("ridge", "true"), ("ridge", "shuffled")}
    ahead = {x["ahead"] for x in readings if x["layer"] == "predicted"}
    assert {None, 1, 2} <= ahead
    for x in readings:
        rmse = x["scores"]["rmse"]
        assert rmse["low"] <= rmse["value"] <= rmse["high"]
    shares = found["diagnostics"]["probed"]["encoded"]
    assert 0 < shares["background_share"] + shares["dot_share"] < 1.2
    assert found["config"]
    assert "place (px)" in done.out
    assert "background share" in done.out


def test_it_leaves_a_page_with_pictures(probed: tuple[Done, Path]) -> None:
    _, out = probed
    names = {x.name for x in out.iterdir()}
    assert names == {
        "probe.json",
        "probe.html",
        "probe.md",
        "numbers.png",
        "scatter.png",
        "ahead.png",
    }
    page = (out / "probe.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 3
    text = (out / "probe.md").read_text("utf-8")
    row = next(x for x in text.splitlines() if x.startswith("| place (px) | encoded"))
    value = re.split(r" \| ", row)[3]
    rmse = next(
        x["scores"]["rmse"]["value"]
        for x in content(out)["readings"]
        if (x["fact"], x["layer"], x["probe"]) == ("place", "encoded", "ridge")
    )
    assert value == f"{rmse:.4g}"


@pytest.mark.slow
def test_the_same_command_finds_the_same(
    curious: Command, trained: Done, probed: tuple[Done, Path], tmp_path: Path
) -> None:
    run = str(trained.run.path)
    assert curious("probe", run, *FAST, "--out", str(tmp_path)).code == 0
    assert content(tmp_path)["readings"] == content(probed[1])["readings"]


def test_layers_and_facts_can_be_chosen(
    curious: Command, trained: Done, tmp_path: Path
) -> None:
    done = curious(
        "probe",
        str(trained.run.path),
        *FAST,
        "--layers",
        "imagined",
        "encoder.body.0",
        "--facts",
        "displacement",
        "--no-controls",
        "--penalty",
        "0.01",
        "--horizon",
        "2",
        "--out",
        str(tmp_path),
    )
    assert done.code == 0, done.err
    readings = content(tmp_path)["readings"]
    assert {x["layer"] for x in readings} == {"imagined", "encoder.body.0"}
    assert {x["fact"] for x in readings} == {"displacement"}
    assert {x["arm"] for x in readings} == {"probed"}
    assert {x["ahead"] for x in readings} == {None, 1, 2}


def test_a_function_is_probed_on_a_data_set(curious: Command, tmp_path: Path) -> None:
    data = tmp_path / "dots"
    recorded = curious(
        "record",
        "--world",
        "moving-dot",
        "--facts",
        "--steps",
        "600",
        "--out",
        str(data),
    )
    assert recorded.code == 0
    out = tmp_path / "out"
    done = curious("probe", HERE, *FAST, "--data", str(data), "--out", str(out))
    assert done.code == 0, done.err
    found = content(out)
    place = next(
        x
        for x in found["readings"]
        if (x["fact"], x["probe"], x["labels"]) == ("place", "ridge", "true")
    )
    assert place["unit"] == "px"
    assert place["scores"]["rmse"]["high"] < 0.2
    assert any("random weights" in x for x in found["notes"])


def test_a_noise_lies_around_the_world_that_is_played(
    curious: Command, tmp_path: Path
) -> None:
    """Who plays has the television's action, and the fact tells of it."""
    noisy = ("--world", "key-door", "--noise", "tv", "--facts", "tv", "--no-controls")
    done = curious("probe", HERE, *FAST, *noisy, "--out", str(tmp_path))
    assert done.code == 0, done.err
    assert {x["fact"] for x in content(tmp_path)["readings"]} == {"tv"}


def test_an_agent_is_probed(curious: Command, tmp_path: Path) -> None:
    """Classes, too: by F1."""
    trained = curious(
        "train",
        "--size",
        "debug",
        "--num-envs",
        "4",
        "--env-steps",
        "80",
        "--agent.ppo.num-steps",
        "10",
        "--video-steps",
        "0",
        "--world",
        "counting",
    )
    assert trained.code == 0, trained.err
    run = str(trained.run.path)
    out = tmp_path / "out"
    done = curious(
        "probe",
        run,
        "--frames",
        "200",
        "--no-mlp",
        "--facts",
        "step",
        "--no-controls",
        "--out",
        str(out),
    )
    assert done.code == 0, done.err
    found = content(out)
    assert {"encoded", "predicted"} <= {x["layer"] for x in found["readings"]}
    assert {x["probe"] for x in found["readings"]} == {"majority", "softmax"}
    assert (out / "classes.png").is_file()
    assert "weighted F1" in done.out


def test_a_trained_encoder_is_probed(
    curious: Command, trained: Done, tmp_path: Path
) -> None:
    file = trained.run.path / "encoder.safetensors"
    done = curious(
        "probe", str(file), *FAST, "--world", "moving-dot", "--out", str(tmp_path)
    )
    assert done.code == 0, done.err
    arms = {(x["arm"], x["layer"]) for x in content(tmp_path)["readings"]}
    assert arms == {(x, "output") for x in ("probed", "random weights", "pixels")}


def test_help_teaches(curious: Command) -> None:
    done = curious("probe", "--help")
    assert done.code == 0
    for text in ("MODEL", "--data", "--column", "--layers", "curious probe runs/RUN"):
        assert text in done.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "Which model?"),
        ((HERE,), "Frames of what.*--data FOLDER, or --world NAME"),
        (("runs/nope",), "There is no run at runs/nope"),
        ((f"{__name__}:nope", "--world", "moving-dot"), "there is no 'nope'"),
        ((f"{__name__}:Done", "--world", "moving-dot"), "is a class"),
        ((f"{__name__}:FAST", "--world", "moving-dot"), "no function"),
        (
            (f"{__name__}:maps", "--world", "moving-dot"),
            r"gave a tensor of shape.*one row of numbers for each",
        ),
        ((HERE, "--data", "nowhere"), "no data set at nowhere"),
        (
            (HERE, "--world", "moving-dot", "--column", "a=b.npy"),
            "--column is about the rows of a data set",
        ),
        (
            (HERE, "--world", "moving-dot", "--frames", "30", "--num-envs", "2"),
            "There are 2 episodes",
        ),
        ((HERE, "--world", "moving-dot", "--facts", "palce"), "no fact 'palce'"),
        ((HERE, "--world", "moving-dot", "--layers", "deep"), "no layer 'deep'"),
    ],
)
def test_what_cannot_be_probed_is_refused_in_a_sentence(
    curious: Command, words: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    frames = () if "--frames" in words else ("--frames", "300")
    done = curious("probe", *words, *frames, "--no-mlp", "--out", str(out))
    assert done.code == 1, done.out
    assert re.search(says, done.err.replace("\n", " "))
    assert "Traceback" not in done.err
    assert not out.exists()


@pytest.mark.parametrize(
    "flags", [("--frames", "0"), ("--penalty", "0"), ("--test", "0.9")]
)
def test_numbers_out_of_range_are_misuse(
    curious: Command, flags: tuple[str, ...]
) -> None:
    assert curious("probe", HERE, *flags).code == 2
