"""`curious watch WORLD`: any world as it is, under who acts in it."""

import threading
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from envs.counting import CountingConfig
from envs.noise.config import NoisyConfig
from envs.noise.frame_layer import FrameLayerConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import FactSpec, Step
from experiments.parts.policies import untrained_policy
from experiments.parts.worlds import WORLDS
from experiments.watch import command
from experiments.watch.panels import SIDE, WIDE, WIDEST, Panels
from experiments.watch.screen import Screen
from experiments.watch.watching import played, watch_world
from experiments.watch.world_config import WatchWorldConfig
from ssl_objectives.refusal import ConfigError

HERE = "tests.experiments.watch.test_worlds"


def left(row: Step, generator: torch.Generator) -> Tensor:
    """A policy that turns round."""
    return torch.zeros(len(row.reward), dtype=torch.int64)


def noisy() -> NoisyConfig:
    return NoisyConfig(KeyDoorConfig(), FrameLayerConfig())


def size(video: Path) -> tuple[int, int, int]:
    """Frames, columns and rows."""
    about = next(imageio_ffmpeg.read_frames(str(video)))
    return imageio_ffmpeg.count_frames_and_secs(str(video))[0], *about["size"]


@pytest.mark.parametrize(
    ("argv", "columns"),
    [
        (("attention", "--world.pixels", "8"), 2 * (SIDE + 8)),
        (("two-rooms-fixed",), 2 * (SIDE + 8)),
        (("key-door",), 368),  # whose frame is all there is
        (("key-door", "--noise", "layer", "--policy", f"{HERE}:left"), 2 * 368),
        ((f"{HERE}:noisy",), 2 * 368),
        (("social-room", "--world.pixels", "0"), SIDE + 8),
        (("atari", "--world.game", "Pong"), SIDE + 8 + 244 + 8),
        (("curious/Counting-v0",), 360),
        (("CartPole-v1",), SIDE + 8),
        (("--world", "moving-dot"), SIDE + 8),
        (("chain",), WIDEST + 8),
    ],
    ids=lambda x: x[0] if isinstance(x, tuple) else "",
)
def test_the_command_leaves_a_video(
    curious: Any, argv: tuple[str, ...], columns: int, tmp_path: Path
) -> None:
    out = tmp_path / "seen.mp4"
    done = curious("watch", *argv, "--steps", "3", "--out", str(out))
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"video    {out}"
    assert "100% 3 / 3 env steps" in done.out
    frames, wide, high = size(out)
    assert (frames, high) == (3, SIDE)
    assert abs(wide - columns - WIDE) <= 2


def test_names_are_those_of_the_table() -> None:
    assert {*command.WORLDS, "gymnasium"} == set(WORLDS.rows)


def test_frames_are_rows_in_order_and_the_curve_is_the_reward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[tuple[Any, ...]] = []

    def noted(self: Panels, views: Any, numbers: Any, lines: Any) -> Any:
        shown.append((views, numbers, lines))
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(Panels, "frame", noted)
    env, twin = (CountingConfig().build(1, "cpu") for _ in range(2))
    frames = played(env, untrained_policy("random", env, 0), 3, 5)
    row = twin.reset(3)
    for t in range(25):
        next(frames)
        views, numbers, lines = shown[t]
        assert (views[0] == row.obs[0, 0, :, :, None].numpy()).all()
        assert numbers == {"reward": float(row.reward)}
        assert lines[0] == f"step {t + 1}"
        assert ("an episode begins" in lines) == bool(row.first)
        row = twin.step(torch.zeros(1, dtype=torch.int64))
    assert max(x[1]["reward"] for x in shown) > 2


def test_a_seed_is_that_of_the_world_and_of_who_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    draw = Panels.frame

    def noted(self: Panels, views: Any, numbers: Any, lines: Any) -> Any:
        shown.append(views[0])
        return draw(self, views, numbers, lines)

    monkeypatch.setattr(Panels, "frame", noted)
    world, out = KeyDoorConfig(varied_layouts=True), tmp_path / "seen.mp4"
    for seed in (3, 4):
        shown.clear()
        config = WatchWorldConfig(world, out=out, steps=9, seed=seed, device="cpu")
        watch_world(config, Console(quiet=True))
        env = world.build(1, "cpu")
        policy = untrained_policy("random", env, seed)
        row, carry = env.reset(seed), policy.start(1)
        for view in shown:
            assert (view == row.obs[0].permute(1, 2, 0).numpy()).all()
            did = policy.act(row, carry)
            row, carry = env.step(did.action), did.carry
        assert len(shown) == 9
        assert len({x.tobytes() for x in shown}) > 2


def test_the_whole_is_left_out_where_it_is_the_view() -> None:
    picture = torch.arange(192, dtype=torch.uint8).view(3, 8, 8)
    facts = {
        "overview": FactSpec((3, 8, 8), torch.uint8),
        "room": FactSpec((), torch.int64, ("left", "right")),
    }
    told = {"overview": picture, "room": torch.tensor(1)}
    widths = []
    for first in (picture, picture + 1):
        screen = Screen(facts, 5)
        # What the first row says holds for all: frames of a video are of one size.
        for obs in (first, picture):
            frame = screen.frame(obs, told, {"reward": 0.0}, begins=False)
            widths.append(frame.shape[1])
    assert widths[0] == widths[1] == SIDE + 8 + WIDE
    assert widths[2] == widths[3] == 2 * (SIDE + 8) + WIDE


def test_an_interrupted_video_has_the_steps_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    asked.set()

    class Asked:
        def __enter__(self) -> threading.Event:
            return asked

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr("experiments.watch.watching.interruptible", Asked)
    out, console = tmp_path / "short.mp4", Console(record=True)
    done = watch_world(WatchWorldConfig(out=out, steps=50), console)
    assert (done.steps, done.finished) == (1, False)
    assert size(out)[0] == 1
    assert "Stopped at 1 env steps" in console.export_text()


def test_refusals(curious: Any, tmp_path: Path) -> None:
    done = curious("watch", "key-dor")
    assert done.code == 1
    assert "neither a run nor a world 'key-dor'. Did you mean 'key-door'?" in done.err
    done = curious("watch", "key-door", "--world.size", "2")
    assert done.code == 2
    assert "size must be at least 5" in done.err
    done = curious("watch", "NoSuchEnv-v3")
    assert done.code == 1
    assert "NoSuchEnv" in done.err
    done = curious("watch", "key-door", "--policy", "nobody")
    assert done.code == 1
    assert "--policy nobody is not random, expert or" in done.err
    with pytest.raises(ConfigError, match="--seed must be at least 0"):
        WatchWorldConfig(seed=-1)
    with pytest.raises(ConfigError, match="must end in"):
        WatchWorldConfig(out=tmp_path / "a.gif")
