"""Recording: the rows are what the world showed, whoever played."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from agents.acting import RandomPolicy
from agents.ppo.build import PpoAgentConfig
from envs.attention.config import AttentionConfig
from envs.counting import CountingConfig, decode
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import Step
from experiments.record.recording import RecordConfig, record
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.footprint.plan import DoesNotFit
from ssl_objectives.footprint.rows import check_rows_fit, row_memory
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.objective import Needs
from ssl_objectives.refusal import ConfigError, DatasetError
from tests.experiments.conftest import Command, Done
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import Column, ContinuousColumn, DiscreteColumn
from world_models.presets import byol_explore

B = 6
QUIET = Console(quiet=True)


def stream(dataset: Dataset, number: int) -> dict[str, NDArray[Any]]:
    blocks = [block for _, block in dataset.reader.blocks(number)]
    return {k: np.concatenate([x[k] for x in blocks]) for k in blocks[0]}


def test_a_recording_is_what_the_world_showed(tmp_path: Path) -> None:
    config = RecordConfig(
        world=CountingConfig(),
        out=tmp_path,
        steps=200,
        num_envs=B,
        facts=True,
        seed=4,
        shard_mib=1,
        license="CC0",
    )
    recording = record(config, QUIET)
    dataset = recording.dataset
    assert (recording.env_steps, recording.finished) == (204, True)
    assert dataset.num_rows == 204 + B
    assert dataset.source["license"] == "CC0"
    assert dataset.source["config"]["world"]["type"] == "envs.counting:CountingConfig"
    streams = [stream(dataset, i) for i in range(B)]
    env = CountingConfig().build(B, "cpu")
    policy = RandomPolicy(env, 4)
    row, action = env.reset(4), torch.zeros(B, dtype=torch.int64)
    carry = policy.start(B)
    for t in range(35):
        wanted = {
            "obs": row.obs,
            "first": row.first,
            "action": action,
            "reward": row.reward,
            "terminated": row.terminated,
            "truncated": row.truncated,
            **{f"facts/{k}": x for k, x in row.facts.items()},
        }
        for i in range(B):
            assert streams[i].keys() == wanted.keys()
            for name, x in wanted.items():
                assert np.array_equal(streams[i][name][t], x[i].numpy()), (t, name)
        action = policy.act(row, carry).action
        row = env.step(action)
    ends = np.concatenate([x["truncated"] | x["terminated"] for x in streams])
    ignored = np.concatenate([x["action"][1:][x["first"][1:]] for x in streams])
    assert ends.sum() > 10
    assert ignored.any()  # actions at resets are kept as they were


class Forward:
    """Walks where there is space, by the truth beside the pixels."""

    def act(self, row: Step, generator: torch.Generator) -> Tensor:
        return (row.facts["x"] + row.facts["y"]) % 5


def two(row: Step, generator: torch.Generator) -> Tensor:
    return torch.full((len(row.obs),), 2)


def floats(row: Step, generator: torch.Generator) -> Tensor:
    return torch.zeros(len(row.obs))


HERE = "tests.experiments.record.test_recording"


def test_scripted_policies(curious: Command, tmp_path: Path) -> None:
    common = ("--steps", "60", "--num-envs", "3", "--world", "key-door")
    done = curious(
        *("record", *common, "--policy", f"{HERE}:Forward", "--facts"),
        *("--out", str(tmp_path / "a")),
    )
    assert done.code == 0, done.err
    assert "63 rows in 3 streams" in done.out
    rows = stream(open_dataset(tmp_path / "a"), 1)
    place = rows["facts/x"] + rows["facts/y"]
    assert np.array_equal(rows["action"][1:], place[:-1] % 5)
    done = curious("record", *common, f"--policy={HERE}:two", "--out", f"{tmp_path}/b")
    assert (stream(open_dataset(tmp_path / "b"), 2)["action"][1:] == 2).all()
    third = ("--out", f"{tmp_path}/c")
    done = curious("record", *common, f"--policy={HERE}:floats", *third)
    assert done.code == 1
    assert "gave torch.float32 (3,); this world takes torch.int64 (3,)" in done.err
    done = curious("record", *common, f"--policy={HERE}:B", *third)
    assert "neither a class nor a function" in done.err


def reaching(row: Step, generator: torch.Generator) -> Tensor:
    """Far beyond the bounds in one direction, within them in the other."""
    asked = torch.randn(len(row.obs), 2, generator=generator)
    return asked * torch.tensor([20.0, 0.3])


def test_what_was_done_is_recorded_and_not_what_was_asked_for(
    curious: Command, tmp_path: Path
) -> None:
    done = curious(
        *("record", "--world", "tests.envs.probe_world:ProbeConfig", "--facts"),
        *("--policy", f"{HERE}:reaching", "--steps", "90", "--num-envs", "3"),
        *("--out", str(tmp_path)),
    )
    assert done.code == 0, done.err
    assert "vector of 3" in done.out
    dataset = open_dataset(tmp_path)
    assert dataset.spec.actions == ContinuousColumn((-0.5, 0.0), (0.5, 3.0))
    assert (dataset.spec.obs_shape, dataset.spec.vector_size) == ((5, 40, 44), 3)
    ends, levels = set(), set()
    for i in range(3):
        rows = stream(dataset, i)
        ahead = ~rows["first"]
        # The world itself tells which action it applied, and shows the lift of it.
        assert np.array_equal(rows["action"][ahead], rows["facts/applied"][ahead])
        assert np.array_equal(rows["action"][ahead, 1], rows["vector"][ahead, 2])
        ends |= set(rows["action"][ahead, 0].tolist())
        levels |= set(rows["action"][ahead, 1].tolist())
    assert {-0.5, 0.5} < ends
    assert all(-0.5 <= x <= 0.5 for x in ends)
    assert len(levels) > 50
    traj = next(iter(dataset.windows(9, 2)))
    assert traj.vector is not None
    assert torch.equal(
        traj.vector[1:, :, 2][traj.valid], traj.action[..., 1][traj.valid]
    )


def test_a_trained_run_plays_in_its_own_world(
    curious: Command, key_door: Done, tmp_path: Path
) -> None:
    run = str(key_door.run.path)
    done = curious(
        *("record", "--policy", run, "--steps", "80", "--num-envs", "4"),
        *("--out", str(tmp_path / "a")),
    )
    assert done.code == 0, done.err
    dataset = open_dataset(tmp_path / "a")
    assert dataset.source["config"]["world"]["max_episode_steps"] == 17
    rows = stream(dataset, 0)
    assert np.flatnonzero(rows["truncated"]).tolist()[:1] == [17]
    assert len(np.unique(rows["action"])) > 1
    done = curious(
        *("record", "--policy", run, "--world", "counting", "--steps", "80"),
        *("--out", str(tmp_path / "b")),
    )
    assert done.code == 1
    assert "was trained on frames (3, 40, 45)" in done.err
    assert not (tmp_path / "b").exists()


def test_names_of_facts_are_kept(tmp_path: Path) -> None:
    world = AttentionConfig(pixels=0)
    config = RecordConfig(
        world=world, out=tmp_path, steps=8, num_envs=2, facts=True, device="cpu"
    )
    record(config, QUIET)
    facts = open_dataset(tmp_path).spec.facts
    assert facts["in_view"] == Column((), "int64", world.parts)
    assert facts["there"] == Column((4, 4), "bool")
    assert facts["places"] == Column((4, 4, 2), "float32")


def test_atari_with_facts(tmp_path: Path) -> None:
    from envs.atari.native import AtariConfig
    from envs.atari.ram import AtariFact

    world = AtariConfig(game="Pong", facts=(AtariFact.RAM, AtariFact.SOUND))
    config = RecordConfig(
        world=world, out=tmp_path, steps=8, num_envs=2, facts=True, device="cpu"
    )
    dataset = record(config, QUIET).dataset
    facts = dataset.spec.facts
    assert facts["ram"] == Column((128,), "uint8")
    assert facts["sound"].dtype == "uint8"
    assert dataset.spec.frames_per_step == 4
    assert isinstance(dataset.spec.actions, DiscreteColumn)
    assert dataset.spec.actions.names[0] == "NOOP"
    assert stream(dataset, 1)["facts/ram"].std() > 0


def test_appending_adds_streams(curious: Command, tmp_path: Path) -> None:
    out = str(tmp_path / "d")
    common = ("record", "--world", "counting", "--num-envs", "2", "--out", out)
    assert curious(*common, "--steps", "20").code == 0
    again = curious(*common, "--steps", "20")
    assert again.code == 1
    assert "holds a data set" in again.err
    assert "--append" in again.err
    copied = curious("import", out, "--out", out)
    assert copied.code == 1
    assert "holds a data set. Choose another folder." in copied.err
    assert "--append" not in copied.err  # which import does not have
    assert curious(*common, "--steps", "30", "--append", "--seed", "1").code == 0
    other = curious(*common, "--steps", "20", "--append", "--facts")
    assert other.code == 1
    assert "its facts are none, these have env, episode, step." in other.err
    dataset = open_dataset(out)
    assert np.diff(dataset.index.stream_begin).tolist() == [11, 11, 16, 16]
    assert len(dataset.source["appended"]) == 2


def test_what_is_appended_repeats_nothing(tmp_path: Path) -> None:
    common: dict[str, Any] = {"world": KeyDoorConfig(), "steps": 40, "num_envs": 2}
    common["out"] = tmp_path / "once"
    record(RecordConfig(**common), QUIET)
    for _ in range(2):
        dataset = record(RecordConfig(**common, append=True), QUIET).dataset
    streams = [stream(dataset, i) for i in range(6)]
    for name in ("obs", "action"):
        assert len({x[name].tobytes() for x in streams}) == 6
    before = [x["streams_before"] for x in dataset.source["appended"]]
    assert before == [0, 2, 4]
    # and yet the same commands give the same rows
    other = {**common, "out": tmp_path / "again"}
    record(RecordConfig(**other), QUIET)
    again = record(RecordConfig(**other, append=True), QUIET).dataset
    assert np.array_equal(stream(again, 3)["obs"], streams[3]["obs"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--world", "counting"), "--world was KeyDoor, and is Counting here"),
        (("--noise", "layer"), "--noise was none, and is "),
        (
            ("--world.max-episode-steps", "9"),
            "--world.max-episode-steps was 5, and is 9 here",
        ),
    ],
)
def test_another_world_is_not_appended(
    curious: Command, change: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "d")
    world = {"--world": "key-door", "--world.max-episode-steps": "5"}
    flags = [x for pair in world.items() for x in pair]
    common = ("record", "--num-envs", "2", "--steps", "6", "--out", out)
    assert curious(*common, *flags).code == 0
    same = ("--policy", "expert", "--seed", "3", "--num-envs", "3", "--append")
    assert curious(*common[:1], *common[3:], *flags, *same).code == 0
    world |= {change[0]: change[1]}
    if change == ("--world", "counting"):
        del world["--world.max-episode-steps"]
    flags = [x for pair in world.items() for x in pair]
    done = curious(*common, *flags, "--append")
    assert done.code == 1
    assert message in " ".join((done.out + done.err).split())
    assert open_dataset(out).num_streams == 5


CRASHING = """
import gymnasium, numpy as np

