"""What docs/signals.md says of our signals beside public ones: as it was measured."""

import json
import sys
from collections import Counter, defaultdict

import pytest
import torch

from tests.scripts import DOCS, script
from world_models.trajectory import Trajectory

TOLD = json.loads((DOCS / "results" / "compare_signals.json").read_text("utf-8"))
SIGNALS = ["rnd", "icm", "disagreement", "ride", "ngu", "re3", "e3b", "counts"]


def test_the_page_has_the_table() -> None:
    page = (DOCS / "signals.md").read_text("utf-8").splitlines()
    rows = list(script("compare_signals").table(TOLD["signals"]))
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows


def test_every_signal_is_theirs_in_both_worlds_once_definitions_agree() -> None:
    for world in ("key-door", "MontezumaRevenge"):
        told = {x["signal"]: x for x in TOLD["signals"] if x["world"] == world}
        assert list(told) == SIGNALS
        for x in told.values():
            assert x["made_equal"]["relative"] < 5e-6
            assert x["made_equal"]["our_mean"] > 0


def made(first: list[list[bool]]) -> Trajectory:
    """Two envs, frames with their step's number, ends in front of first rows."""
    begins = torch.tensor(first)
    rows, envs = begins.shape
    obs = torch.arange(rows * envs, dtype=torch.uint8).view(rows, envs, 1, 1, 1)
    ended = torch.zeros(rows - 1, envs, dtype=torch.bool)
    ended[:-1] = begins[2:]
    nothing = torch.zeros(rows - 1, envs)
    return Trajectory(
        nothing.long(), nothing, ended, torch.zeros_like(ended), obs, begins
    )


TOGETHER = [[True, True], [False, False], [False, False], [True, True], [False, False]]


def test_transitions_have_no_joins_and_rows_have_ends() -> None:
    peer, traj = script("peers.rllte"), made(TOGETHER)
    seen = peer.transitions(traj)
    assert seen["observations"].flatten(1).tolist() == [[0, 1], [2, 3], [6, 7]]
    assert seen["next_observations"].flatten(1).tolist() == [[2, 3], [4, 5], [8, 9]]
    assert seen["terminateds"].tolist() == [[False] * 2, [True] * 2, [False] * 2]
    left = peer.rows_left(traj, 1)
    assert left["observations"][:, 0].flatten().tolist() == [2, 4, 6, 8]
    assert left["terminateds"][:, 0].tolist() == [False, True, False, False]


def test_episodes_that_end_apart_are_refused() -> None:
    apart = [[True, True], [False, False], [False, True], [False, False]]
    with pytest.raises(ValueError, match="must end together"):
        script("peers.rllte").transitions(made(apart))


def test_visits_are_counted_by_episode() -> None:
    traj = made(TOGETHER)
    traj.obs.fill_(7)
    counts: dict[int, Counter[bytes]] = defaultdict(Counter)
    visited = script("peers.signals").visited
    assert visited(traj, counts, 0) == [[2, 2], [3, 3], [1, 1], [2, 2]]
    traj.first.fill_(False)
    assert visited(traj, counts, 1) == [[3, 3], [4, 4], [5, 5], [6, 6]]


def test_gaps_are_of_our_largest_value() -> None:
    gap = script("peers.seen").Gap(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 3.0]))
    told = gap.told()
    assert (told["max_difference"], told["relative"]) == (1.0, 0.25)
    assert told["correlation"] == pytest.approx(1.0)


def test_who_has_nothing_to_compare_with_is_told_how(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rllte.xplore.reward", None)
    with pytest.raises(SystemExit, match=r"pip install --no-deps rllte-core==1\.0\.1"):
        script("peers.rllte").rewards()
