"""When training is done nothing fails the run: people are warned, and told the rest."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

QUICK = (
    *("ppo", "--size", "debug", "--num-envs", "2", "--agent.ppo.num-steps", "8"),
    *("--env-steps", "32", "--evaluate-episodes", "1", "--video-steps", "4"),
)

ONCE = '''
from dataclasses import dataclass

from envs import NativeVectorEnv, VectorEnv
from envs.counting import CountingConfig

opened = 0


@dataclass(frozen=True)
class OnceConfig:
    """Opens once."""

    def build(self, num_envs: int, device: str) -> VectorEnv:
        global opened
        opened += 1
        if opened > 2:  # asked about itself, and trained in
            raise RuntimeError("it is open already")
        return CountingConfig().build(num_envs, device)
'''


def test_without_ffmpeg_there_is_no_video_and_all_else(
    curious: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    done = curious("train", *QUICK, "--world", "counting")
    assert (done.code, done.err) == (0, "")
    assert "warning: The video failed: " in done.out
    assert "/nowhere/ffmpeg" in done.out
    assert f"next    curious evaluate {done.run.path}" in done.out
    played = curious("evaluate", str(done.run.path), "--episodes", "1")
    assert (played.code, played.err) == (0, "")
    assert "warning: The video failed: " in played.out
    assert "numbers  " in played.out


def test_a_simulator_that_opens_once_is_trained_in(
    curious: Command, importable: Callable[[str, str], Path]
) -> None:
    importable("opens_once", ONCE)
    done = curious(
        *("train", *QUICK, "--world", "opens_once:OnceConfig"),
        *("--evaluate-every", "16"),
    )
    assert (done.code, done.err) == (0, "")
    lines = " ".join(done.out.split())
    assert re.search(r"warning: Evaluating at \d+ failed: RuntimeError: it is", lines)
    assert "warning: The video failed: RuntimeError: it is open already (" in lines
    assert f"next    curious evaluate {done.run.path}" in done.out
