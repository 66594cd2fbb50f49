"""Where a command is started: modules beside it, a notebook; endless worlds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

ENDLESS = """
import gymnasium, numpy as np
from gymnasium.spaces import Box, Discrete

class Endless(gymnasium.Env):
    observation_space, action_space = Box(0, 255, (36, 36, 3), np.uint8), Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros((36, 36, 3), np.uint8), {}

    def step(self, action):
        return np.full((36, 36, 3), 9, np.uint8), 1.0, False, False, {}

gymnasium.register("Endless-v0", Endless)
"""
GRID = '''
arguments = """
ppo --world gymnasium --world.id endless_envs:Endless-v0 --size debug
--num-envs 2 --agent.ppo.num-steps 10 --env-steps 20 --video-steps 0
--evaluate-every 20 --evaluate-episodes 2 --evaluate-max-steps 5
"""
'''


def test_a_cell_finds_envs_of_this_folder_under_a_notebook_and_evaluates_endless_ones(
    curious: Command,
    importable: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The cell is a process of its own, of the installed command."""
    importable("endless_envs", ENDLESS)
    (tmp_path / "grid.toml").write_text(GRID)
    monkeypatch.setenv("MPLBACKEND", "module://not_there.backend_inline")
    done = curious("sweep", "grid.toml", "--out", "swept", "--retries", "0")
    [log] = Path("swept").glob("cells/*/log.txt")
    assert done.code == 0, log.read_text()
    assert "episodes cut off, last evaluation │" in log.read_text()
    [run] = [x.parent for x in Path("swept").glob("cells/*/*/config.json")]
    assert '"evaluate/return_mean": 5.0' in (run / "metrics.jsonl").read_text()
