"""Demonstrations that a policy imitates before it plays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rich.console import Console

from agents.agent import Agent
from agents.at_least import check_least
from agents.ppo.agent import PpoAgent
from agents.ppo.cloning import Cloning
from envs.vector_env import WorldConfig
from experiments.config.json import to_json
from experiments.runs.progress import ProgressBar
from experiments.runs.session import say
from experiments.runs.task import read_metrics_from
from experiments.sources.recorded import DatasetConfig, Recorded
from ssl_objectives.distributed import rank
from ssl_objectives.refusal import ConfigError
from world_models.actions import ActionSpace, Discrete

_SHOW_EVERY = 20  # steps


@dataclass(frozen=True)
class ImitationConfig:
    """Behaviour cloning in front of a run; see `Cloning`.

    A data set of `curious record --policy expert`, of a run, or imported from people's
    play; its last tenth is only measured on.
    """

    path: Path | None = None
    """data set to imitate; none: nothing is imitated"""
    steps: int = 2_000
    """gradient steps, before the first env step"""
    batch: int = 32
    """windows of the data set in each"""
    num_steps: int = 32
    """transitions in each window"""
    burn_in: int = 4
    """first transitions of a window that only bring memory up to date"""
    learning_rate: float = 1e-3
    """of Adam"""
    max_grad_norm: float = 0.5
    """gradients are scaled down to this norm"""

    def __post_init__(self) -> None:
        check_least(self, 1, "batch", "num_steps")
        check_least(self, 0, "steps", "burn_in", "learning_rate", "max_grad_norm")


def imitate(
    agent: Agent,
    config: ImitationConfig,
    world: WorldConfig,
    seed: int,
    console: Console,
) -> Mapping[str, float]:
    """Let an agent's policy learn from demonstrations; what came of it, as metrics.

    Args:
        agent: not yet begun.
        config: which, and for how long.
        world: where the agent plays.
        seed: of the order of windows.
        console: shows how far it is.

    Raises:
        ConfigError: the agent has no policy that could; or the demonstrations are of
            other worlds.
        DatasetError: there are none, they are damaged, or too few.
    """
    if config.path is None:
        return {}
    if not isinstance(agent, PpoAgent):
        raise ConfigError("Only --policy ppo imitates. Leave --imitation.path out.")
    num_steps, device = config.burn_in + config.num_steps, agent.env.spec.device
    recorded = DatasetConfig(config.path).open(num_steps, config.batch, seed, device)
    _check_world(world, recorded, config.path)
    _check_alike(agent, recorded, config.path)
    cloning = Cloning(
        agent.actor,
        config.learning_rate,
        config.max_grad_norm,
        config.burn_in,
        agent.rl_gradient,
    )
    with ProgressBar(config.steps, unit="steps of imitation", console=console) as bar:
        for step in range(1, config.steps + 1):
            told = cloning.step(recorded.next())
            if step % _SHOW_EVERY == 0 and rank() == 0:
                bar.reach(step, _in_words(read_metrics_from(told)))
    kept_back = _held_out(cloning, recorded, config.batch)
    words = ", ".join(_in_words(kept_back))
    say(console, f"Imitated, on windows kept back: {words}")
    return kept_back


def _in_words(metrics: Mapping[str, float]) -> list[str]:
    return [f"{name.split('/')[1]} {x:.3g}" for name, x in metrics.items()]


def _held_out(cloning: Cloning, recorded: Recorded, batch: int) -> Mapping[str, float]:
    """Means over the windows that nothing was learned from."""
    parts = [
        read_metrics_from(cloning.measure(traj))
        for part in (0, 1)
        for traj in recorded.held_out(batch, part)
    ]
    return {name: fmean(x[name] for x in parts) for name in parts[0]}


def _told(actions: ActionSpace) -> str:
    """How many there are; a data set has no names for them."""
    if isinstance(actions, Discrete):
        return f"{actions.n} kinds"
    return f"{len(actions.low)} real numbers"


def _check_world(world: WorldConfig, recorded: Recorded, path: Path) -> None:
    """Worlds may show and take the same, and be others; imported data tell none."""
    recordings = recorded.source.get("appended", [recorded.source])
    here = to_json(world)["type"]
    for recording in recordings if isinstance(recordings, list) else ():
        said = recording.get("config") if isinstance(recording, Mapping) else None
        there = said.get("world") if isinstance(said, Mapping) else None
        if isinstance(there, Mapping) and there.get("type", here) != here:
            names = [str(x).rpartition(":")[2] for x in (there["type"], here)]
            raise ConfigError(
                f"The demonstrations in {path} are of another world: of {names[0]}, "
                f"and here is {names[1]}. Record this one, with the same flags."
            )


def _check_alike(agent: PpoAgent, recorded: Recorded, path: Path) -> None:
    spec, offered = agent.env.spec, recorded.offered
    for what, theirs, ours in (
        ("frames", offered.obs_shape, spec.obs_shape),
        ("actions", _told(offered.actions), _told(spec.actions)),
        ("numbers beside frames", offered.vector_size, spec.vector_size),
    ):
        if theirs != ours:
            raise ConfigError(
                f"The demonstrations in {path} are of another world: their {what} are "
                f"{theirs}, and here {ours}. Record this one, with the same flags."
            )
