"""What presets stand for, number by number, in `golden_presets.json` beside this file.

A change of a default is a change of everybody's results: it is to be seen, and meant.
What presets of PPO have in common is written once, and what others have in common.
`python tests/experiments/train/test_golden_presets.py` writes the file anew.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.config.json import to_json
from experiments.train.presets import train_config

GOLDEN = Path(__file__).parent / "golden_presets.json"
PPO = [
    (preset, size, world, "ppo")
    for preset in ("byol-explore", "byol-hindsight", "rnd", "ppo")
    for size in ("debug", "laptop", "gpu")
    for world in ("atari", "pixel-maze", "key-door", "gymnasium")
]
APART = [
    (preset, size, "key-door", policy)
    for preset in ("byol-explore", "rnd")
    for size in ("debug", "laptop", "gpu")
    for policy in ("dqn", "dwell")
]
GROUPS = {"ppo": PPO, "apart": APART}
CHOSEN = [*PPO, *APART]


def flat(node: Any, path: str = "") -> dict[str, Any]:
    """A tree as one value a path."""
    if isinstance(node, list) and node and isinstance(node[0], dict):
        node = {str(i): x for i, x in enumerate(node)}
    if not isinstance(node, dict):
        return {path: node}
    found: dict[str, Any] = {}
    for name, value in node.items():
        found |= flat(value, f"{path}.{name}" if path else name)
    return found


def numbers(preset: str, size: str, world: str, policy: str) -> dict[str, Any]:
    config = train_config(preset, size, world, policy=policy)
    return {k: x for k, x in flat(to_json(config)).items() if k != "runs"}


def name(preset: str, size: str, world: str, policy: str) -> str:
    return f"{preset} {size} {world}" + ("" if policy == "ppo" else f" {policy}")


@pytest.mark.parametrize(("preset", "size", "world", "policy"), CHOSEN)
def test_presets_are_as_they_were(
    preset: str, size: str, world: str, policy: str
) -> None:
    written = json.loads(GOLDEN.read_text("utf-8"))
    group = "ppo" if policy == "ppo" else "apart"
    want = written[group] | written[name(preset, size, world, policy)]
    got = numbers(preset, size, world, policy)
    changed = {k: (want.get(k), got.get(k)) for k in {*want, *got}}
    assert not {k: x for k, x in changed.items() if x[0] != x[1]}


def test_streams_have_discounts_and_episodes_of_their_own() -> None:
    """The figures that decide what curiosity is for, where a person can read them."""
    for preset, size, world, policy in CHOSEN:
        agent = train_config(preset, size, world, policy=policy).agent
        discount = 0.99 if world == "gymnasium" else 0.999
        assert (agent.extrinsic.discount, agent.extrinsic.episodic) == (discount, True)
        assert (agent.intrinsic.discount, agent.intrinsic.episodic) == (0.99, False)
        assert agent.extrinsic.clip == {"atari": 1.0, "gymnasium": 10.0}.get(world)
        assert agent.extrinsic.normalize is (world == "gymnasium")


def write() -> None:
    written = {}
    for group, chosen in GROUPS.items():
        every = {name(*x): numbers(*x) for x in chosen}
        [one, *rest] = every.values()
        common = {
            k: v for k, v in one.items() if all(k in x and x[k] == v for x in rest)
        }
        written[group] = common
        for n, x in every.items():
            written[n] = {k: v for k, v in x.items() if k not in common}
    text = json.dumps(written, indent=1, sort_keys=True)
    GOLDEN.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    write()
