import base64
import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from experiments.report.config import ReportConfig
from experiments.report.report import Report, report
from experiments.runs.folder import RunFolder
from experiments.runs.logger import MetricLogger
from experiments.train.presets import train_config
from ssl_objectives.refusal import ConfigError

Command = Callable[..., Any]

SCORE = "episode/return"


def made(
    root: Path,
    preset: str,
    seed: int,
    rows: list[dict[str, float]],
    world: str = "key-door",
    **changes: Any,
) -> RunFolder:
    """A run folder as training makes it, with these metrics at 100, 200, …"""
    config = train_config(preset, size="debug", world=world)
    config = replace(config, seed=seed, env_steps=100 * len(rows), **changes)
    run = RunFolder.create(root, f"{world}-{preset}", seed, config)
    logger = MetricLogger(run)
    for i, row in enumerate(rows, 1):
        logger.log(100 * i, {**row, "time/frames": 400.0 * i})
    logger.close()
    return run


def scored(*values: float) -> list[dict[str, float]]:
    return [{SCORE: x} for x in values]


def grid(root: Path, seeds: int = 3) -> list[Path]:
    """Runs that end with 1 + seed and 2 + seed, ten times that in another world."""
    runs = []
    for scale, world in ((1, "key-door"), (10, "counting")):
        for level, preset in ((1, "rnd"), (2, "ppo")):
            for seed in range(seeds):
                rows = scored(*[0.0] * 9, scale * (level + seed))
                runs.append(made(root, preset, seed, rows, world).path)
    return runs


def quietly(out: Path, *runs: Path | str, **changes: Any) -> tuple[Report, str]:
    """The report, and what it printed."""
    console = Console(file=io.StringIO(), width=120)
    changes = {"figures": False, **changes}
    config = ReportConfig(tuple(map(str, runs)), out=out, **changes)
    result = report(config, console)
    assert isinstance(console.file, io.StringIO)
    return result, console.file.getvalue()


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


class Outside(HTMLParser):
    """Addresses that a page would fetch, and the images that it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.images: list[bytes] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href") and value is not None:
                kind, _, data = value.partition(";base64,")
                if kind == "data:image/png":
                    self.images.append(base64.b64decode(data, validate=True))
                else:
                    self.addresses.append(value)

    def handle_data(self, data: str) -> None:
        self.cells.append(data.strip())


@pytest.fixture(scope="module")
def trained(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two agents with two seeds each, really trained."""
    root = tmp_path_factory.mktemp("trained")
    for preset in ("rnd", "ppo"):
        done = curious(
            *("train", preset, "--size", "debug", "--world", "counting"),
            *("--num-envs", "2", "--agent.ppo.num-steps", "10", "--env-steps", "100"),
            *("--seeds", "2", "--video-steps", "0"),
            *(("--curiosity.warm-up-steps", "3") if preset == "rnd" else ()),
            runs=root,
        )
        assert done.code == 0, done.err
    return root


