"""From a sweep in the attention world to the tables and the figure of the docs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from experiments.cli import main
from tests.scripts import script

ROOT = Path(__file__).parents[1]
GRID = """
command = "train"
seeds = [3, 4]
arguments = '''
--world attention --world.pixels 0 --model grouped --encoder objects --core history
--agent.study.burn-in 3 --agent.study.learning-starts 80 --agent.extrinsic.weight 0
--num-envs 1 --env-steps 240 --evaluate-every 80 --evaluate-episodes 0
--watch-steps 20 --checkpoint-every 240 --video-steps 0
'''
[axes.company]
mixture = "--world.company mixture"
[axes.animate]
chasing = "--world.animate chasing"
[axes.signal]
random = "ppo --policy random"
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of a random gaze, really run."""
    folder = tmp_path_factory.mktemp("attention")
    grid = folder / "grid.toml"
    grid.write_text(GRID)
    out = folder / "sweep"
    assert main(["sweep", str(grid), "--out", str(out), "--processes", "1"]) == 0
    return out


def test_a_line_is_what_the_run_has_logged(sweep: Path) -> None:
    lines = list(script("collect_attention").collected(sweep))
    assert [x["seed"] for x in lines] == [3, 4]
    for line in lines:
        cell = sweep / "cells" / f"mixture+chasing+random+s{line['seed']}"
        [file] = cell.glob("*/metrics.jsonl")
        rows = [json.loads(x) for x in file.read_text().splitlines()]
        named = {k: line[k] for k in ("company", "animate", "signal", "env_steps")}
        steps = rows[-1]["steps"]
        assert named == {
            **{"company": "mixture", "animate": "chasing", "signal": "random"},
            "env_steps": steps,
        }
        late = [x["metrics"] for x in rows if x["steps"] > 0.25 * steps]
        for group in ("chasing", "static", "periodic", "noise"):
            share = np.mean([x[f"share/in_view/{group}"] for x in late])
            assert line[f"share/in_view/{group}"] == pytest.approx(share, rel=1e-3)
            last = rows[-1]["metrics"][f"watched/{group}"]
            assert line[f"watched/{group}"] == pytest.approx(last, rel=1e-3)
        assert line["loss_steps"] == [x["steps"] for x in rows if "watched" in str(x)]
        assert len(line["loss_steps"]) == 3
        assert line["animate_loss"][-1] == line["watched/chasing"]
        assert line["seconds"] == pytest.approx(rows[-1]["wall_time"], abs=0.1)
        assert len(line["commit"]) >= 4


def test_the_curve_has_24_parts_of_which_none_is_lost() -> None:
    collect = script("collect_attention")
    steps = np.arange(1, 481) * 25.0
    values = np.where(steps > 6000, 1.0, 0.0)
    assert collect.binned(steps, values) == [0.0] * 12 + [1.0] * 12
    rough = np.random.default_rng(0).random(480)
    assert np.mean(collect.binned(steps, rough)) == pytest.approx(rough.mean(), 1e-3)


def test_a_part_without_a_rollout_is_on_the_line_between(sweep: Path) -> None:
    """240 env steps are six rollouts, fewer than parts."""
    for line in script("collect_attention").collected(sweep):
        assert len(line["animate_share"]) == 24
        assert np.isfinite(line["animate_share"]).all()


def test_what_is_not_finished_is_left_out_and_said(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "sweep"
    for file in sweep.rglob("*"):
        if file.suffix in (".json", ".jsonl") and "+s4" not in str(file):
            target = copy / file.relative_to(sweep)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    [metrics] = copy.rglob("metrics.jsonl")
    rows = metrics.read_text().splitlines(keepends=True)
    metrics.write_text("".join(rows[:2]))
    assert list(script("collect_attention").collected(copy)) == []
    said = capsys.readouterr().err
    assert "s3 has made 80 of 240 steps" in said
    assert "s4 has not begun" in said


LOSS = {"gamma": 0.1, "delta": 0.2, "dwell": 0.25, "error": 0.5, "disagreement": 0.5}
ANIMATE = {"gamma": 0.7, "delta": 0.3, "error": 0.01, "disagreement": 0.02}


def lines(**changes: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """A grid in which all gates pass; random's loss is 0.4, so γ's score is 4."""
    every = []
    names = ("gamma", "delta", "rnd", "disagreement", "error", "random", "dwell")
    for company in ("noise", "mixture"):
        for animate in ("reaching", "chasing"):
            for signal in (*names, "gamma-98"):
                for seed in (5, 10):
                    own = ANIMATE.get(signal, 0.25 if seed == 5 else 0.31)
                    noises = ["noise", "noise-2", "noise-3"]
                    others = ["static", "periodic", "noise"]
                    rest = noises if company == "noise" else others
                    loss = LOSS.get(signal, 0.4) * (2 if seed == 5 else 1)
                    line = {
                        **{"company": company, "animate": animate, "signal": signal},
                        "seed": seed,
                        "env_steps": 2400,
                        f"watched/{animate}": loss,
                        f"share/in_view/{animate}": own,
                        **{f"share/in_view/{x}": (1 - own) / 3 for x in rest},
                        "animate_share": [own] * 24,
                        "loss_steps": [1200, 2400],
                        "animate_loss": [2 * loss, loss],
                    }
                    if signal.replace("-", "_") in changes:
                        changes[signal.replace("-", "_")](line)
                    every.append(line)
    return every[::-1]  # in no order


def test_scores_pair_seeds_and_shares_are_means() -> None:
    tables = script("attention_tables")

    def uneven(line: dict[str, Any]) -> None:
        if line["seed"] == 10:
            line[f"watched/{line['animate']}"] /= 4

    results = tables.Results(tuple(lines(gamma=uneven)))
    head, rule, gamma, delta, *_ = tables.score_table(results, ("mixture", "chasing"))
    assert head.count("|") == rule.count("|") == gamma.count("|") == 6
    # the random gaze's loss is doubled at seed 5, and that of everybody else
    assert gamma == "| γ-Progress | 4.00, 16.00 | 8.00 | 0.70 | 0.10 |"
    assert delta == "| δ-Progress | 2.00, 2.00 | 2.00 | 0.30 | 0.23 |"
    [noisy] = [
        x
        for x in tables.score_table(results, ("noise", "reaching"))
        if x.startswith("| prediction")
    ]
    assert noisy == "| prediction error | 0.80, 0.80 | 0.80 | 0.01 | 0.99 |"


def test_arms_and_seeds_that_were_not_run_are_dashes() -> None:
    tables = script("attention_tables")
    some = [x for x in lines() if (x["signal"], x["seed"]) != ("random", 5)]
    some = [x for x in some if x["signal"] != "rnd"]
    results = tables.Results(tuple(some))
    rows = list(tables.score_table(results, ("noise", "reaching")))
    assert "| RND | – | – | – | – |" in rows
    assert "| γ-Progress | 4.00 | 4.00 | 0.70 | 0.30 |" in rows
    assert "| γ-Progress | – | – |" in list(tables.failure_table(results))
    none = list(tables.gates(tables.Results(())))
    assert {x.verdict for x in none} == {"not run"}
    with pytest.raises(AssertionError, match="there twice"):
        tables.Results((*some, some[0]))


def test_failures_are_counted_by_distance_from_the_random_gaze() -> None:
    """Random's preferences are 1 and 1.35 (shares .25 and .31): 2 s.d. are .49."""
    tables = script("attention_tables")
    random = [0.25 / 0.25, 0.31 / 0.23]
    far = 2 * float(np.std(random, ddof=1))
    low, high = sum(random) / 2 - far, sum(random) / 2 + far

    def preferring(number: float) -> Callable[[dict[str, Any]], None]:
        def change(line: dict[str, Any]) -> None:
            share = number / (3 + number)
            for name in [x for x in line if x.startswith("share/")]:
                animate = name.endswith(line["animate"])
                line[name] = share if animate else (1 - share) / 3

        return change

    for number, near, below in (
        (low - 0.01, 0, 4),
        (low + 0.01, 4, 0),
        (high - 0.01, 4, 0),
        (high + 0.01, 0, 0),
    ):
        changed = tables.Results(tuple(lines(rnd=preferring(number))))
        rows = list(tables.failure_table(changed))
        assert f"| RND | {near} of 4 | {below} of 4 |" in rows
        assert "| γ-Progress | 0 of 4 | 0 of 4 |" in rows
        assert "| prediction error | 0 of 4 | 4 of 4 |" in rows


