"""What arms do to an encoder, and from a cell to the tables."""

from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.atari_ari.arms import Supervised, window
from experiments.atari_ari.cell import Budget, run_cell
from experiments.atari_ari.protocol import encoding, read_labels, sides
from experiments.atari_ari.table import ARMS
from ssl_objectives.encoders.ari_cnn import AriCnnConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.learn.optimizer import AdamWConfig
from tests.experiments.atari_ari.screens import squares
from tests.scripts import script
from world_models.probing.softmax import Majority, Softmax

FRAMES = squares(12, 20)


def encoder() -> Encoder:
    torch.manual_seed(0)
    return AriCnnConfig(24, precision=Precision.FLOAT32).build((1, 84, 84))


def trained(arm: str, seed: int = 0) -> dict[str, torch.Tensor]:
    made = encoder()
    ARMS[arm].train(made, FRAMES, 2, seed)
    return made.state_dict()


@pytest.mark.parametrize("arm", ARMS)
def test_arms_train_the_whole_encoder_and_repeat(arm: str) -> None:
    before, after, again = encoder().state_dict(), trained(arm), trained(arm)
    same = [torch.equal(before[k], after[k]) for k in before]
    assert all(same) if arm == "random" else not any(same)
    assert all(torch.equal(after[k], again[k]) for k in after)


def test_windows_have_the_actions_between_their_frames() -> None:
    begin = torch.tensor([0, 21])
    traj = window(FRAMES, begin, 4)
    for b, start in enumerate(begin.tolist()):
        assert torch.equal(traj.obs[:, b], FRAMES.obs[start : start + 5])
        assert torch.equal(traj.action[:, b], FRAMES.action[start + 1 : start + 5])
    assert traj.valid.all()
    assert traj.first[0].all()


def test_the_supervised_arm_learns_what_it_is_told() -> None:
    frames = squares(60, 20, seed=1)
    parts = sides(frames, 0)
    made = encoder()
    before = read_labels(encoding(made), parts, Majority()).mean
    arm = Supervised(optimizer=AdamWConfig(learning_rate=2e-3))
    arm.train(made, parts.train, 40, 0)
    assert read_labels(encoding(made), parts, Softmax(epochs=5)).mean > before + 0.3


@pytest.mark.slow
def test_cells_become_tables_and_are_not_run_twice(tmp_path: Path) -> None:
    budget = Budget(1_100, 1_400, 2, (84, 84))
    lines: list[dict[str, Any]] = [
        run_cell("pong", arm, 0, budget) for arm in ("majority", "random", "st-dim")
    ]
    ari = script("atari_ari")
    assert {x["arm"]: x["steps"] for x in lines} == {
        "majority": 0,
        "random": 0,
        "st-dim": 2,
    }
    left = ari.cells(("pong",), ("majority", "random", "byol"), (0, 1), lines)
    assert set(left) == {
        ("pong", "byol", 0),
        *(("pong", x, 1) for x in ("majority", "random", "byol")),
    }
    table = list(ari.table(lines))
    assert table[0] == "| game | majority | random CNN | ST-DIM |"
    assert table[3] == "| pong, the paper's | .10 | .17 | .81 |"
    assert len(list(ari.by_category(lines))) == 2 + len(lines[0]["categories"])


def test_the_table_is_the_mean_over_seeds() -> None:
    ari = script("atari_ari")
    lines = [
        {
            "game": "pong",
            "arm": "cpc",
            "seed": seed,
            "f1": f1,
            "categories": {"agent": f1},
            "scaled_f1": 2 * f1,
        }
        for seed, f1 in ((0, 0.25), (1, 0.5))
    ]
    assert list(ari.table(lines))[2:5] == [
        "| pong | .38 |",
        "| pong, the paper's | .71 |",
        "| pong, common scale | .75 |",
    ]
    assert list(ari.by_category(lines))[2:] == ["| pong | agent | .38 |"]
