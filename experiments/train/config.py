"""Everything that decides a training run."""

from dataclasses import dataclass, field
from pathlib import Path

from agents.agent_config import AgentConfig
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import SignalConfig, named_signals
from agents.ppo.build import PpoAgentConfig
from envs.atari.native import AtariConfig
from envs.noise.config import with_noise
from envs.noise.world_noise import WorldNoiseConfig
from envs.vector_env import WorldConfig
from experiments.config.episodes import MAX_STEPS
from experiments.train.imitation import ImitationConfig
from ssl_objectives.refusal import ConfigError
from world_models.model_config import ModelConfig
from world_models.presets import byol_explore


@dataclass(frozen=True)
class TrainConfig:
    """A training run: which world, which agent, how curious, for how long."""

    world: WorldConfig = field(default_factory=AtariConfig)
    """where the agent lives"""
    noise: WorldNoiseConfig | None = None
    """what lies between it and its world"""
    agent: AgentConfig = field(default_factory=PpoAgentConfig)
    """how it perceives, acts and learns"""
    model: ModelConfig | None = field(default_factory=byol_explore)
    """what it predicts"""
    curiosity: CuriosityConfig | None = field(default_factory=PredictionErrorConfig)
    """what it finds interesting"""
    also: tuple[SignalConfig, ...] = ()
    """further signals, each with a reward stream of its own"""
    imitation: ImitationConfig = field(default_factory=ImitationConfig)
    """demonstrations that its policy imitates first"""
    num_envs: int = 16
    """B, worlds stepped in parallel"""
    env_steps: int = 65_536
    """budget: steps of all worlds together (Atari: 4 frames each), in whole rollouts"""
    stop_at: float | None = None
    """mean return at which a run ends before its budget; none: it never does"""
    stop_episodes: int = 100
    """last episodes over which that mean is taken"""
    seed: int = 0
    """of initial weights, worlds and all draws"""
    seeds: int = 1
    """runs, one after another, with seeds counted up from `seed`"""
    device: str = "auto"
    """cpu, cuda, cuda:1 …; auto takes a GPU if there is one"""
    runs: Path = Path("runs")
    """folder that holds all run folders"""
    checkpoint_every: int = 16_384
    """env steps between checkpoints; a killed run loses at most these"""
    keep_checkpoints: int = 3
    """newest checkpoints kept, beside the best and a sparse history"""
    evaluate_every: int = 0
    """env steps between evaluations (score, rooms, cells, beside random play's); 0
    evaluates never"""
    evaluate_episodes: int = 5
    """episodes of each evaluation; 0 plays none"""
    evaluate_max_steps: int = MAX_STEPS
    """env steps after which an episode of an evaluation is cut"""
    watch_steps: int = 1_000
    """steps of each evaluation that the world model's loss on each part of the world is
    measured on, with a hard-coded gaze, in worlds that have parts"""
    video_steps: int = 900
    """env steps of the video recorded at the end; 0 records none"""

    @property
    def place(self) -> WorldConfig:
        """The world as the agent finds it, with its noise."""
        return with_noise(self.world, self.noise)

    @property
    def signals(self) -> dict[str, SignalConfig]:
        """All curiosity by the names that it has in logs."""
        return named_signals(self.curiosity, self.agent.intrinsic, self.also)

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value < least:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least {least}, not {value}")


# The parts of a config look after their own numbers.
_LEAST = {
    "num_envs": 1,
    "env_steps": 1,
    "stop_episodes": 1,
    "seed": 0,
    "seeds": 1,
    "checkpoint_every": 1,
    "keep_checkpoints": 1,
    "evaluate_every": 0,
    "evaluate_episodes": 0,
    "evaluate_max_steps": 1,
    "watch_steps": 1,
    "video_steps": 0,
}
