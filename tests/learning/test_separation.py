"""What can be learned, told from what cannot: one seed of `docs/separation.py`."""

import json

import pytest
import torch

from tests.scripts import DOCS, script


def test_situations_are_what_they_are_called() -> None:
    module = script("separation")
    world = module.Situations(3)
    seen: dict[tuple[int, int], list[torch.Tensor]] = {}
    for _ in range(40):
        traj, group = world.draw(training=True)
        context = traj.vector[0, :, : module.CONTEXTS].argmax(-1)
        assert (context // 4 == group).all()
        assert not (group == 1).any()
        outcome = traj.vector[1, :, module.CONTEXTS :]
        torch.testing.assert_close(outcome.norm(dim=-1), torch.ones(module.BATCH))
        for c, a, y in zip(context, traj.action[0], outcome, strict=True):
            seen.setdefault((int(c), int(a)), []).append(y)
    for (c, _), outcomes in seen.items():
        kinds = len(torch.stack(outcomes).unique(dim=0))
        assert kinds == {0: 1, 2: min(8, kinds), 3: len(outcomes)}[c // 4]
    assert {c for c, _ in seen} == {0, 1, 2, 3, *range(8, 16)}
    groups = torch.cat([world.draw(training=False)[1] for _ in range(20)])
    assert (groups.bincount() > 500).all()


@pytest.mark.slow
def test_hindsight_pays_what_can_be_learned() -> None:
    module = script("separation")
    rows = {x["signal"]: x for x in module.measured(10)}
    assert rows["prediction error"]["ratio"] <= 1.5
    hindsight = rows["hindsight"]
    assert hindsight["ratio"] >= 5
    assert max(hindsight["nats, coin"], hindsight["nats, Gaussian"]) < 0.15
    assert hindsight["warnings"] == []
    [said] = rows["hindsight, co-minimised critic"]["warnings"]
    assert "must maximise" in said


def test_the_page_has_the_table() -> None:
    module = script("separation")
    rows = [json.loads(x) for x in module.RESULTS.read_text("utf-8").splitlines()]
    assert {x["seed"] for x in rows} == {10, 11, 12}
    page = (DOCS / "byol_hindsight.md").read_text("utf-8")
    assert "\n".join(module.table(rows)) in page
