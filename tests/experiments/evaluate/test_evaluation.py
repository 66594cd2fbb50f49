import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from rich.console import Console

from agents.acting import ActingPolicy, RandomPolicy
from agents.play import PlayedEpisodes, play_episodes
from agents.ppo.actor import Actor
from experiments.config.episodes import SEED
from experiments.evaluate.config import EvaluateConfig
from experiments.evaluate.evaluation import evaluate, load_agent
from experiments.evaluate.results import bootstrap_interval, watching
from experiments.pretrain import pretrain_config
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import RunFolder
from experiments.runs.playing import evaluate_player, evaluate_random, share_envs
from experiments.runs.video import record_video
from ssl_objectives.refusal import ConfigError

Command = Callable[..., Any]
METRICS = (
    *("return_mean", "return_max", "cut_off", "rooms", "cells"),
    *("rooms_per_episode", "cells_per_episode"),
)
SMALL = ("--size", "debug", "--num-envs", "2", "--agent.ppo.num-steps", "10")


def test_bootstrap_intervals_by_hand() -> None:
    # Two values: the mean is 0, 1/2 or 1 with probability 1/4, 1/2, 1/4.
    assert bootstrap_interval(np.array([0.0, 1.0])) == (0.0, 1.0)
    assert bootstrap_interval(np.array([0.0, 1.0]), level=0.4) == (0.5, 0.5)
    # Three: the 3 is drawn 0 to 3 times with probability 8, 12, 6 and 1 of 27.
    values = np.array([0.0, 3.0, 0.0])
    assert bootstrap_interval(values, 0.95) == (0.0, 3.0)
    assert bootstrap_interval(values, 0.90) == (0.0, 2.0)
    assert bootstrap_interval(values, 0.30) == (1.0, 1.0)
    # Many: mean ± 1.96 standard errors.
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)
    low, high = bootstrap_interval(values)
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)
    assert bootstrap_interval(np.array([7.0])) == (7.0, 7.0)


@pytest.mark.parametrize(
    ("episodes", "at_most", "envs"),
    [(1, 8, 1), (5, 8, 5), (8, 8, 8), (9, 8, 5), (10, 8, 5), (10, 3, 3), (16, 8, 8)],
)
def test_envs_share_episodes_evenly(episodes: int, at_most: int, envs: int) -> None:
    assert share_envs(episodes, at_most) == envs


def cells(line: str) -> list[str]:
    return [x.strip() for x in line.strip("│┃ ").split("│")]


def test_an_evaluation_shows_both_players(curious: Command, key_door: Any) -> None:
    run = key_door.run
    done = curious(
        *("evaluate", str(run.path), "--episodes", "3", "--video-steps", "4"),
        *("--device", "cpu"),
    )
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    steps = steps_of(CheckpointFolder(run.checkpoints).latest())
    assert lines[0] == f"{run.path.name}, after {steps} env steps"
    file = run.path / "evaluations" / f"step-{steps:012d}.json"
    assert f"numbers  {file}" in lines
    content = json.loads(file.read_text())
    assert content["env_steps"] == steps
    for column, name in enumerate(("agent", "random"), 1):
        each = content[name]
        assert each["lengths"] == [17] * 3
        assert each["complete"] == [True] * 3
        assert each["return_mean"] == np.mean(each["returns"])
        low, high = bootstrap_interval(np.array(each["returns"]))
        assert each["return_interval_95"] == [low, high]
        assert 1 <= each["rooms"] <= 2
        assert max(each["cells_per_episode"]) <= each["cells"] <= 36
        rooms = each["rooms_per_episode"]
        assert each["rooms_per_episode_mean"] == np.mean(rooms)
        low, high = bootstrap_interval(np.array(rooms))
        assert each["rooms_per_episode_interval_95"] == [low, high]
        shown = {
            x[0]: x[column] for x in map(cells, lines) if len(x) == 3 and x[column]
        }
        seen = each["cells_per_episode"]
        assert shown["cells (room, x, y) per episode, mean"] == f"{np.mean(seen):.4g}"
        low_cells, high_cells = each["cells_per_episode_interval_95"]
        between = f"{low_cells:.4g} to {high_cells:.4g}"
        assert shown["cells per episode, 95 % interval"] == between
        assert not {"rooms", "cells (room, x, y)"} & set(shown)  # of all together
        assert shown["rooms per episode, mean"] == f"{np.mean(rooms):.4g}"
        assert shown["rooms per episode, 95 % interval"] == f"{low:.4g} to {high:.4g}"
        assert shown["return, mean"] == f"{each['return_mean']:.4g}"
        assert shown["env steps"] == "51"
    assert content["agent"]["cells_per_episode"] != content["random"]["cells"]
    assert sum("in 17 steps, 1 room" in x for x in lines) == 3
    video = run.videos / f"evaluation-step-{steps:012d}.mp4"
    assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] == 5


