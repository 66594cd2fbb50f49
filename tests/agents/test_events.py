"""What happened, and what was paid for it."""

from typing import Any

import pytest
import torch

from agents.curiosity.signal import IntrinsicReward
from agents.events import PLAIN, of_events
from agents.ppo.agent import PpoAgent
from envs.counting import CountingState, CountingWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import FactSpec
from tests.agents.heard import Heard, HeardConfig
from tests.agents.small import SMALL, B, K, T
from world_models.presets import byol_explore

EVENTS = {"third": 3, "fifth": 5}


class Eventful(CountingWorld):
    """Counts, and says when a step can be divided by 3, and by 5."""

    facts = CountingWorld.facts | {
        name: FactSpec((), torch.bool, event=True) for name in EVENTS
    }

    def describe(self, state: CountingState) -> dict[str, Any]:
        there = {name: state.step % by == 0 for name, by in EVENTS.items()}
        return super().describe(state) | there


def test_shares_are_those_of_a_plain_loop() -> None:
    torch.manual_seed(0)
    valid = torch.rand(7, 5) < 0.8
    events = {"a": torch.rand(7, 5) < 0.3, "b": torch.rand(7, 5) < 0.4}
    paid = {
        name: IntrinsicReward(torch.randn(7, 5), torch.randn(7, 5)) for name in "xy"
    }
    told = of_events(paid, valid, events)
    steps = {name: 0 for name in ("a", "b", PLAIN)}
    sums: dict[tuple[str, str, str], float] = {}
    count = 0
    for t, b in valid.nonzero().tolist():
        count += 1
        here = [name for name, x in events.items() if x[t, b]] or [PLAIN]
        for name in here:
            steps[name] += 1
        for signal, x in paid.items():
            for what, value in (("bonus", x.reward[t, b]), ("raw", x.raw[t, b])):
                for name in ("all", *here):
                    key = name, what, signal
                    sums[key] = sums.get(key, 0.0) + abs(float(value))
    for name, number in steps.items():
        assert told[f"event/{name}/steps"].item() == pytest.approx(number / count)
        for signal in paid:
            for what in ("bonus", "raw"):
                want = sums[name, what, signal] / sums["all", what, signal]
                got = told[f"event/{name}/{what}/{signal}"].item()
                assert got == pytest.approx(want, rel=1e-5)
    assert len(told) == 3 * (1 + 2 * 2)


def test_where_nothing_is_paid_shares_are_zero() -> None:
    nothing = torch.zeros(2, 3)
    never = torch.zeros(2, 3, dtype=torch.bool)
    told = of_events({"x": IntrinsicReward(nothing, nothing)}, ~never, {"a": never})
    assert {k: float(x) for k, x in told.items() if x != 0} == {"event/plain/steps": 1}
    assert of_events({}, ~never, {}) == {}


def test_an_agent_tells_them_of_the_rows_that_its_rewards_led_to() -> None:
    env = NativeVectorEnv(Eventful(), B)
    agent = SMALL.build(env, byol_explore(horizon=K), HeardConfig(), 0)
    assert isinstance(agent, PpoAgent)
    agent.begin()
    report = agent.train_step()
    ((signal, heard),) = agent.signals.items()
    assert isinstance(heard.curiosity, Heard)
    scored = heard.curiosity.told[-1]
    raw = scored.known.arrival().masked_fill(~scored.valid, 0.0)
    # the step that a row shows is the reward of the transition into it
    step = scored.traj.reward
    assert step.shape == (T, B)
    for name, by in EVENTS.items():
        there = (step % by == 0) & scored.valid
        assert there.any()
        where = report.happened.events[name] & scored.valid
        assert torch.equal(where, there)
        share = raw[there].sum() / raw.sum()
        got = report.metrics[f"event/{name}/raw/{signal}"]
        torch.testing.assert_close(got, share)
        steps = there.sum() / scored.valid.sum()
        torch.testing.assert_close(report.metrics[f"event/{name}/steps"], steps)


def test_an_event_is_a_single_bool() -> None:
    with pytest.raises(ValueError, match="single bool"):
        FactSpec((), torch.int64, event=True)
    with pytest.raises(ValueError, match="single bool"):
        FactSpec((2,), torch.bool, event=True)
