"""`curious evaluate`: how well an agent plays, and how far it gets, beside random."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from agents.acting import RandomPolicy
from agents.play import (
    PlayedEpisodes,
    play_episodes,
)
from agents.player import Player
from experiments.config.device import resolve_device
from experiments.evaluate.config import EvaluateConfig
from experiments.evaluate.results import (
    episode_lines,
    evaluation_table,
    watching,
    write_evaluation,
)
from experiments.parts.seen import seen
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import RunFolder
from experiments.runs.playing import observable_env, share_envs
from experiments.runs.summary import surviving
from experiments.runs.video import record_video
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class Evaluation:
    """Both players' episodes, and where the numbers were written, if they could be."""

    agent: PlayedEpisodes
    random: PlayedEpisodes
    env_steps: int
    file: Path | None


def evaluate(config: EvaluateConfig, console: Console | None = None) -> Evaluation:
    """Evaluate a run beside uniformly random play; writes JSON and a video.

    Raises:
        NotARun: there is no run at the path.
        CheckpointError: its checkpoint cannot be read.
        ConfigError: the device does not exist, or the checkpoint does not fit.
    """
    console = console or Console()
    run = RunFolder.open(config.run)
    path = _checkpoint(run, config)
    warn = partial(_warn, console)
    kept = _writable(run.path / "evaluations", warn)
    player, trained = load_agent(path, config.device)
    num_envs = share_envs(config.episodes, config.num_envs)
    env = observable_env(trained.place, num_envs, config.device)
    try:
        players = {
            "agent": player.acting(config.seed, config.greedy),
            "random": RandomPolicy(env, config.seed),
        }
        played = {}
        for name, policy in players.items():
            with watching(console, f"{name} plays", config.episodes) as watch:
                played[name] = play_episodes(
                    env, policy, config.episodes, config.seed, config.max_steps, watch
                )
    finally:
        env.close()
    env_steps = steps_of(path)
    title = f"{run.path.name}, after {env_steps:,} env steps"
    console.print(title, style="bold", highlight=False, soft_wrap=True)
    console.print(seen(env.spec), highlight=False, markup=False, soft_wrap=True)
    console.print(evaluation_table(played))
    for line in episode_lines(played["agent"]):
        console.print(f"  {line}", highlight=False)
    if not kept:
        return Evaluation(played["agent"], played["random"], env_steps, None)
    file = run.path / "evaluations" / f"{path.stem}.json"
    about = {
        "env_steps": env_steps,
        "seed": config.seed,
        "greedy": config.greedy,
        "max_steps": config.max_steps,
    }
    write_evaluation(file, played, about)
    console.print(f"numbers  {file}", highlight=False, soft_wrap=True)
    if config.video_steps:
        video = run.videos / f"evaluation-{path.stem}.mp4"
        with surviving("The video", warn):
            asked = (config.video_steps, config.seed, config.greedy)
            record_video(trained.place, player, video, *asked)
            console.print(f"video    {video}", highlight=False, soft_wrap=True)
    return Evaluation(played["agent"], played["random"], env_steps, file)


def load_agent(run: Path | str, device: str = "auto") -> tuple[Player, TrainConfig]:
    """The player of a run (its latest checkpoint, or the one given), and the config.

        player, config = load_agent("runs/…")
        policy, model = player.acting(seed=0), player.world_model

    Raises:
        NotARun: there is no run at the path.
        CheckpointError: the checkpoint cannot be read.
        ConfigError: it does not fit the run's config, or no agent was trained there.
    """
    folder = RunFolder.open(Path(run))
    config = folder.config()
    if not isinstance(config, TrainConfig):
        raise ConfigError(
            f"{folder.path} trained no agent. Give a run of `curious train`."
        )
    path = folder.checkpoint_at(Path(run))
    state = CheckpointFolder(folder.checkpoints).load(path).state["modules"]
    env = config.place.build(1, "cpu")
    player = config.agent.build_player(env.spec, config.model, len(config.signals))
    env.close()
    prefix = "actor."
    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    try:
        player.load_state_dict(own)
    except RuntimeError as error:
        raise ConfigError(
            f"the checkpoint does not fit {folder.config_file}: {error}"
        ) from error
    return player.to(resolve_device(device)).eval(), config


def _writable(folder: Path, warn: Callable[[str], None]) -> bool:
    """Whether an evaluation can be kept; asked before hours are played."""
    new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        warn(
            f"{folder} cannot be written to ({error.strerror}). The numbers will be "
            "shown here, and neither they nor a video be kept."
        )
        return False
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()  # until there is something to keep
    return True


def _warn(console: Console, message: str) -> None:
    console.print(f"warning: {message}", highlight=False, markup=False, soft_wrap=True)


def _checkpoint(run: RunFolder, config: EvaluateConfig) -> Path:
    named = run.checkpoint_at(config.run)
    if named is not None:
        return named
    folder = CheckpointFolder(run.checkpoints)
    return folder.best() if config.best else folder.latest()
