"""Probes beside those of what learned nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.report.baselines import baseline_margins
from tests.experiments.report.test_report import made, quietly, scored


def probed(
    root: Path, preset: str, seed: int, num_envs: int = 8, **results: float
) -> None:
    run = made(root, preset, seed, scored(0), num_envs=num_envs)
    named = {name.replace("_", "/"): x for name, x in results.items()}
    content = {"format_version": 1, "results": named}
    (run.path / "results.json").write_text(json.dumps(content))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    probed(root, "ppo", 1, probe_knn=0.5, random_knn=0.6, pixels_knn=0.9)
    probed(root, "ppo", 0, probe_knn=0.7, random_knn=0.4, pixels_knn=0.9)
    probed(root, "rnd", 0, probe_knn=0.8, random_knn=0.4)
    return root


def test_margins_are_of_the_same_seed_and_the_best_comes_first(
    runs: Path, tmp_path: Path
) -> None:
    result, printed = quietly(tmp_path / "out", runs, metric=("probe/knn",))
    page = (result.folder / "report.md").read_text()
    table = [x for x in page.split("beside what learned nothing")[1].splitlines()][4:8]
    head, _, best, other = [[y.strip() for y in x.split("|")[2:-1]] for x in table]
    assert head[:4] == ["arm", "mean", "over random", "over pixels"]
    assert head[4:6] == ["random", "pixels"]
    assert best[1:] == ["0.8", "+0.400", "–", "0.4", "–", "+0.400", "0.4", "–", "–"]
    assert other[1:6] == ["0.6", "+0.100", "-0.300", "0.5", "0.9"]
    assert other[6:] == ["+0.300, -0.100", "0.4, 0.6", "-0.200, -0.400", "0.9, 0.9"]
    assert "over random" in printed


def test_every_run_of_a_seed_has_a_margin_of_its_own(
    runs: Path, tmp_path: Path
) -> None:
    """Runs of one arm that differ in what is not compared."""
    probed(runs, "rnd", 0, num_envs=16, probe_knn=0.3, random_knn=0.2)
    result, _ = quietly(
        tmp_path / "out", runs, by=("curiosity",), metric=("probe/knn",)
    )
    [both] = [
        x
        for x in result.numbers[0].arms_in_tasks
        if len(x.scores) == 2 and 0.8 in x.scores
    ]
    found = baseline_margins(result.comparison, result.numbers[0], both, "random")
    assert found is not None
    assert sorted(found.margins) == pytest.approx([0.1, 0.4])
    assert sorted(found.values) == pytest.approx([0.2, 0.4])
    scaled = replace(result.numbers[0], normalized=True)
    assert baseline_margins(result.comparison, scaled, both, "random") is None


def test_evaluations_stand_beside_random_play_seed_by_seed(tmp_path: Path) -> None:
    root, rooms = tmp_path / "runs", (2.5, 3.0, 4.0)
    for seed, mine in enumerate(rooms):
        theirs = 1.0 + seed / 4
        first = {"evaluate/rooms_per_episode": 9.0, "random/rooms_per_episode": theirs}
        last = {**first, "evaluate/rooms_per_episode": mine}
        made(root, "ppo", seed, [first, *[{}] * 18, last])
    name = "evaluate/rooms_per_episode"
    result, printed = quietly(tmp_path / "out", root, metric=(name,))
    [arm] = result.numbers[0].arms_in_tasks
    found = baseline_margins(result.comparison, result.numbers[0], arm, "random")
    assert found is not None
    assert found.values == (1.0, 1.25, 1.5)
    assert found.margins == (1.5, 1.75, 2.5)
    assert found.margin.value == pytest.approx(5.75 / 3)
    # Of three runs the lowest mean, the same run thrice, is drawn once in 27 times.
    assert (found.margin.low, found.margin.high) == (1.5, 2.5)
    page = (result.folder / "report.md").read_text()
    row = page.split("beside what learned nothing")[1].splitlines()[6]
    row = row.replace("\\", "")
    assert [x.strip() for x in row.split("|")[3:6]] == [
        "3.167 [2.5, 4]",
        "+1.917 [+1.500, +2.500]",
        "1.25 [1, 1.5]",
    ]
    assert "random: as many episodes of uniformly random play" in page
    assert "over random" in printed
    assert baseline_margins(result.comparison, result.numbers[0], arm, "pixels") is None


def test_other_metrics_have_no_baselines(runs: Path, tmp_path: Path) -> None:
    result, _ = quietly(tmp_path / "out", runs, metric=("pixels/knn",))
    assert "learned nothing" not in (result.folder / "report.md").read_text()