def test_random_play_is_the_same_for_every_agent(key_door: Any, tmp_path: Path) -> None:
    paths = CheckpointFolder(key_door.run.checkpoints).paths()
    console = Console(file=StringIO())
    one, two = (
        evaluate(EvaluateConfig(x, episodes=4, video_steps=0, greedy=True), console)
        for x in paths[-2:]
    )
    assert one.random == two.random
    assert one.env_steps < two.env_steps
    again = evaluate(
        EvaluateConfig(paths[-1], episodes=4, video_steps=0, greedy=True), console
    )
    assert again.agent == two.agent


def test_best_is_the_checkpoint_of_the_best_evaluation(
    curious: Command, key_door: Any
) -> None:
    folder = CheckpointFolder(key_door.run.checkpoints)
    path = key_door.run.path
    done = curious(
        *("evaluate", str(path), "--best", "--episodes", "1", "--video-steps", "0"),
        *("--max-steps", "3"),
    )
    assert done.code == 0
    assert f"{path / 'evaluations' / folder.best().stem}.json" in done.out
    assert "in 3 steps, 1 room (cut off)" in done.out
    cut = [cells(x)[1:] for x in done.out.splitlines() if "episodes cut off" in x]
    assert cut == [["1", "1"]]
    assert EvaluateConfig(path).max_steps == 27_000  # some worlds never end an episode


def test_an_evaluation_leaves_the_actor_as_it_was(key_door: Any) -> None:
    actor, config = load_agent(key_door.run.path, "cpu")
    actor.train()
    before = {k: x.clone() for k, x in actor.state_dict().items()}
    state = torch.get_rng_state()
    metrics = evaluate_player(config.world, actor, 3)
    assert actor.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(x, before[k]) for k, x in actor.state_dict().items())
    assert metrics == evaluate_player(config.world, actor, 3)
    assert set(metrics) == {f"evaluate/{x}" for x in METRICS}


@pytest.mark.parametrize("player", ["evaluate", "random"])
def test_metrics_of_rooms_are_those_of_the_episodes_played(
    key_door: Any, player: str
) -> None:
    actor, _ = load_agent(key_door.run.path, "cpu")
    world = replace(key_door.run.config().world, max_episode_steps=80)
    env = world.build(6, "cpu")
    if player == "evaluate":
        metrics = evaluate_player(world, actor, 6)
        policy: ActingPolicy = actor.acting(SEED)
    else:
        metrics = evaluate_random(world, 6, 7, "cpu")
        policy = RandomPolicy(env, 7)
    episodes = play_episodes(env, policy, 6, SEED).episodes
    rooms = [len(x.rooms or ()) for x in episodes]
    assert metrics[f"{player}/rooms_per_episode"] == sum(rooms) / 6
    cells = set[Any]().union(*(x.cells or set() for x in episodes))
    assert metrics[f"{player}/cells"] == len(cells)
    each = [len(x.cells or ()) for x in episodes]
    assert metrics[f"{player}/cells_per_episode"] == sum(each) / 6
    assert set(metrics) == {f"{player}/{x}" for x in METRICS}


def test_random_play_is_drawn_by_its_seed_alone(key_door: Any) -> None:
    world = replace(key_door.run.config().world, max_episode_steps=60)
    one, same, other = (evaluate_random(world, 5, seed, "cpu") for seed in (3, 3, 4))
    assert one == same != other


def test_a_video_ends_when_it_is_asked_to(key_door: Any, tmp_path: Path) -> None:
    actor, config = load_agent(key_door.run.path, "cpu")
    asked = iter([False, False, True])
    path = tmp_path / "x.mp4"
    record_video(config.world, actor, path, 100, stop=lambda: next(asked))
    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == 3


