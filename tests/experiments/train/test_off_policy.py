"""Policies apart from the world model: trained, resumed, evaluated, recorded."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from agents.off_policy.agent import OffPolicyAgent
from agents.off_policy.build import OffPolicyAgentConfig
from agents.policy.dqn import Dqn, DqnConfig
from agents.policy.wanderer import Wanderer
from experiments.evaluate.evaluation import load_agent
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.train.footprint import plan_training
from experiments.train.presets import train_config
from experiments.train.rehearsal import blank_experience
from experiments.train.task import build_agent
from ssl_objectives.footprint.networks import training_bytes
from tests.experiments.train.measured import measured_peak
from tests.experiments.train.test_rehearsal import form
from tests.experiments.train.test_resume import assert_equal_states
from world_models.data.dataset import open_dataset

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

SMALL = (
    *("--size", "debug", "--world", "key-door", "--world.max-episode-steps", "17"),
    *("--encoder", "patch", "--agent.study.learning-starts", "60"),
)


@pytest.fixture(scope="module")
def dqn(curious: Command) -> Any:
    """BYOL-Explore's reward, double DQN: four rollouts of 40 steps."""
    torch.set_num_threads(1)
    done = curious(
        *("train", "byol-explore", "--policy", "dqn", *SMALL, "--env-steps", "150"),
        *("--checkpoint-every", "40", "--video-steps", "8"),
        *("--evaluate-every", "80", "--evaluate-episodes", "2"),
    )
    assert done.code == 0, done.err
    return done


def test_a_run_says_who_acts_and_leaves_what_runs_leave(dqn: Any, rows: Rows) -> None:
    assert "-KeyDoor-ByolExplore-Dqn-s0" in dqn.run.path.name
    assert list(dqn.run.videos.glob("*.mp4"))
    written = rows(dqn.run)
    assert [len(written), written[0]["steps"] < 60] == [4, True]
    assert "loss/q" not in written[0]["metrics"]
    for row in written[1:]:
        metrics = row["metrics"]
        assert metrics.keys() >= {"loss/q", "policy/q", "loss/world_model"}
    assert written[-1]["metrics"]["world_model/updates"] == 2 * 3
    evaluated = [x["metrics"] for x in written if "evaluate/cells" in x["metrics"]]
    assert len(evaluated) == 2
    assert "random/cells" in evaluated[0]


@pytest.mark.parametrize(
    "flags",
    [
        ("byol-explore", "--policy", "dqn", "--core", "recurrent"),
        (
            "rnd",
            "--policy",
            "dwell",
            "--model",
            "jepa-vicreg",
            "--curiosity.warm-up-steps=2",
        ),
        ("ppo", "--policy", "dqn", "--agent.policy.newest", "2"),
    ],
    ids=" ".join,
)
def test_n_and_resume_and_n_is_2n(
    curious: Command, flags: tuple[str, ...], rows: Rows
) -> None:
    argv = ("train", flags[0], *SMALL, *flags[1:], "--video-steps", "0")
    whole = curious(*argv, "--env-steps", "190")
    assert whole.code == 0, whole.err
    half = curious(*argv, "--env-steps", "100")
    steps = [x["steps"] for x in rows(half.run)]
    assert 60 < steps[-1] < 150
    done = curious("train", "--resume", str(half.run.path), "--env-steps", "190")
    assert done.code == 0, done.err
    assert rows(half.run) == rows(whole.run)
    assert_equal_states(half.run, whole.run)


def test_it_is_evaluated_and_watched(curious: Command, dqn: Any) -> None:
    path = str(dqn.run.path)
    done = curious("evaluate", path, "--episodes", "3", "--video-steps", "4")
    assert done.code == 0, done.err
    [file] = (dqn.run.path / "evaluations").iterdir()
    assert len(json.loads(file.read_text())["agent"]["returns"]) == 3
    again = [
        curious("evaluate", path, "--episodes", "2", "--video-steps", "0", "--greedy")
        for _ in range(2)
    ]
    assert again[0].out == again[1].out


