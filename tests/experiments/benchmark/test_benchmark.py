import json
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

from envs.atari.native import AtariConfig
from experiments.benchmark.agents import AgentArm
from experiments.benchmark.benchmark import benchmark
from experiments.benchmark.command import run
from experiments.benchmark.config import (
    ArmName,
    BenchmarkConfig,
    Network,
    Sb3Envs,
    Suite,
)
from experiments.benchmark.plan import Plan
from experiments.benchmark.results import curiosity_cost
from experiments.benchmark.sb3 import Sb3Arm
from experiments.benchmark.timing import (
    WARM_UP,
    Arm,
    Split,
    Spread,
    Timing,
    by_cpu_time,
    measure,
    order,
    ratio,
    seconds_left,
    summarise,
    update_seconds,
)
from experiments.config.command_line import HelpAsked
from ssl_objectives.refusal import ConfigError

SMALL = BenchmarkConfig(
    rounds=2,
    num_envs=2,
    num_steps=8,
    epochs=2,
    minibatches=2,
    sb3_envs=Sb3Envs.DUMMY,
    device="cpu",
)


class Counter(Arm):
    """Writes down when it is called."""

    about, units = "counts", 10

    def __init__(self, name: str, calls: list[str]) -> None:
        self.name, self.calls = name, calls

    def update(self) -> Split:
        self.calls.append(self.name)
        return Split(0.25, 0.75)


def timing(number: int, arm: str, seconds: float, updates: int = 1) -> Timing:
    return Timing(
        number, 0, arm, updates, 100 * updates, seconds, 2 * seconds, None, None
    )


def test_every_arm_runs_once_in_each_round() -> None:
    calls: list[str] = []
    arms = [Counter(x, calls) for x in "abc"]
    seen = list(measure(arms, rounds=4, updates=2, warm_up=1, device=CPU))
    assert "".join(calls) == "abc" + "aabbcc" + "aaccbb" + "ccaabb" + "ccbbaa"
    assert [x.round for x in seen] == [r for r in range(5) for _ in range(3)]
    assert [x.position for x in seen] == [0, 1, 2] * 5
    late = seen[-1]
    assert (late.units, late.updates) == (20, 2)
    assert (late.rollout_seconds, late.learning_seconds) == (0.5, 1.5)


def test_orders_give_each_arm_each_place() -> None:
    orders = [order(3, number) for number in range(1, 7)]
    assert all(sorted(x) == [0, 1, 2] for x in orders)
    for arm in range(3):
        assert {x.index(arm) for x in orders} == {0, 1, 2}
    followers = {(x[i], x[i + 1]) for x in orders for i in range(2)}
    assert len(followers) == 6


def test_time_that_passes_is_measured() -> None:
    class Sleeper(Counter):
        def update(self) -> Split:
            time.sleep(0.02)
            return super().update()

    (seen,) = measure([Sleeper("s", [])], rounds=1, updates=2, warm_up=0, device=CPU)
    assert seen.seconds >= 0.04
    assert seen.cpu_seconds < seen.seconds / 2  # who sleeps does not work


def test_work_is_measured_in_cpu_time_too() -> None:
    class Worker(Counter):
        def update(self) -> Split:
            begin = time.process_time()
            while time.process_time() < begin + 0.05:
                pass
            return super().update()

    (seen,) = measure([Worker("w", [])], rounds=1, updates=2, warm_up=0, device=CPU)
    assert 0.1 <= seen.cpu_seconds < 0.2
    (told,) = by_cpu_time([seen])
    assert told.seconds == seen.cpu_seconds
    assert (told.arm, told.units) == ("w", 20)


def test_summary_takes_ratios_within_rounds() -> None:
    timings = [
        timing(WARM_UP, "sb3", 1000.0),
        timing(WARM_UP, "ppo", 1000.0),
        timing(1, "sb3", 10.0),
        timing(1, "ppo", 5.0),
        timing(2, "ppo", 2.0),  # a fast moment of the machine, for both
        timing(2, "sb3", 6.0),
        timing(3, "sb3", 20.0),
        timing(3, "ppo", 5.0),
    ]
    found = summarise(timings, {"sb3": "sb3", "ppo": "sb3"}, "sb3")
    assert found["sb3"].speed == Spread(10.0, 5.0, 100 / 6, (10.0, 100 / 6, 5.0))
    assert found["ppo"].speed.median == 20.0
    ratios = found["ppo"].ratio
    assert ratios is not None
    assert ratios.rounds == pytest.approx((2.0, 3.0, 4.0))
    assert (ratios.median, ratios.low, ratios.high) == pytest.approx((3.0, 2.0, 4.0))
    assert found["sb3"].ratio == Spread(1.0, 1.0, 1.0, (1.0, 1.0, 1.0))
    assert found["ppo"].share == ratios
    assert found["ppo"].rollout is None
    assert summarise(timings, {}, None)["ppo"].ratio is None


