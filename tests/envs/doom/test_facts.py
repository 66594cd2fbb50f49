"""What is told of a player, from where it is; without an engine."""

import torch

from envs.doom.facts import fact_specs, tell
from envs.doom.floor_plan import FloorPlan
from tests.envs.doom.test_floor_plan import text


def test_facts_follow_from_place_and_angle() -> None:
    plan = FloorPlan(text())
    known = {
        "place": torch.tensor([[383.0, 5.0], [31.0, 70.0]]),
        "angle": torch.tensor([90.0, 180.0]),
        "found": torch.tensor([1, 0]),
    }
    facts = tell(plan, known, fact_specs(plan, colour=False, overview=False))
    assert facts["x"].tolist() == [11, 0]  # tiles of 32 units
    assert facts["y"].tolist() == [0, 2]
    assert facts["room"].tolist() == [1, 0]
    assert facts["found"].tolist() == [1, 0]
    facing = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    torch.testing.assert_close(facts["facing"], facing, atol=1e-6, rtol=0)
    for name in ("place", "angle"):
        assert torch.equal(facts[name], known[name])