def test_it_is_recorded(curious: Command, dqn: Any, tmp_path: Any) -> None:
    out = tmp_path / "data"
    argv = ("--policy", str(dqn.run.path), "--steps", "40", "--num-envs", "2")
    done = curious("record", *argv, "--out", str(out))
    assert done.code == 0, done.err
    recorded = open_dataset(out)
    assert recorded.spec.obs_shape == (3, 40, 45)
    assert recorded.num_rows >= 40


def test_a_player_is_policy_and_world_model_as_they_were_saved(dqn: Any) -> None:
    player, config = load_agent(dqn.run.path, "cpu")
    state = CheckpointFolder(dqn.run.checkpoints).load().state["modules"]
    own = player.state_dict()
    assert {f"actor.{n}" for n in own} == {n for n in state if n.startswith("actor.")}
    assert all(torch.equal(x, state[f"actor.{n}"]) for n, x in own.items())
    assert player.world_model is not None
    assert player.world_model.updates == 6
    assert not player.training
    env = config.world.build(3, "cpu")
    policy = player.acting(1)
    action = policy.act(env.reset(0), policy.start(3)).action
    assert action.shape == (3,)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--agent.policy.hidden 32", "--agent.policy.hidden (32,) (was (64, 64))"),
        ("--agent.num-steps 21", "--agent.num-steps 21 (was 20)"),
        ("--agent.study.capacity 21", "--agent.study.capacity 21 (was 20)"),
        ("--agent.policy.encoder.size 9", "--agent.policy.encoder.size 9 (was 64)"),
    ],
)
def test_other_networks_cannot_go_on(
    curious: Command, dqn: Any, flags: str, message: str
) -> None:
    argv = ("--resume", str(dqn.run.path), "--env-steps", "900", *flags.split())
    done = curious("train", *argv)
    assert done.code == 1
    assert f"cannot go on with {message}" in " ".join(done.err.split())


def test_a_slower_learner_may_go_on(curious: Command, dqn: Any, tmp_path: Any) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(dqn.run.path, copied)
    rates = ("--agent.policy.learning-rate", "1e-5", "--agent.study.learning-rate=2e-5")
    done = curious("train", "--resume", str(copied), "--env-steps", "200", *rates)
    assert done.code == 0, done.err
    state = CheckpointFolder(copied / "checkpoints").load().state
    groups = state["schooling"]["descent"], state["study"]["learner"]
    assert [x["param_groups"][0]["lr"] for x in groups] == [1e-5, 2e-5]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            "--policy dqn --world gymnasium --world.id Pendulum-v1",
            "takes real numbers: use --policy ppo",
        ),
        ("--policy dwel --world key-door", "there is no 'dwel'. Did you mean 'dwell'?"),
        ("--eyes nature --world key-door", "leave --eyes out, or add --policy dqn"),
        (
            "--policy dqn --world key-door --agent.policy.discount 1",
            "leave no reward to learn",
        ),
        (
            "--policy random --world key-door --agent.num-steps 5",
            "windows of 8 transitions do not fit into rollouts of 5",
        ),
        (
            "ppo --policy dqn --world key-door --curiosity prediction-error",
            "and there is none: add --model",
        ),
    ],
)
def test_what_does_not_fit_is_one_message(
    curious: Command, argv: str, message: str
) -> None:
    words = argv.split()
    preset = [] if words[0].startswith("-") else [words.pop(0)]
    done = curious("train", *preset, "--size", "debug", *words)
    assert done.code in (1, 2)
    assert message in " ".join(done.err.replace("│", " ").split())
    assert list(done.runs.iterdir()) == []


def test_numbers_that_are_none_stop_training(curious: Command) -> None:
    done = curious(
        *("train", "ppo", "--policy", "dqn", "--size", "debug", "--world", "counting"),
        *("--agent.policy.learning-rate", "1e38", "--agent.study.learning-starts", "0"),
        *("--agent.policy.max-grad-norm", "1e38", "--encoder", "patch"),
    )
    assert done.code == 1
    assert "Training has diverged" in done.err
    assert "--agent.policy.learning-rate 2e+37" in done.err


