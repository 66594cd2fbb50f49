"""From the sweep `social-room` to the tables of its page."""

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import main
from experiments.sweep.grid import read_grid
from tests.scripts import DOCS, script

ROOT = Path(__file__).parents[1]
GRID = ROOT / "experiments" / "sweep" / "grids" / "social-room.toml"
SHORT = """
command = "train"
seeds = [3]
arguments = '''
--world social-room --world.pixels 0 --world.coordinates --model grouped
--encoder objects --core history --agent.study.learning-starts 80
--agent.extrinsic.weight 0 --num-envs 1 --env-steps 160 --evaluate-every 80
--evaluate-episodes 0 --watch-steps 10 --checkpoint-every 160 --video-steps 0
'''
[axes.signal]
random = "ppo --policy random"
"""


def run(signal: str, seed: int, loss: float, noise: float) -> dict[str, Any]:
    rest = (1 - noise) / 3
    shares = {"reaching": rest, "static": rest, "periodic": rest, "noise": noise}
    return {
        **{"company": "mixture", "animate": "reaching", "signal": signal},
        **{"seed": seed, "env_steps": 2_400},
        **{f"watched/{x}": loss for x in shares},
        **{f"share/in_view/{x}": share for x, share in shares.items()},
        "over_time": {x: [share] * 18 + [2 * share] * 6 for x, share in shares.items()},
    }


def test_a_line_has_the_shares_of_all_groups_over_time(tmp_path: Path) -> None:
    grid, out = tmp_path / "grid.toml", tmp_path / "sweep"
    grid.write_text(SHORT)
    assert main(["sweep", str(grid), "--out", str(out), "--processes", "1"]) == 0
    [line] = script("collect_social_room").collected(out)
    shares = line["over_time"]
    assert set(shares) == {"reaching", "static", "periodic", "noise"}
    assert all(len(x) == 24 for x in shares.values())
    assert shares["reaching"] == line["animate_share"]
    for parts in zip(*shares.values(), strict=True):
        assert sum(parts) == pytest.approx(1, abs=1e-3)
    assert line["company"] == "mixture"
    assert line["signal"] == "random"


def test_tables_of_numbers_that_are_known(tmp_path: Path) -> None:
    file = tmp_path / "social_room.jsonl"
    lines = [
        *[run("random", seed, 0.8, 0.25) for seed in (1, 2)],
        *[run("dwell", seed, 0.4, 0.25) for seed in (1, 2)],
        *[run("gamma", seed, 0.2 * seed, 0.1) for seed in (1, 2)],
        run("error-pixels", 1, 5.0, 0.7),
        *[run("ppo-none", seed, 0.3, 0.25) for seed in (1, 2)],
        run("ppo-gamma", 2, 0.6, 0.1),
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    made = dict(script("social_room_tables").tables(file))
    dqn = made["DQN and scripted gazes"][2:]
    assert dqn[0] == "| γ-Progress, from pixels | 4.00, 2.00 | 2.83 | 0.30 | 0.10 |"
    assert dqn[1] == "| prediction error, of coordinates | – | – | – | – |"
    assert dqn[2].startswith("| random | 1.00, 1.00 |")
    assert made["PPO"][2].startswith("| PPO, γ-Progress, from pixels | 0.50 |")
    shares = made["Shares over time"]
    assert shares[0] == "| | reaching | static | periodic | noise |"
    # quarters of the run, of which the last has twice as much
    assert shares[2].endswith("| 0.10, 0.10, 0.10, 0.20 |")
    losses = made["Losses by group"]
    assert "| prediction error, from pixels | 5 | 5 | 5 | 5 |" in losses
    gates = made["Gates"]
    verdicts = {x.split("|")[2].strip(): x.split("|")[-2].strip() for x in gates[2:]}
    assert verdicts["γ over dwell"] == "pass"  # 2.83 over 2
    assert verdicts["γ over random, worst seed"] == "pass"
    assert verdicts["PPO: γ over nothing paid, worst seed"] == "FAIL"
    assert verdicts["share on noise, prediction error, from pixels"] == "pass"
    assert verdicts["share on noise, prediction error, of coordinates"] == "not run"


def test_the_grid_is_what_the_tables_have_rows_for() -> None:
    tables = script("social_room_tables")
    arms = read_grid(GRID).axes["signal"]
    assert set(arms) == {*tables.DQN, *tables.PPO, *tables.OWN}


def test_the_page_has_the_tables_of_what_was_run() -> None:
    tables = script("social_room_tables")
    page = (DOCS / "social_room.md").read_text().splitlines()
    for heading, rows in tables.tables():
        found = [i for i in range(len(page)) if page[i : i + len(rows)] == rows]
        assert len(found) == 1, heading