class Crashing(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 255, (9, 8, 3), np.uint8)
    action_space = gymnasium.spaces.Discrete(2)
    steps = 0
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros((9, 8, 3), np.uint8), {}
    def step(self, action):
        self.steps += 1
        paid = 1.0
        if self.steps == 4:
            WHEN
        return np.zeros((9, 8, 3), np.uint8), paid, False, False, {}

gymnasium.register("CrashingForTest-v0", Crashing)
"""


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("raise KeyError('door')", "fails in step(): KeyError: 'door'"),
        ("paid = float('inf')", "reward is not finite: in row 4 of stream 0"),
    ],
)
def test_a_world_that_fails_leaves_the_rows_until_then(
    curious: Command,
    importable: Callable[[str, str], Path],
    when: str,
    message: str,
    tmp_path: Path,
) -> None:
    gymnasium.registry.pop("CrashingForTest-v0", None)
    importable("crashing_envs", CRASHING.replace("WHEN", when))
    world = ("--world", "gymnasium", "--world.id", "crashing_envs:CrashingForTest-v0")
    out = str(tmp_path / "d")
    done = curious("record", *world, "--num-envs", "2", "--steps", "40", "--out", out)
    assert done.code == 1
    assert message in done.err
    assert "until then: 8 rows in all. Go on with: --append" in done.out
    assert open_dataset(out).num_rows == 8
    wrong = curious("record", "--world", "crashing_envs:Crashing", "--out", f"{out}2")
    assert "say --world gymnasium --world.id crashing_envs:ID" in " ".join(
        wrong.err.replace("│", " ").split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", "5"), "Give a folder: --out"),
        (("--steps", "0", "--out", "x"), "--steps must be at least 1"),
        (("--out", "x", "--steps", "9999999999999"), "only"),
        (("--out", "x", "--policy", "nowhere"), "There is no run at nowhere"),
        (("--out", "x", "--policy", "randm"), "no 'randm'. Did you mean 'random'?"),
        (("--out", "x", "--policy", "torch:nope"), "no 'nope' in 'torch'"),
    ],
)
def test_refusals(
    curious: Command, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = curious("record", "--world", "counting", *arguments)
    assert done.code in (1, 2)
    assert message in " ".join((done.err + done.out).split())


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("torch.full((4,), 5)", "gave 5; this world takes 0 … 4"),
        ("torch.full((4,), -1)", "gave -1; this world takes 0 … 4"),
    ],
)
def test_actions_out_of_range_are_refused(
    curious: Command,
    importable: Callable[[str, str], Path],
    action: str,
    message: str,
) -> None:
    text = f"import torch\ndef act(row, generator):\n    return {action}\n"
    importable("out_of_range", text)
    done = curious(
        *("record", "--world", "counting", "--policy", "out_of_range:act"),
        *("--num-envs", "4", "--steps", "8", "--out", "played"),
    )
    assert done.code == 1
    assert message in done.err
    assert done.out.startswith("Sees 1 × ")


def test_a_killed_recording_is_a_data_set(tmp_path: Path) -> None:
    """`kill -9` in the middle of the command itself."""
    command = [
        *(sys.executable, "-m", "experiments.record", "--world", "counting"),
        *("--steps", "4000000", "--num-envs", "3", "--shard-mib", "1"),
        *("--out", str(tmp_path / "d"), "--license", "CC0"),
    ]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, env=os.environ) as process:
        while not (tmp_path / "d" / "shard-00002").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    dataset = open_dataset(tmp_path / "d")
    dataset.verify()
    assert not dataset.finished
    assert dataset.num_streams == 3
    for traj in dataset.windows(20, 8):
        now = decode(traj.obs)
        assert torch.equal(now.step[1:] == now.step[:-1] + 1, traj.valid)


def test_a_model_learns_from_a_recording(tmp_path: Path) -> None:
    torch.manual_seed(0)
    world = KeyDoorConfig(max_episode_steps=30)
    config = RecordConfig(world=world, out=tmp_path, steps=1_500, num_envs=5)
    dataset = record(config, QUIET).dataset
    agent = PpoAgentConfig(encoder=PatchConfig(48, precision=Precision.FLOAT32))
    env = world.build(1, "cpu")
    model = agent.build_player(env.spec, byol_explore(horizon=3), 1).world_model
    assert model is not None
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses: list[float] = []
    while len(losses) < 60:
        for traj in dataset.windows(15, 8, seed=len(losses)):
            loss = model.loss(traj, model.start(8))
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
            model.after_update()
            losses.append(loss.mean().item())
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


class Remembering(Byol):
    """An objective with a memory per row, as instance discrimination has."""

    needs = Needs(rows=True)


def test_memory_per_row_is_refused_before_the_start() -> None:
    assert row_memory(1_000, 128, banks=2).total == 2 * 1_000 * 128 * 4
    check_rows_fit(Byol(), 10**15, 128, "cpu")  # keeps nothing
    check_rows_fit(Remembering(), 1_000, 128, "cpu")
    with pytest.raises(DoesNotFit) as told:
        check_rows_fit(Remembering(), 10**12, 128, "cpu")
    message = str(told.value)
    assert "Remembering keeps 512 B for each row" in message
    assert "465.7 TiB" in message
    assert "of its 1,000,000,000,000 rows would fit" in message


def test_errors_in_python() -> None:
    with pytest.raises(ConfigError, match="--out"):
        record(RecordConfig(), QUIET)
    with pytest.raises(DatasetError, match="There is no data set"):
        open_dataset("/nowhere")


def test_the_page_on_data_runs(
    curious: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    done = curious(
        *("record", "--world", "key-door", "--steps", "1200", "--num-envs", "2"),
        *("--out", "data/key-door", "--facts"),
    )
    assert done.code == 0
    names: dict[str, Any] = {}
    exec(compile(code, "data.md", "exec"), names)
    assert names["traj"].obs.shape == (32, 16, 3, 40, 45)
    assert names["windows"].order.position == 1
    for command in re.findall(r"^curious (\w+) (.*)$", page, re.M):
        said = curious(command[0], "--help").out
        flags = re.findall(r"--[a-z-]+", command[1])
        assert all(x in said for x in flags), command
