"""`curious reward` end to end, small: recorded, learned, shown, paid, refused."""

import re
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from PIL import Image

from agents.rewards.distance_to_goal import DistanceToGoal
from agents.rewards.measures import order_in_time
from agents.rewards.perceptual import PerceptualReward
from envs.tiles.key_door import KeyDoorConfig
from experiments.encoders.saved import save_encoder
from experiments.reward.command import COMMAND, FIT_EXAMPLES
from experiments.reward.demonstrations import read_demonstrations
from experiments.rewards.saved import describe_reward, load_reward
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.refusal import DatasetError
from tests.agents.rewards.moving import moving
from tests.experiments.conftest import Command
from world_models.data.dataset import open_dataset

PATCHES = ("--encoder", "patch", "--encoder.size", "7")
WORLD = ("--world", "key-door", "--world.size", "6")
TRAIN = ("train", "ppo", "--size", "debug", "--encoder", "patch")
LABELS = ("--labels", "has_key", "door_open")


def plain(text: str) -> str:
    """Without boxes and line breaks."""
    return re.sub(r"[\s│─╭╮╰╯]+", " ", text)


@pytest.fixture(scope="module")
def shown(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an expert did in a small grid, now and then by mistake."""
    out = tmp_path_factory.mktemp("data") / "expert"
    done = curious(
        *("record", *WORLD, "--policy", "expert", "--mistakes", "0.15", "--facts"),
        *("--num-envs", "2", "--steps", "330", "--out", str(out)),
    )
    assert done.code == 0, done.err
    return out


@pytest.fixture(scope="module")
def learned(curious: Command, shown: Path) -> Path:
    out = shown.parent / "reward"
    done = curious("reward", "fit", str(shown), "--out", str(out), *PATCHES)
    assert done.code == 0, done.err
    assert "Learned from 10 demonstrations" in done.out
    assert "The encoder is not trained" in done.out
    assert f"curious reward show {out} {shown}" in done.out
    return out


def test_steps_of_unseen_demonstrations_are_found(
    curious: Command, shown: Path, learned: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "seen.png"
    done = curious(
        *("reward", "show", str(learned), str(shown), "--skip", "10", "--demos", "4"),
        *(*LABELS, "--shown", "2", "--out", str(picture)),
    )
    assert done.code == 0, done.err
    mean = re.search(r"mean +\d+" + r" +([\d.]+)" * 4, done.out)
    assert mean is not None
    order, steps, followed, chance = map(float, mean.groups())
    assert order > 0.85
    assert steps > chance + 0.2
    assert followed > chance + 0.2
    assert np.asarray(Image.open(picture)).std() > 10
    reward = load_reward(learned)
    assert isinstance(reward, PerceptualReward)
    assert describe_reward(learned).image_shape == (3, 30, 35)


def test_demonstrations_are_whole_episodes(shown: Path) -> None:
    """Each begins at the start, ends at the goal, and steps are what facts say."""
    read = read_demonstrations(str(shown), 6, labels=("has_key", "door_open"))
    data = open_dataset(shown)
    stream = np.concatenate([x["obs"] for _, x in data.reader.blocks(0)])
    begins = data.first_rows()
    first = read.demos[0]
    assert len(first) == begins[1] - begins[0]
    assert np.array_equal(first.frames.numpy(), stream[: begins[1]])
    assert len(read.demos) == 6
    for demo in read.demos:
        assert demo.steps is not None
        assert demo.steps[0] == 0
        assert demo.steps[-1] == 2
        assert (demo.steps.diff() >= 0).all()
        assert torch.equal(demo.frames[0], first.frames[0])
    later = read_demonstrations(str(shown), 2, skip=4, every=3)
    assert torch.equal(later.demos[0].frames[-1], read.demos[4].frames[-1])
    assert torch.equal(later.demos[0].frames[1], read.demos[4].frames[3])


def test_episodes_that_earned_nothing_are_passed_over(
    curious: Command, tmp_path: Path
) -> None:
    """Random play reaches no goal, and is cut off; an expert beside it does."""
    out = tmp_path / "mixed"
    cut = (*WORLD, "--world.max-episode-steps", "20", "--num-envs", "1")
    done = curious("record", *cut, "--steps", "64", "--out", str(out))
    assert done.code == 0, done.err
    only_cut = read_demonstrations(str(out), 10)
    assert [len(x) for x in only_cut.demos] == [21, 21, 21]
    done = curious(
        *("record", *cut, "--policy", "expert", "--steps", "60"),
        *("--out", str(out), "--append"),
    )
    assert done.code == 0, done.err
    read = read_demonstrations(str(out), 10)
    assert all(len(x) < 21 for x in read.demos)  # the way is 17 steps long
    assert "3 episodes were passed over" in " ".join(read.notes)
    with pytest.raises(DatasetError, match="has no facts room"):
        read_demonstrations(str(out), 10, labels=("room",))
    with pytest.raises(DatasetError, match="no demonstration behind the first 99"):
        read_demonstrations(str(out), 1, skip=99)


def test_videos_are_demonstrations(curious: Command, tmp_path: Path) -> None:
    """Of frames that are resized, and the reward rises along another one."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for seed in range(4):
        frames = moving(seed).frames[:, 0, :, :, None].expand(-1, -1, -1, 3)
        raw = "-y -v error -f rawvideo -pix_fmt rgb24 -s 24x8 -r 10 -i -"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), *raw.split(), "-c:v", "ffv1"]
        film = str(videos / f"{seed}.mkv")
        data = frames.contiguous().numpy().tobytes()
        subprocess.run([*command, "-pix_fmt", "gbrp", film], input=data, check=True)
    out = tmp_path / "reward"
    done = curious(
        *("reward", "fit", str(videos), "--demos", "3", "--out", str(out)),
        *("--method", "xirl", "--method.embedding.steps", "60", "--encoder", "pixels"),
        *("--size", "4", "12", "--gray"),
    )
    assert done.code == 0, done.err
    reward = load_reward(out)
    assert isinstance(reward, DistanceToGoal)
    read = read_demonstrations(str(videos), 1, skip=3, size=(4, 12), gray=True)
    assert order_in_time(reward(read.demos[0].frames)) > 0.8
    done = curious("reward", "show", str(out), str(videos))
    assert done.code == 0, done.err
    assert (out / "demonstrations.png").is_file()