def test_costs_are_of_one_update() -> None:
    timings = [
        timing(1, "rnd", 4.0, updates=2),
        timing(1, "byol-explore", 5.0, updates=2),
        timing(2, "byol-explore", 3.0),
        timing(2, "rnd", 2.0),
    ]
    assert update_seconds(timings, "rnd") == [2.0, 2.0]
    cost = curiosity_cost(timings, ArmName.BYOL_EXPLORE, ArmName.RND)
    assert cost is not None
    assert cost.rounds == (1.25, 1.5)
    assert curiosity_cost(timings[:1], ArmName.BYOL_EXPLORE, ArmName.RND) is None
    assert ratio([], [1.0]) is None


def test_time_left_is_of_the_rounds_to_come() -> None:
    warm = [timing(WARM_UP, "a", 1.0)]
    assert seconds_left(warm, 2, rounds=3, updates=2) is None
    warm += [timing(WARM_UP, "b", 2.0)]
    assert seconds_left(warm, 2, rounds=3, updates=2) == 3 * 2 * (1.0 + 2.0)
    later = [*warm, timing(1, "a", 8.0, updates=2)]
    assert seconds_left(later, 2, rounds=3, updates=2) == 2 * 8.0 + 3 * 4.0


def test_a_real_run_writes_everything(tmp_path: Path) -> None:
    out = tmp_path / "new" / "numbers.json"
    flags = "--rounds 2 --num-envs 2 --num-steps 8 --epochs 1 --minibatches 1"
    arms = "--arms world sb3 rnd byol-explore --sb3-envs dummy --device cpu"
    assert (
        run([*flags.split(), *arms.split(), "--threads", "1", "--out", str(out)]) == 0
    )
    content = json.loads(out.read_text("utf-8"))
    assert {
        "format_version",
        "date",
        "settings",
        "device",
        "limit",
        "versions",
        "omp_wait_policy",
        "memory",
        "fairness",
        "arms",
        "byol_explore_cost_over_rnd",
        "byol_explore_cost_over_rnd_cpu",
        "timings",
    } == set(content)
    assert content["versions"]["torch_threads"] == 1
    assert content["settings"]["resolved"]["ppo"]["num_epochs"] == 1
    assert content["settings"]["num_envs"] == 2
    assert content["memory"]["process_bytes"] > 0
    assert "Not equal" in content["fairness"]
    assert list(content["arms"]) == ["world", "sb3", "rnd", "byol-explore"]
    assert content["arms"]["sb3"]["envs"] == "dummy"
    for name, arm in content["arms"].items():
        assert arm["units_per_update"] == 16
        assert arm["unit"] == "env steps"
        assert arm["per_second"]["min"] <= arm["per_second"]["median"]
        assert len(arm["ratio_to_baseline"]["rounds"]) == 2
        assert arm["share_of_limit"]["median"] > 0
        if name != "world":
            assert arm["rollout_seconds"]["median"] > 0
            assert arm["learning_seconds"]["median"] > 0
            assert arm["num_parameters"] > 1_000_000
    rounds = [(x["round"], x["arm"]) for x in content["timings"]]
    names = list(content["arms"])
    assert rounds == [
        *((0, x) for x in names),
        *((1, x) for x in names),
        *((2, x) for x in (names[1:] + names[:1])[::-1]),
    ]
    seconds = {(x["round"], x["arm"]): x["seconds"] for x in content["timings"]}
    cost = [seconds[r, "byol-explore"] / seconds[r, "rnd"] for r in (1, 2)]
    assert content["byol_explore_cost_over_rnd"]["rounds"] == pytest.approx(cost)
    ratios = [seconds[r, "sb3"] / seconds[r, "rnd"] for r in (1, 2)]
    assert content["arms"]["rnd"]["ratio_to_baseline"]["rounds"] == pytest.approx(
        ratios
    )
    for x in content["timings"]:
        if x["rollout_seconds"] is not None:
            both = x["rollout_seconds"] + x["learning_seconds"]
            assert 0.5 * x["seconds"] < both <= x["seconds"]


