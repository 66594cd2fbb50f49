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
    assert best[1:] == ["0.8", "+0.400", "–", "+0.400", "0.4", "–", "–"]
    assert other[1:4] == ["0.6", "+0.100", "-0.300"]
    assert other[4:] == ["+0.300, -0.100", "0.4, 0.6", "-0.200, -0.400", "0.9, 0.9"]
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


def test_other_metrics_have_no_baselines(runs: Path, tmp_path: Path) -> None:
    result, _ = quietly(tmp_path / "out", runs, metric=("pixels/knn",))
    assert "learned nothing" not in (result.folder / "report.md").read_text()