def test_minari_data_are_demonstrations(
    curious: Command, shown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    done = curious("import", str(shown), "--to-minari", "mine/expert-v0")
    assert done.code == 0, done.err
    there = read_demonstrations("mine/expert-v0", 3).demos
    here = read_demonstrations(str(shown), 3).demos
    for one, other in zip(there, here, strict=True):
        assert torch.equal(one.frames, other.frames)


def test_any_encoder_of_ours(curious: Command, shown: Path, tmp_path: Path) -> None:
    """One that was trained by itself, and a world model's; both whole in the file."""
    torch.manual_seed(3)
    config = PatchConfig(6, 5, 4, precision=Precision.FLOAT32)
    encoder = config.build((3, 30, 35))
    save_encoder(tmp_path / "mine.safetensors", encoder, config, (3, 30, 35))
    out = tmp_path / "pretrained"
    asked: tuple[str, ...] = ("--encoder", "pretrained", "--encoder.rate", "0")
    asked = (*asked, "--encoder.path")
    done = curious(
        *("reward", "fit", str(shown), "--out", str(out), *asked),
        str(tmp_path / "mine.safetensors"),
    )
    assert done.code == 0, done.err
    assert "not trained" not in done.out
    (tmp_path / "mine.safetensors").unlink()
    frames = read_demonstrations(str(shown), 1).demos[0].frames
    assert torch.allclose(load_reward(out).depths.encoder(frames), encoder(frames))

    trained = curious(
        *("train-model", "--size", "debug", "--steps", "1", "--no-report"),
        *("--data", "recorded", "--data.path", str(shown), "--encoder", "patch"),
    )
    assert trained.code == 0, trained.err
    asked = ("--encoder", "world-model", "--encoder.path", str(trained.run.path))
    done = curious(
        "reward", "fit", str(shown), "--out", str(tmp_path / "model"), *asked
    )
    assert done.code == 0, done.err
    assert load_reward(tmp_path / "model")(frames).isfinite().all()


@pytest.mark.parametrize("signal", ["perceptual", "perceptual-shaping"])
def test_an_agent_is_paid_by_it(
    curious: Command, learned: Path, rows: Any, signal: str
) -> None:
    done = curious(
        *(*TRAIN, "--num-envs", "2", *WORLD),
        *("--agent.ppo.num-steps", "8", "--env-steps", "32", "--video-steps", "0"),
        *("--curiosity", signal, "--curiosity.path", str(learned)),
    )
    assert done.code == 0, done.err
    assert done.run.config().agent.intrinsic.episodic
    told = rows(done.run)[-1]["metrics"]
    name = {"perceptual": "value", "perceptual-shaping": "potential"}[signal]
    assert 0 <= told[f"intrinsic/{signal}/{name}"] <= 1


def test_shaping_alone_is_refused(curious: Command, learned: Path) -> None:
    asked = ("--curiosity", "perceptual-shaping", "--curiosity.path", str(learned))
    small = (*TRAIN, *WORLD, *asked)
    done = curious(*small, "--agent.extrinsic.weight", "0")
    assert done.code == 1
    assert "shaping alone teaches nothing" in plain(done.err)
    done = curious(*small, "--agent.intrinsic.no-episodic")
    assert done.code == 1
    assert "only if its return ends with an episode" in plain(done.err)
    done = curious(*TRAIN, "--world", "key-door", *asked)
    assert done.code == 1
    assert "looks at frames of shape (3, 30, 35)" in plain(done.err)


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        ("", 2, "usage: curious reward fit"),
        ("--help", 0, "usage: curious reward fit"),
        ("shwo", 2, "Did you mean 'show'?"),
        ("fit --out OUT", 1, "From what?"),
        ("fit SHOWN", 1, "Where to?"),
        ("fit SHOWN --out REWARD", 1, "is there. Give another folder"),
        ("fit SHOWN --out OUT --demos 21", 2, "--demos must be 1 to 20"),
        ("fit SHOWN --out OUT --method.steps 1", 2, "at least two"),
        ("fit SHOWN --out OUT --method tnc", 2, "Did you mean 'tcn'?"),
        ("fit SHOWN --out OUT --encoder nature", 1, "too small for this encoder"),
        ("fit SHOWN --out OUT --encoder world-model", 1, "Which world model?"),
        ("show OUT SHOWN", 1, "no learned reward at"),
        ("show REWARD gone", 1, "gone"),
        ("show REWARD SHOWN --out x.pdf", 2, "must end in .png"),
        ("fit SHOWN --out OUT --encoder pixels --method.steps 40", 1, "Take fewer"),
    ],
)
def test_what_cannot_be_done_is_said(
    curious: Command,
    shown: Path,
    learned: Path,
    tmp_path: Path,
    argv: str,
    code: int,
    words: str,
) -> None:
    named = {"OUT": tmp_path / "out", "SHOWN": shown, "REWARD": learned}
    done = curious("reward", *(str(named.get(x, x)) for x in argv.split()))
    assert words in plain(done.out + done.err)
    assert done.code == code
    assert not (tmp_path / "out").exists()