def test_sb3_does_the_same_work_with_the_same_network() -> None:
    config = BenchmarkConfig(**{**vars(SMALL), "arms": (ArmName.SB3, ArmName.PPO)})
    arms = [arm for arm, _ in Plan.of(config).build()]
    try:
        theirs, ours = arms
        assert isinstance(theirs, Sb3Arm)
        assert isinstance(ours, AgentArm)
        assert theirs.units == ours.units == 16
        belief, policy = ours.agent.belief, ours.agent.actor.policy
        mine = [*belief.encoder.parameters(), *policy.parameters()]
        shapes = sorted(tuple(x.shape) for x in mine)
        assert shapes == sorted(tuple(x.shape) for x in theirs.policy.parameters())
        assert shapes.count((32, 4, 8, 8)) == 1
        assert shapes.count((18, 512)) == 1  # all 18 actions

        optimizers = [theirs.policy.optimizer, ours.agent.learner.descent.optimizer]
        for arm in arms:
            for _ in range(2):
                arm.update()
        for optimizer in optimizers:
            steps = {int(x["step"]) for x in optimizer.state.values()}
            assert steps == {2 * 2 * 2}  # updates x epochs x minibatches
            assert optimizer.param_groups[0]["lr"] == 2.5e-4
            assert optimizer.param_groups[0]["eps"] == 1e-5
        assert theirs.model.batch_size == 8
        assert theirs.model.num_timesteps == ours.agent.env_steps == 2 * 16
        buffer = theirs.model.rollout_buffer.observations
        assert buffer.size == 16 * 4 * 84 * 84

        ppo, stream = ours.agent.ppo, ours.agent.streams[0]
        assert theirs.model.ent_coef == ppo.entropy_coeff
        assert theirs.model.vf_coef == ppo.value_coeff
        assert theirs.model.max_grad_norm == ppo.max_grad_norm
        assert theirs.model.gamma == stream.discount
        assert theirs.model.gae_lambda == stream.trace
        assert theirs.model.clip_range(0.5) == ppo.clip  # type: ignore[operator]
        assert stream.clip == 1.0
    finally:
        for arm in arms:
            arm.close()


@pytest.mark.slow
def test_encoders_alone(tmp_path: Path) -> None:
    config = BenchmarkConfig(
        suite=Suite.PARTS,
        rounds=1,
        num_envs=4,
        num_steps=2,
        device="cpu",
        out=tmp_path / "parts.json",
    )
    done = benchmark(config, Console(quiet=True))
    assert len(done.summaries) == 10
    content = json.loads(done.file.read_text("utf-8"))
    plain = content["arms"]["forward+backward, plain"]
    assert plain["unit"] == "images"
    assert plain["units_per_update"] == 2
    assert {x["baseline"] for x in content["arms"].values()} == {
        "forward, plain",
        "forward+backward, plain",
    }


def test_worlds_of_their_own(tmp_path: Path) -> None:
    progress = ArmName.GAMMA_PROGRESS, ArmName.DELTA_PROGRESS
    config = BenchmarkConfig(
        suite=Suite.MAZE,
        arms=(ArmName.WORLD, ArmName.BYOL_EXPLORE, *progress),
        network=Network.PATCHES,
        rounds=1,
        num_envs=8,
        num_steps=8,
        device="cpu",
        out=tmp_path / "maze.json",
    )
    done = benchmark(config, Console(quiet=True))
    assert list(done.summaries) == [
        *("world", "byol-explore", "gamma-progress", "delta-progress")
    ]
    content = json.loads(done.file.read_text("utf-8"))
    seconds = {x["arm"]: x for x in content["timings"] if x["round"] == 1}
    for arm in progress:
        name = f"{arm.value.replace('-', '_')}_cost_over_byol_explore"
        for key, of in ((name, "seconds"), (f"{name}_cpu", "cpu_seconds")):
            quotient = seconds[arm.value][of] / seconds["byol-explore"][of]
            assert content[key]["rounds"] == [pytest.approx(quotient)]
    assert "byol_explore_cost_over_rnd" not in content
    assert done.summaries["byol-explore"].ratio is None
    assert done.summaries["byol-explore"].share is not None


def test_defaults_follow_the_suite() -> None:
    plan = Plan.of(BenchmarkConfig(device="cpu"))
    assert (plan.num_envs, plan.ppo.num_steps) == (32, 128)
    assert (plan.ppo.num_epochs, plan.ppo.num_minibatches) == (4, 4)
    assert plan.arms == tuple(ArmName)
    assert isinstance(plan.world, AtariConfig)
    maze = Plan.of(BenchmarkConfig(suite=Suite.MAZE, device="cpu"))
    assert ArmName.SB3 not in maze.arms
    assert (maze.num_envs, maze.ppo.num_steps) == (64, 32)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"suite": Suite.MAZE, "arms": (ArmName.SB3,)}, "has world ppo"),
        ({"suite": Suite.PARTS, "arms": (ArmName.PPO,)}, "takes no --arms"),
        ({"network": Network.IMPALA}, "leave sb3 out"),
        ({"num_envs": 6}, "multiple of --minibatches"),
        ({"rounds": 0}, "--rounds must be at least 1"),
        ({"game": "Montezuma", "num_envs": 4}, "MontezumaRevenge|montezuma_revenge"),
    ],
)
def test_settings_that_do_not_fit_are_explained(
    settings: dict[str, object], message: str
) -> None:
    config = BenchmarkConfig(**{"device": "cpu", **settings})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        benchmark(config, Console(quiet=True))


def test_help_teaches() -> None:
    with pytest.raises(HelpAsked) as asked:
        run(["--help"])
    shown = str(asked.value)
    for word in ("--arms", "byol-explore", "examples:", "fairness", "--suite maze"):
        assert word in shown


CPU = torch.device("cpu")
