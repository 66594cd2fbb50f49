"""`curious watch`: what is shown is what the agent sees, and is paid."""

from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from rich.console import Console

from envs.counting import CountingConfig, decode
from envs.mujoco.social_room.config import SocialRoomConfig
from experiments.pretrain import pretrain_config
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.train.task import build_agent
from experiments.watch.config import WatchConfig
from experiments.watch.followed import Followed
from experiments.watch.panels import SIDE, WIDE, Panels
from experiments.watch.watching import watch, watched
from ssl_objectives.refusal import ConfigError

SMALL = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10")


@pytest.fixture(scope="module")
def counting(curious: Any) -> Any:
    """A run in the counting world, whose frames say which step they are of."""
    flags = ("--world", "counting", "--env-steps", "80", "--video-steps", "0")
    often = ("--checkpoint-every", "40")
    done = curious("train", "byol-explore", *SMALL, *flags, *often)
    assert done.code == 0, done.err
    return done


def agent_of(run: RunFolder, at: Path | None = None) -> tuple[Any, Followed]:
    """The agent of a run, where a checkpoint has it: the latest, or another."""
    config: Any = run.config()
    followed = Followed(config.world)
    agent = build_agent(config.__class__(**{**vars(config), "world": followed}))
    folder = CheckpointFolder(run.checkpoints)
    agent.load_state_dict(dict(folder.load(at or folder.latest()).state))
    return agent, followed


def test_the_command_leaves_a_video(
    curious: Any, counting: Any, tmp_path: Path
) -> None:
    out = tmp_path / "seen.mp4"
    flags = ("--steps", "25", "--window", "9", "--out", str(out))
    done = curious("watch", str(counting.run.path), *flags)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"video    {out}"
    assert imageio_ffmpeg.count_frames_and_secs(str(out))[0] == 25


def test_behind_a_noise_the_world_is_shown_as_it_is(
    curious: Any, tmp_path: Path
) -> None:
    world = ("--world", "key-door", "--noise", "layer")
    flags = ("--env-steps", "40", "--video-steps", "0", "--evaluate-episodes", "0")
    done = curious("train", "byol-explore", *SMALL, *world, *flags)
    assert done.code == 0, done.err
    out = tmp_path / "seen.mp4"
    assert (
        curious("watch", str(done.run.path), "--steps", "3", "--out", str(out)).code
        == 0
    )
    about = next(imageio_ffmpeg.read_frames(str(out)))
    assert about["size"] == (2 * (360 + 8) + WIDE, SIDE)