def failing(every: list[dict[str, Any]]) -> set[str]:
    tables = script("attention_tables")
    found = list(tables.gates(tables.Results(tuple(every))))
    assert len(found) == 22
    return {f"{tables.title(x.world)}: {x.about}" for x in found if x.verdict == "FAIL"}


def test_gates_pass_and_fail_where_they_should() -> None:
    assert failing(lines()) == set()

    def scaled(factor: float, of: int = 0) -> Callable[[dict[str, Any]], None]:
        def change(line: dict[str, Any]) -> None:
            if line["seed"] >= of:
                line[f"watched/{line['animate']}"] *= factor

        return change

    def looked(share: float) -> Callable[[dict[str, Any]], None]:
        def change(line: dict[str, Any]) -> None:
            line[f"share/in_view/{line['animate']}"] = share

        return change

    both = ("Noise, reaching: ", "Mixture, reaching: ")
    chasing = ("Noise, chasing: ", "Mixture, chasing: ")
    assert failing(lines(gamma=scaled(1.7))) == {  # scores of 2.35, δ's and dwell's
        *(f"{x}γ" for x in both),  # stay 2 and 1.6
        "Noise, reaching: γ over δ-Progress",
    }
    assert failing(lines(gamma=scaled(2.3, of=10))) == {  # 4 and 1.74
        f"{x}γ, worst seed" for x in both
    }
    assert failing(lines(dwell=scaled(0.5))) == {  # 3.2
        "Mixture, reaching: γ over dwell"
    }
    assert failing(lines(error=scaled(0.95))) == {f"{x}prediction error" for x in both}
    assert failing(lines(error=scaled(0.9))) == {
        f"{x}prediction error" for x in (*both, *chasing)
    }
    assert failing(lines(disagreement=scaled(0.95))) == {
        f"{x}disagreement" for x in both
    }
    assert failing(lines(gamma_98=scaled(0.6))) == {f"{x}γ = 0.98" for x in both}
    assert failing(lines(gamma=looked(0.59), error=looked(0.06))) == {
        f"{x}share on animate, {y}"
        for x in both
        for y in ("γ-Progress", "prediction error")
    }