def test_an_agent_of_other_networks_is_refused(key_door: Any, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    text = key_door.run.config_file.read_text()
    (tmp_path / "checkpoints").mkdir()
    latest = CheckpointFolder(key_door.run.checkpoints).latest()
    (tmp_path / "checkpoints" / latest.name).write_bytes(latest.read_bytes())
    file.write_text(text)
    actor, _ = load_agent(tmp_path)
    assert isinstance(actor, Actor)
    assert not actor.training
    file.write_text(text.replace('"hidden": 256', '"hidden": 255'))
    with pytest.raises(ConfigError, match="does not fit"):
        load_agent(str(tmp_path))


@pytest.mark.parametrize(
    ("world", "rooms"), [("counting", False), ("pixel-maze", True)]
)
def test_worlds_with_and_without_rooms(
    curious: Command, world: str, rooms: bool
) -> None:
    done = curious(
        *("train", "ppo", *SMALL, "--world", world, "--env-steps", "20"),
        *("--video-steps", "2"),
    )
    check_played(curious, done, rooms)


@pytest.mark.parametrize(
    ("game", "rooms"), [("MontezumaRevenge", True), ("Pong", False)]
)
def test_atari_games_with_and_without_known_rooms(
    curious: Command, game: str, rooms: bool
) -> None:
    done = curious(
        *("train", "ppo", *SMALL, "--world.game", game, "--env-steps", "20"),
        *("--video-steps", "2"),
    )
    check_played(curious, done, rooms)
    [video] = done.run.videos.glob("step*")
    frames = imageio_ffmpeg.read_frames(str(video))
    width, height = next(frames)["source_size"]
    assert (width, height) == (320, 420)
    picture = np.frombuffer(next(frames), np.uint8).reshape(height, width, 3)
    colourful = np.ptp(picture.astype(int), axis=2)
    assert (colourful > 30).mean() > 0.02


def check_played(curious: Command, done: Any, rooms: bool) -> None:
    assert done.code == 0, done.err
    path = done.run.path
    played = curious(
        *("evaluate", str(path), "--episodes", "2", "--max-steps", "7"),
        *("--video-steps", "0"),
    )
    assert played.code == 0, played.err
    [file] = (path / "evaluations").iterdir()
    content = json.loads(file.read_text())
    for name in ("agent", "random"):
        assert max(content[name]["lengths"]) <= 7
        known = content[name]["rooms"], content[name]["cells"]
        each = content[name]["rooms_per_episode"]
        assert (each is None) == (content[name]["rooms_per_episode_mean"] is None)
        assert len(each or ()) == 2 * rooms
        assert known == (None, None) if not rooms else min(known) >= 1


def test_progress_without_a_terminal_is_a_line_now_and_then() -> None:
    console = Console(file=StringIO(), width=200)
    with watching(console, "agent plays", 4, every=0.0) as watch:
        watch(1, 12_345)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "agent plays: 1 of 4 episodes · 12.3k env steps · " in text
    console = Console(file=StringIO(), width=200, force_terminal=True)
    with watching(console, "agent plays", 4) as watch:
        watch(2, 99)
    assert "agent plays" in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--episodes 0", "--episodes must be at least 1, not 0"),
        ("--num-envs 0", "--num-envs must be at least 1, not 0"),
        ("--seed -1", "--seed must be at least 0, not -1"),
        ("--max-steps 0", "--max-steps must be at least 1"),
        ("--video-steps -1", "--video-steps must be at least 0, not -1"),
        ("--episode 3", "--episodes INT"),
    ],
)
def test_mistakes_are_refused(
    curious: Command, key_door: Any, argv: str, message: str
) -> None:
    done = curious("evaluate", str(key_door.run.path), *argv.split())
    assert done.code == 2
    assert message in " ".join(done.err.replace("│", " ").split())


def test_what_is_no_run_is_refused(curious: Command, tmp_path: Path) -> None:
    done = curious("evaluate", str(tmp_path / "nothing"))
    assert (done.code, done.out) == (1, "")
    assert "There is no run at" in done.err


def test_a_run_without_an_agent_is_refused(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "x", 0, pretrain_config("simclr", size="debug"))
    with pytest.raises(ConfigError, match="trained no agent"):
        load_agent(run.path)


def test_an_actor_plays_with_its_memory(key_door: Any) -> None:
    actor, config = load_agent(key_door.run.path, "cpu")

    def play(seed: int, greedy: bool) -> PlayedEpisodes:
        env = config.world.build(3, "cpu")
        policy = actor.acting(seed, greedy)
        return play_episodes(env, policy, 3, seed=0)

    assert play(1, False) == play(1, False) != play(2, False)
    assert play(1, True) == play(2, True)
    env = config.world.build(3, "cpu")
    assert isinstance(actor, Actor)
    row, carry = env.reset(0), actor.start(3)
    policy = actor.acting(1, greedy=True)
    told = carry
    for _ in range(20):
        belief, carry = actor.perceive(row, carry)
        wanted = actor.policy(belief)[0].mode()
        carry = carry.acted(wanted)
        did = policy.act(row, told)
        assert torch.equal(did.action, wanted)
        assert torch.equal(did.carry.memory, carry.memory)
        row, told = env.step(did.action), did.carry
    assert carry.memory.abs().sum() > 0


def test_a_run_that_cannot_be_written_to_is_played_and_one_knows_at_once(
    curious: Command, key_door: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(key_door.run.path, run)
    for left in ("evaluations", "videos"):
        shutil.rmtree(run / left, ignore_errors=True)
    (run / "evaluations").touch()  # also root can make no folder there
    done = curious("evaluate", str(run), "--episodes", "1", "--device", "cpu")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(f"warning: {run / 'evaluations'} cannot be written to (")
    assert any("return, mean" in x for x in lines)
    assert "numbers  " not in done.out
    assert not (run / "videos").exists()


def test_what_cannot_be_played_leaves_no_folder(
    curious: Command, key_door: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(key_door.run.path, run)
    shutil.rmtree(run / "evaluations", ignore_errors=True)
    done = curious("evaluate", str(run / "config.json"), "--device", "cuda:99")
    assert done.code == 1
    assert not (run / "evaluations").exists()
