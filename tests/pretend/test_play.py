"""Playing, evaluating and whole commands on the pretend device."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from agents.acting import RandomPolicy
from agents.play import PlayedEpisodes, play_episodes, play_frames
from agents.ppo.build import PpoAgentConfig
from envs.tiles.key_door import KeyDoorConfig
from experiments.cli import main
from experiments.runs.folder import RunFolder
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda
from world_models.cores.recurrent import RecurrentConfig

B = 4
WORLD = KeyDoorConfig(max_episode_steps=6, varied_layouts=True)
AGENT = PpoAgentConfig(
    NatureConfig(16, precision=Precision.FLOAT32), RecurrentConfig(9)
)


def played(name: str) -> tuple[list[PlayedEpisodes], list[Crossing]]:
    """Episodes of an untrained actor and of random play, and what crossed."""
    with pretend_cuda() if name == "cuda" else nullcontext() as device:
        env = WORLD.build(B, name)
        agent = AGENT.build(env, None, None, 0)
        if device is not None:
            device.crossings.clear()
        players = (
            agent.actor.acting(1),
            RandomPolicy(env, 1),
        )
        both = [play_episodes(env, x, B, 5, max_steps=5) for x in players]
        pictures = list(play_frames(env, players[1], 2, 5))
        assert pictures[-1].shape[-1] == 3
        return both, [] if device is None else device.crossings


def test_episodes_equal_those_of_a_cpu() -> None:
    found, crossings = played("cuda")
    wanted, _ = played("cpu")
    assert found == wanted
    rows = sum(x.env_steps for x in found) // B
    assert not [x for x in crossings if x.kind == "wait"]
    # a row is reward, three flags and the place, whatever the number of envs; rows at
    # which an episode begins or is cut are read as well
    downloads = [x for x in crossings if x.kind == "download"]
    assert len(downloads) <= 7 * 2 * (rows + 2)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Train, evaluate and go on, as one would on a GPU."""
    small = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "8")
    with pretend_cuda():
        train = ("train", "rnd", *small, "--world", "key-door", "--env-steps", "32")
        about = ("--device", "cuda", "--runs", str(tmp_path), "--video-steps", "2")
        short = ("--world.max-episode-steps", "6", "--curiosity.warm-up-steps", "2")
        assert main([*train, *about, *short]) == 0, capsys.readouterr().err
        (run,) = tmp_path.iterdir()
        play = ("--episodes", "2", "--video-steps", "0", "--device", "cuda")
        assert main(["evaluate", str(run), *play]) == 0
        more = ("--env-steps", "64", "--video-steps", "0")
        assert main(["train", "--resume", str(run), *more]) == 0
    assert main(["evaluate", str(run), *play[:-1], "cpu"]) == 0
    assert RunFolder(run).config().device == "cuda"
    assert "free on cuda" in capsys.readouterr().out