@pytest.mark.parametrize("preset", ["byol-explore", "rnd", "ppo"])
@pytest.mark.parametrize("policy", ["dqn", "random"])
def test_a_plan_is_what_the_agent_holds(preset: str, policy: str) -> None:
    config = train_config(preset, "debug", "key-door", policy=policy)
    plan = {
        x.name: x.num_bytes for x in plan_training(config, torch.device("cpu")).items
    }
    agent = build_agent(config)
    assert isinstance(agent, OffPolicyAgent)
    assert isinstance(agent.policy, Dqn if policy == "dqn" else Wanderer)
    assert plan["networks and Adam"] == training_bytes(agent.modules)
    agent.begin()
    agent.train_step()
    rows = agent.replay.state_dict()["rows"].values()
    held = sum(x.nbytes for x in rows)
    assert plan.get("replay", 0) == pytest.approx(held, rel=0.02)
    assert (held == 0) == ((policy, preset) == ("random", "ppo"))
    blank = blank_experience(agent)
    assert form(blank) == form(agent.collector.collect()[0])


@pytest.mark.parametrize("preset", ["byol-explore", "rnd"])
def test_a_plan_is_what_a_step_really_holds(preset: str) -> None:
    config = train_config(preset, "laptop", "key-door", policy="dqn")
    agent = config.agent
    assert isinstance(agent, OffPolicyAgentConfig)
    assert isinstance(agent.policy, DqnConfig)
    study = replace(agent.study, learning_starts=0, updates_per_rollout=1)
    policy = replace(agent.policy, updates_per_rollout=1)
    agent = replace(agent, study=study, policy=policy)
    config = replace(config, agent=agent, device="cpu")
    plan = {
        x.name: x.num_bytes for x in plan_training(config, torch.device("cpu")).items
    }
    made = build_agent(config)
    made.begin()
    made.train_step()
    made.modules.zero_grad(set_to_none=True)
    really = measured_peak(made.train_step)
    planned = plan["rollout"] + plan["activations"]
    assert 0.7 < planned / really < 1.3


OWN = '''
from dataclasses import dataclass

import torch

from agents import Acted, ActingPolicy, OffPolicy, nothing_carried


class Always(ActingPolicy):
    def __init__(self, spec, action):
        self.spec, self.action = spec, action

    def start(self, num_envs):
        return nothing_carried(self.spec, num_envs)

    def act(self, row, carry):
        action = torch.full_like(row.first, self.action, dtype=torch.int64)
        return Acted(action, carry.acted(action))


class Stubborn(OffPolicy):
    def __init__(self, spec, action):
        super().__init__()
        self.acting = Always(spec, action)

    def exploring(self, generator):
        return self.acting

    def playing(self, generator, greedy):
        return self.acting


@dataclass(frozen=True)
class Config:
    action: int = 1
    """what it always does"""

    def build(self, spec, begin):
        return Stubborn(spec, self.action)
'''


def test_a_policy_of_ones_own(
    curious: Command, importable: Callable[[str, str], Any], rows: Rows
) -> None:
    importable("own_policy", OWN)
    argv = ("--policy", "own_policy:Config", "--agent.policy.action", "2")
    more = ("--curiosity.warm-up-steps", "2", "--video-steps", "3")
    done = curious("train", "rnd", *SMALL, *argv, *more, "--env-steps", "120")
    assert done.code == 0, done.err
    state = CheckpointFolder(done.run.checkpoints).load().state
    actions = state["replay"]["rows"]["action"]
    assert set(actions[: state["replay"]["num_added"]].unique().tolist()) == {2}
    assert "loss/rnd" in rows(done.run)[-1]["metrics"]
    assert curious("evaluate", str(done.run.path), "--episodes", "1").code == 0
