"""The experiments that are prepared in docs/ run, end, and go on."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scripts import script


@pytest.fixture
def key_door(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = script("sb3_key_door")
    for name, value in {"NUM_ENVS": 4, "NUM_STEPS": 4, "KEEP_EVERY": 1}.items():
        monkeypatch.setattr(module, name, value)
    return module


@pytest.mark.filterwarnings("ignore:Nothing was paid")  # nor in so few steps
@pytest.mark.parametrize("arm", ["ppo", "ppo-rnd"])
def test_key_door_goes_on_where_it_was(
    key_door: Any, arm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    kept = key_door.Keeper.keep

    def killed(self: Any) -> None:
        kept(self)
        raise KilledError

    with monkeypatch.context() as until:
        until.setattr(key_door.Keeper, "keep", killed)
        with pytest.raises(KilledError):
            key_door.run(tmp_path, arm, 3, 48)
    told = json.loads((tmp_path / f"{arm}-3" / "told.json").read_text("utf-8"))
    assert (told["arm"], told["seed"], told["steps"]) == (arm, 3, 16)
    line = ["sb3_key_door.py", str(tmp_path), arm, "3", "--steps", "48"]
    monkeypatch.setattr(sys, "argv", line)
    key_door.main()
    key_door.main()  # it has ended
    [ended] = (tmp_path / "results.jsonl").read_text("utf-8").splitlines()
    assert json.loads(ended)["steps"] == 48
    assert json.loads(ended)["solved_at"] is None


def test_gamma_progress_with_dqn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script("sb3_attention")
    monkeypatch.setattr(module, "BEGINS", 40)
    out = tmp_path / "out.jsonl"
    line = ["sb3_attention.py", str(out), "3", "--steps", "100"]
    monkeypatch.setattr(sys, "argv", line)
    module.main()
    module.main()
    [told] = map(json.loads, out.read_text("utf-8").splitlines())
    assert list(told["shares"]) == list(module.WORLD.parts)
    each = zip(*told["shares"].values(), strict=True)
    assert all(sum(x) <= 1.01 for x in each)