def test_frames_are_rows_in_order_and_bonus_is_what_the_signal_pays(
    counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, followed = agent_of(counting.run)
    twin, _ = agent_of(counting.run)
    shown: list[tuple[Any, ...]] = []

    def noted(
        self: Panels, views: Any, paid: Any, lines: Any
    ) -> np.ndarray[Any, np.dtype[np.uint8]]:
        shown.append((views, paid, lines))
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(Panels, "frame", noted)
    frames = watched(agent, followed, 5)
    for _ in range(20):
        next(frames)
    before = {name: x.clone() for name, x in twin.modules.named_parameters()}
    expected = [twin.play_on() for _ in range(2)]
    t = 0
    for experience, paid in expected:
        for i in range(10):
            views, told, lines = shown[t]
            row = experience.traj.obs[i + 1, 0]
            gray = torch.from_numpy(views[0]).permute(2, 0, 1)[:1]
            assert torch.equal(gray, row)
            assert told == {name: float(x.reward[i, 0]) for name, x in paid.items()}
            assert lines[0] == f"step {t + 1}"
            begins = int(decode(row[None]).step) == 0
            assert ("an episode begins" in lines) == begins
            t += 1
    assert any("an episode begins" in x[2] for x in shown)
    assert any(bonus > 0 for x in shown for bonus in x[1].values())
    for name, x in twin.modules.named_parameters():
        assert torch.equal(x, before[name]), "something was learned"


def test_it_goes_on_from_the_checkpoint_that_is_named(
    counting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And from the latest, where a run is named; not from one's world in another."""
    first, last = CheckpointFolder(counting.run.checkpoints).paths()
    shown: list[tuple[Any, ...]] = []
    draw = Panels.frame

    def noted(self: Panels, views: Any, paid: Any, lines: Any) -> Any:
        shown.append((views[0], paid))
        return draw(self, views, paid, lines)

    monkeypatch.setattr(Panels, "frame", noted)
    out = tmp_path / "seen.mp4"
    for named, at in ((first, first), (last, last), (counting.run.path, last)):
        shown.clear()
        watch(WatchConfig(named, out, steps=3, device="cpu"), Console(quiet=True))
        experience, paid = agent_of(counting.run, at)[0].play_on()
        for t, (view, told) in enumerate(shown):
            gray = torch.from_numpy(view).permute(2, 0, 1)[:1]
            assert torch.equal(gray, experience.traj.obs[t + 1, 0])
            assert told == {name: float(x.reward[t, 0]) for name, x in paid.items()}
        assert len(shown) == 3


def test_a_room_is_shown_from_above_as_well() -> None:
    notes = Followed(SocialRoomConfig(pixels=8))
    env = notes.build(2, "cpu")
    env.reset(seed=0)
    row = env.step(torch.tensor([0, 3]))
    assert len(notes.notes) == 1
    assert torch.equal(notes.notes[0]["overview"], row.facts["overview"][0])
    assert notes.notes[0]["in_view"] == row.facts["in_view"][0]
    plain = SocialRoomConfig(pixels=8).build(2, "cpu")
    plain.reset(seed=0)
    assert torch.equal(plain.step(torch.tensor([0, 3])).obs, row.obs)
    # It is the first env's, seen from above: turning is all that moves the middle.
    before = notes.notes[0]["overview"][:, 64:96, 64:96]
    env.step(torch.tensor([7, 0]))
    after = notes.notes[1]["overview"][:, 64:96, 64:96]
    assert not torch.equal(before, after)
    blind = Followed(SocialRoomConfig(pixels=0)).build(1, "cpu")
    assert "overview" in blind.spec.facts, "people see a room that the agent does not"
    assert Followed(CountingConfig()).build(1, "cpu").spec.facts.keys() == {
        *("env", "episode", "step")
    }


def test_panels_side_by_side_and_a_curve_that_rises() -> None:
    panels = Panels(window=11)
    red = np.zeros((4, 8, 3), np.uint8)
    red[..., 0] = 200
    blue = np.full((160, 160, 3), (0, 0, 200), np.uint8)
    for t in range(11):
        frame = panels.frame([red, blue], {"up": t / 10, "down": -t / 10}, ["word"])
    assert frame.shape == (SIDE, 2 * SIDE + 8 + SIDE + 8 + WIDE, 3)
    assert (frame[:, : 2 * SIDE] == (200, 0, 0)).all()
    assert (frame[:, 2 * SIDE + 8 : 3 * SIDE + 8] == (0, 0, 200)).all()
    curve = frame[:, 3 * SIDE + 16 :].astype(int)
    up = (curve == (31, 119, 180)).all(-1)
    down = (curve == (214, 90, 30)).all(-1)
    rows = torch.arange(SIDE)

    def height(of: Any, column: int) -> float:
        return float(rows[:256][torch.from_numpy(of[:256, column])].float().mean())

    left, right = 40, WIDE - 30
    assert height(up, right) < height(up, left) - 40
    assert height(down, right) > height(down, left) + 40


def test_a_curve_of_losses_alone_stays_on_its_panel() -> None:
    """The farthest from 0 is the scale, whatever its sign."""
    panels = Panels(window=5)
    for t in range(5):
        frame = panels.frame([], {"down": -3.0 * t}, [])
    line = (frame.astype(int) == (31, 119, 180)).all(-1)[: SIDE - 30]
    rows, columns = np.nonzero(line)
    assert columns.max() > WIDE - 20
    lowest = rows[columns == columns.max()].mean()
    assert lowest > rows[columns == columns.min()].mean() + 100


def test_refusals(curious: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--steps must be at least 1, not 0"):
        WatchConfig(tmp_path, steps=0)
    with pytest.raises(ConfigError, match="must end in"):
        WatchConfig(tmp_path, out=tmp_path / "a.gif")
    run = RunFolder.create(tmp_path, "x", 0, pretrain_config("simclr", size="debug"))
    with pytest.raises(ConfigError, match="trained no agent"):
        watch(WatchConfig(run.path))
    done = curious("watch", str(tmp_path / "nothing"))
    assert done.code == 1
    assert "nothing" in done.err