def test_real_runs_become_a_report(
    trained: Path, curious: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = curious(
        "report", str(trained), "--out", str(out), "--metric", SCORE, "policy/entropy"
    )
    assert done.code == 0, done.err
    assert f"Report: {out / 'report.html'}" in done.out
    left = {x.name for x in out.iterdir()}
    assert left == {
        "cost.csv",
        "improvement.csv",
        "report.html",
        "report.md",
        "runs.csv",
        "summary.csv",
        *(
            f"{x}.png"
            for metric in ("episode-return", "policy-entropy")
            for x in (
                f"curves-{metric}-frames",
                f"curves-{metric}-time",
                f"improvement-{metric}",
                f"scores-{metric}",
            )
        ),
    }
    runs = rows_of(out / "runs.csv")
    assert sorted((x["arm"], x["task"], x["seed"]) for x in runs) == [
        (arm, "Counting", str(seed))
        for arm in ("Rnd", "no curiosity")
        for seed in range(2)
    ]
    for row in runs:
        folder = RunFolder(Path(row["folder"]))
        rows = [json.loads(x) for x in folder.metrics_file.read_text().splitlines()]
        assert float(row["steps"]) == rows[-1]["steps"] >= 100
        assert float(row["policy/entropy"]) == pytest.approx(
            rows[-1]["metrics"]["policy/entropy"]
        )
        assert float(row["seconds"]) == rows[-1]["wall_time"] > 0
        assert row["finished"] == "True"
    for row in rows_of(out / "summary.csv"):
        own = [float(x[row["metric"]]) for x in runs if x["arm"] == row["arm"]]
        assert float(row["iqm"]) == pytest.approx(np.mean(own))
        assert row["format_version"] == "1"
        assert row["iqm_low"] == ""

    page = Outside()
    page.feed((out / "report.html").read_text("utf-8"))
    assert page.addresses == []
    pictures = {x.name: x.read_bytes() for x in out.glob("*.png")}
    assert sorted(page.images) == sorted(pictures.values())
    assert {"Rnd", "no curiosity", "Read this first", "not stated"} <= set(page.cells)
    shown = re.findall(r"!\[.*\]\((.*)\)", (out / "report.md").read_text("utf-8"))
    assert set(shown) == set(pictures)
    for name in pictures:
        pixels = matplotlib.image.imread(out / name)[..., :3]
        assert 0.005 < (pixels.min(-1) < 0.95).mean() < 0.4  # drawn on


def test_the_numbers_are_those_of_the_runs(tmp_path: Path) -> None:
    runs = grid(tmp_path / "runs")
    result, text = quietly(tmp_path / "out", *runs)
    [numbers] = result.numbers
    found = {(x.arm, x.task): x for x in numbers.arms_in_tasks}
    one = found["no curiosity", "Counting"]
    assert (one.seeds, one.scores) == (("0", "1", "2"), (20, 30, 40))
    assert (one.iqm.value, one.iqm.low, one.iqm.high) == (30, 20, 40)
    assert found["Rnd", "KeyDoor"].iqm.value == 2
    # mean over training: 9 intervals, of which only the last rises to the end
    assert one.area is not None
    assert one.area.value == pytest.approx(30 / 2 / 9)
    [pair] = numbers.pairs
    # of nine pairs of seeds, 1 2 3 win once and tie twice against 2 3 4
    assert (pair.arm, pair.than) == ("Rnd", "no curiosity")
    assert pair.probability.value == pytest.approx(2 / 9)
    assert pair.by_task == pytest.approx({"KeyDoor": 2 / 9, "Counting": 2 / 9})
    assert numbers.over_tasks == ()
    assert any("units of each task's own" in x for x in result.notes)
    assert any(x.startswith("Only 3 or 4 runs in 4 of 4") for x in result.notes)
    assert "[20, 40]" in text
    assert [(x.runs, x.steps) for x in result.costs] == [(3, 3000)] * 4
    again, _ = quietly(tmp_path / "again", *runs)
    assert again.numbers == result.numbers
    pages = [(tmp_path / x / "report.md").read_text("utf-8") for x in ("out", "again")]
    assert pages[0] == pages[1]


def test_normalised_scores_are_averaged_over_tasks(tmp_path: Path) -> None:
    scores = tmp_path / "scores.toml"
    scores.write_text(
        "[KeyDoor]\nrandom = 1\nreference = 5\n"
        "[Counting]\nrandom = 10\nreference = 50\n"
    )
    runs = grid(tmp_path / "runs", 5)
    result, _ = quietly(tmp_path / "out", *runs, normalize=scores, figures=True)
    [numbers] = result.numbers
    rnd, ppo = numbers.over_tasks
    assert (rnd.arm, rnd.runs, ppo.runs) == ("Rnd", 10, 10)
    assert (rnd.iqm.value, ppo.iqm.value) == (0.5, 0.75)
    assert rnd.optimality_gap.value == pytest.approx(0.5)
    assert ppo.optimality_gap.value == pytest.approx((0.75 + 0.5 + 0.25) / 5)
    [first, *_] = rows_of(tmp_path / "out" / "runs.csv")
    assert float(first[f"{SCORE} normalized"]) == 0
    assert float(first[SCORE]) == 1
    assert (tmp_path / "out" / "profile-episode-return.png").is_file()
    everywhere = [x for x in rows_of(tmp_path / "out" / "summary.csv") if not x["task"]]
    assert [float(x["iqm"]) for x in everywhere] == [0.5, 0.75]
    assert not [x for x in result.notes if "units" in x or "Only 3" in x]


def test_labels_and_tuning(tmp_path: Path) -> None:
    runs = grid(tmp_path / "runs", 1)
    for run in (x for x in runs if "rnd" in x.name):
        notes = {"format_version": 1, "settings_tried": 7}
        (run / "notes.json").write_text(json.dumps(notes))
    config: dict[str, Any] = {"rename": ("no curiosity=PPO", "KeyDoor=Key and door")}
    result, _ = quietly(tmp_path / "out", *runs, **config)
    assert result.comparison.arms == ("Rnd", "PPO")
    assert result.comparison.tasks == ("Key and door", "Counting")
    [note] = [x for x in result.notes if "not stated" in x]
    assert "PPO" in note
    assert "Rnd" not in note
    assert "| Rnd | 7 |" in (tmp_path / "out" / "report.md").read_text("utf-8")
    told, _ = quietly(tmp_path / "out", *runs, tuned=("Rnd=9", "PPO=15"), **config)
    assert not [x for x in told.notes if "not stated" in x]
    page = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "| Rnd | 9 |" in page
    assert "| PPO | 15 |" in page
    for wrong, message in (
        (
            {"tuned": ("RND=3",), **config},
            "--tuned: there is no 'RND'. Known: Rnd, PPO",
        ),
        ({"rename": ("Rnd",)}, "not of the form OLD=NEW"),
        ({"last": 0.0}, "--last"),
    ):
        with pytest.raises(ConfigError, match=message):
            quietly(tmp_path / "out", *runs, **wrong)


def test_what_is_missing_is_said_and_the_rest_reported(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    whole = [made(root, "rnd", seed, scored(1, 2, 3)) for seed in range(3)]
    cut = made(root, "rnd", 3, scored(1, 2, 3))
    cut.metrics_file.write_text(cut.metrics_file.read_text()[:-30])
    empty = made(root, "rnd", 4, scored(1))
    empty.metrics_file.write_text("")
    none = made(root, "rnd", 5, scored(1))
    none.metrics_file.unlink()
    lost = made(root, "ppo", 0, [{"loss/value": 1.0}] * 3)
    early = made(root, "ppo", 1, [{SCORE: 5.0}, *[{"loss/value": 1.0}] * 2])
    torn = made(root, "ppo", 2, scored(1))
    torn.metrics_file.write_text('{"steps"\n{}\n')
    other = made(root, "ppo", 3, scored(1))
    other.metrics_file.write_text('{"steps": 3}\n')
    broken = made(root, "ppo", 4, scored(1))
    broken.config_file.write_text("{")
    double = made(root, "rnd", 0, scored(9, 9, 9))

    result, text = quietly(tmp_path / "out", root, by=("curiosity",))
    [numbers] = result.numbers
    scores = {
        x.arm: dict(zip(x.seeds, x.scores, strict=True)) for x in numbers.arms_in_tasks
    }
    assert scores == {"Rnd": {"0": 9, "1": 3, "2": 3, "3": 2}, "no curiosity": {"1": 5}}
    assert numbers.pairs[0].probability.low is None
    said = "\n".join(result.notes)
    for run, message in (
        (torn, r"Line 1 of .* is damaged \(Exp"),
        (other, "is no row of metrics"),
        (broken, "not a JSON file"),
        (whole[0], "Left out: 1 run with the seed and settings"),
        (cut, r"\(200 of 300\)"),
        (empty, f"3 runs have no {SCORE}"),
        (none, f"3 runs have no {SCORE}"),
        (lost, f"3 runs have no {SCORE}"),
        (early, r"no value in the last part of .*\(at 100 env steps\)"),
    ):
        [note] = [x for x in result.notes if re.search(message, x)]
        assert run.path.name in note
    assert double.path.name not in said
    assert "Short of the budget of env steps: 3 runs" in said
    assert "env_steps" in {x.setting for x in result.differences}
    assert "note: " in text


def test_one_arm_one_seed(tmp_path: Path) -> None:
    made(tmp_path / "runs", "byol-explore", 0, scored(1, 2))
    result, text = quietly(tmp_path / "out", tmp_path / "runs")
    assert result.comparison.arms == ("byol-explore + PredictionError",)
    [numbers] = result.numbers
    assert numbers.pairs == ()
    assert numbers.arms_in_tasks[0].iqm.low is None
    assert "Fewer than 3 runs" in text
    assert (
        tmp_path / "out" / "improvement.csv"
    ).read_text().strip() == "format_version"


def test_results_files_are_a_source_of_their_own(tmp_path: Path) -> None:
    runs = []
    for kind, level in (("rnd", 0.5), ("ppo", 0.75)):
        for seed in range(3):
            run = made(tmp_path / "runs", kind, seed, [{}])
            runs.append(run.path)
            results = {"probe/accuracy": level + seed / 100, "probe/loss": 1 - seed}
            content = {"format_version": 1, "results": results}
            (run.path / "results.json").write_text(json.dumps(content))
    result, _ = quietly(tmp_path / "out", *runs)
    accuracy, loss = result.numbers
    assert (accuracy.metric, loss.metric) == ("probe/accuracy", "probe/loss")
    assert [x.iqm.value for x in accuracy.arms_in_tasks] == pytest.approx([0.51, 0.76])
    assert accuracy.arms_in_tasks[0].area is None
    assert accuracy.pairs[0].probability.value == 0
    drawn, _ = quietly(tmp_path / "out", *runs, metric=("probe/loss",), figures=True)
    assert {x.name for x in drawn.folder.glob("*.png")} == {
        "scores-probe-loss.png",
        "improvement-probe-loss.png",
    }
    (run.path / "results.json").write_text('{"format_version": 2, "results": {}}')
    again, _ = quietly(tmp_path / "out", tmp_path / "runs")
    assert any("format version 2" in x for x in again.notes)


def test_a_failure_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, out = grid(tmp_path / "runs", 1), tmp_path / "out"
    quietly(out, *runs, figures=True)
    before = {x.name: x.read_bytes() for x in out.iterdir()}

    def full(*_: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(import_module("experiments.report.report"), "to_html", full)
    with pytest.raises(OSError, match="No space"):
        quietly(out, *runs, metric=("time/frames",))
    assert {x.name: x.read_bytes() for x in out.iterdir()} == before


def test_text_cannot_break_the_pages(tmp_path: Path) -> None:
    runs = grid(tmp_path / "runs", 1)
    name = "<b>|[x](y)*_`"
    quietly(tmp_path / "out", *runs, rename=(f"Rnd={name}",))
    page = Outside()
    page.feed((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert name in page.cells
    text = (tmp_path / "out" / "report.md").read_text("utf-8")
    rows = [x for x in text.splitlines() if r"\<b\>\|\[x\](y)\*\_\`" in x]
    columns = [len(re.findall(r"(?<!\\)\|", x)) for x in rows if x.startswith("|")]
    # scores and all runs have eight columns, costs nine, tuning two, pairs five
    assert set(columns) == {9, 10, 3, 6}


def test_a_folder_that_cannot_be_written_to_is_told_with_the_flag(
    curious: Command, tmp_path: Path
) -> None:
    """Before any run is read."""
    (tmp_path / "file").touch()
    done = curious("report", str(tmp_path), "--out", str(tmp_path / "file" / "report"))
    assert done.code == 1
    assert "Nothing can be written to" in done.err
    assert "--out FOLDER" in done.err


def test_a_report_of_nothing_leaves_no_folder(curious: Command, tmp_path: Path) -> None:
    done = curious("report", str(tmp_path), "--out", str(tmp_path / "a" / "b"))
    assert done.code == 1
    assert list(tmp_path.iterdir()) == []