def test_an_episode_that_did_not_end_is_none(curious: Command, tmp_path: Path) -> None:
    data = tmp_path / "short"
    done = curious("record", *WORLD, "--steps", "32", "--out", str(data))
    assert done.code == 0, done.err
    with pytest.raises(DatasetError, match="after 3 frames none had ended"):
        read_demonstrations(str(data), 1)


def test_one_demonstration_is_one(curious: Command, shown: Path) -> None:
    """Pixels are not spoken of as if training had been forgotten."""
    out = shown.parent / "one"
    asked = ("--out", str(out), "--demos", "1", "--encoder", "pixels")
    done = curious("reward", "fit", str(shown), *asked)
    assert done.code == 0, done.err
    assert "Learned from 1 demonstration, " in done.out
    assert "with time along it: " in done.out
    assert "not trained" not in done.out
    assert f"--world WORLD --curiosity perceptual --curiosity.path {out}" in done.out


def test_facts_that_count_no_steps(tmp_path: Path) -> None:
    frames = moving(0).frames[:, 0, :, :, None].expand(-1, -1, -1, 3).numpy()
    num = len(frames)
    facts = {
        "half": np.arange(num) / 2,
        "below": np.arange(num) - 1,
        "place": np.zeros((num, 2)),
        "step": np.arange(num) // 2 * 1.0,
    }
    np.savez(tmp_path / "x.npz", **{"obs": frames, **facts})  # type: ignore[arg-type]
    source = str(tmp_path / "x.npz")
    for name in ("half", "below", "place"):
        with pytest.raises(DatasetError, match=f"The fact {name} counts no steps"):
            read_demonstrations(source, 1, labels=("step", name))
    [demo] = read_demonstrations(source, 1, labels=("step",)).demos
    assert demo.steps is not None
    assert demo.steps.tolist() == [x // 2 for x in range(num)]


def test_room_is_made_before_anything_is_learned(
    curious: Command, shown: Path, learned: Path, tmp_path: Path
) -> None:
    """A folder that cannot be made is said at once; a picture's is made."""
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / "reward"
    done = curious("reward", "fit", str(shown), "--out", str(out), "--method", "xirl")
    assert done.code == 1
    assert "Learned" not in done.out
    assert (tmp_path / "file").read_text() == "mine"
    picture = tmp_path / "a" / "b" / "seen.png"
    small = ("--demos", "1", "--shown", "1", "--out", str(picture))
    done = curious("reward", "show", str(learned), str(shown), *small)
    assert done.code == 0, done.err
    assert picture.is_file()


def test_frames_that_were_resized_are_told_of(
    curious: Command, learned: Path, tmp_path: Path
) -> None:
    frames = moving(0).frames[:, 0, :, :, None].expand(-1, -1, -1, 3).numpy()
    np.savez(tmp_path / "x.npz", obs=frames)
    out = ("--out", str(tmp_path / "x.png"))
    done = curious("reward", "show", str(learned), str(tmp_path / "x.npz"), *out)
    assert done.code == 0, done.err
    assert "were resized to 3 x 30 x 35" in plain(done.out)


@pytest.mark.parametrize("example", FIT_EXAMPLES)
def test_examples_can_be_read(example: str) -> None:
    assert COMMAND.read(example.split()[3:]).out is not None


def test_the_expert_is_refused_where_it_knows_no_rules(
    curious: Command, tmp_path: Path
) -> None:
    done = curious(
        *("record", "--world", "moving-dot", "--policy", "expert"),
        *("--steps", "4", "--out", str(tmp_path / "x")),
    )
    assert done.code == 1
    assert "There is no expert" in plain(done.err)


def test_mistakes_are_the_experts(curious: Command, tmp_path: Path) -> None:
    out = ("--steps", "4", "--out", str(tmp_path / "x"))
    done = curious("record", *WORLD, "--mistakes", "0.1", *out)
    assert done.code == 2
    assert "--mistakes are the expert's" in plain(done.err)
    expert = ("--policy", "expert", "--mistakes", "1.1")
    done = curious("record", *WORLD, *expert, *out)
    assert done.code == 2
    assert "--mistakes must be 0 to 1" in plain(done.err)


def test_worlds_are_as_the_tests_take_them() -> None:
    assert KeyDoorConfig(6).build(1, "cpu").spec.obs_shape == (3, 30, 35)