def test_the_figure_shows_the_shares(tmp_path: Path) -> None:
    figure = script("attention_progress_figure")
    results, image = tmp_path / "attention.jsonl", tmp_path / "figure.png"

    results.write_text("\n".join(map(json.dumps, lines())))
    figure.main(results, image)
    pixels = matplotlib.image.imread(image)[..., :3]
    strong = np.abs(pixels - [0.835, 0.369, 0.0]).max(-1) < 0.02
    width = pixels.shape[1] // 4  # of a panel, about
    gamma, error, random = (strong[:, i * width :][:, :width].mean() for i in range(3))
    assert gamma > 1.8 * random > 3 * error
    assert 0.2 < (pixels.min(-1) < 0.95).mean() < 0.9


def test_the_page_has_the_tables() -> None:
    tables = script("attention_tables")
    page = (ROOT / "docs/gamma_progress.md").read_text().splitlines()
    results = tables.read()
    for rows in (
        *(
            list(tables.score_table(results, (company, animate)))
            for company in tables.COMPANIES
            for animate in tables.ANIMATES
        ),
        list(tables.failure_table(results)),
    ):
        begins = [i for i, x in enumerate(page) if page[i : i + len(rows)] == rows]
        assert len(begins) == 1, rows
    assert {x.verdict for x in tables.gates(results)} <= {"pass", "FAIL"}
