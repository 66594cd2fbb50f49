"""The tracker maze by name: seen as numbers, and what is logged of it."""

from collections.abc import Callable
from typing import Any

from envs.tiles.trackers.config import TrackerMazeConfig
from envs.tiles.trackers.world import EVENTS
from experiments.config.json import from_json, to_json
from experiments.runs.folder import RunFolder
from experiments.train.command import COMMAND
from tests.experiments.conftest import Command

Rows = Callable[[RunFolder], list[dict[str, Any]]]
WORLD = (
    *("--world", "tracker-maze", "--world.pixels", "0"),
    *("--world.max-episode-steps", "8"),
)


def test_movers_are_told_by_flags_and_kept_in_json() -> None:
    more = "--world.movers 8 --world.mover-rooms 1 4 --world.no-shared"
    config = COMMAND.read(
        ["byol-explore", "--encoder", "vector", *WORLD, *more.split()]
    )
    wanted = TrackerMazeConfig(8, (1, 4), False, pixels=0, max_episode_steps=8)
    assert config.world == wanted
    assert from_json(to_json(config)) == config


def test_a_run_logs_what_came_of_its_episodes(curious: Command, rows: Rows) -> None:
    done = curious(
        *("train", "byol-explore", *WORLD, "--encoder", "vector", "--size", "debug"),
        *("--core", "recurrent", "--num-envs", "4", "--agent.ppo.num-steps", "9"),
        *("--env-steps", "72", "--video-steps", "0", "--evaluate-every", "0"),
    )
    assert done.code == 0, done.err
    for row in rows(done.run):
        metrics = row["metrics"]
        assert metrics["episode/return"] == 0
        # Within 8 steps nobody comes to a tracker.
        assert [metrics["tally/rooms"], metrics["tally/trackers"]] == [1, 0]
        happened = {x for x in EVENTS if metrics[f"event/{x}/steps"] > 0}
        assert happened == {"bumped", "noop"}
