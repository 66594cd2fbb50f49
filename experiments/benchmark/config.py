"""What `curious benchmark` is asked for, and the arms that follow from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import torch

from agents.build import AgentConfig
from agents.policy.ppo import PpoConfig
from envs.atari.native import AtariConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import VectorEnv, WorldConfig
from experiments.benchmark.agents import (
    NUM_FRAMES,
    AgentArms,
    ArmName,
    OurEncoder,
    Sb3Envs,
    WorldArm,
    encoder_arms,
)
from experiments.benchmark.timing import Arm
from experiments.config.device import resolve_device
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.refusal import ConfigError


class Suite(Enum):
    """What is measured."""

    ATARI = "atari"
    MAZE = "maze"
    PARTS = "parts"
    DATA = "data"
    METHODS = "methods"

    @property
    def arms(self) -> tuple[ArmName, ...]:
        """What the suite can measure by name."""
        if self in (Suite.PARTS, Suite.DATA, Suite.METHODS):
            return ()
        return tuple(x for x in ArmName if x is not ArmName.SB3 or self is Suite.ATARI)


class Network(Enum):
    """Encoders by name."""

    NATURE = "nature"
    PATCHES = "patches"
    IMPALA = "impala"

    def config(self, precision: Precision) -> OurEncoder:
        """The encoder's config."""
        if self is Network.NATURE:
            return NatureConfig(precision=precision)
        if self is Network.PATCHES:
            return PatchConfig(precision=precision)
        return ImpalaConfig(precision=precision)


@dataclass(frozen=True)
class BenchmarkConfig:
    """Measure training speed: every arm once in every round, medians over rounds.

    The Atari suite compares, in the same game with equal settings: `world` (the
    emulator with random actions: the limit here), `sb3` (Stable-Baselines3's PPO), and
    our agents `ppo`, `ppo-rnd` (both with 4 stacked frames, as `sb3`), `rnd` and
    `byol-explore` (both recurrent). The maze suite has all but `sb3`. The suite of
    parts runs encoders on one minibatch of images, without any world. The suite of data
    reads random windows of a data set that is larger than the memory it may take. The
    suite of methods times a training step of every method of `curious pretrain`, beside
    the encoder alone and in units of SimCLR's.
    """

    suite: Suite = Suite.ATARI
    """atari, maze (Pixel Maze, rendered on the device), parts (encoders alone), data,
    methods (of curious pretrain)"""
    arms: tuple[ArmName, ...] = ()
    """some of the arms; none means all that the suite has"""
    game: str = "MontezumaRevenge"
    """Atari game, for example Breakout"""
    rounds: int = 5
    """times that every arm is measured"""
    updates: int = 1
    """rollouts, each with its learning, in one measurement"""
    warm_up: int | None = None
    """updates of each arm that do not count (none: 1, or 2 with --compile)"""
    num_envs: int | None = None
    """worlds (none: 32; in the maze 64, on a GPU 4096)"""
    num_steps: int | None = None
    """steps of each world in a rollout (none: 128; in the maze 32)"""
    epochs: int | None = None
    """passes over each rollout (none: 4; in the maze 2)"""
    minibatches: int | None = None
    """minibatches in a pass (none: 4; in the maze 8)"""
    network: Network = Network.NATURE
    """encoder of our agents; sb3 compares with nature only"""
    precision: Precision = Precision.AUTO
    """of our encoders; auto is bf16 where the hardware multiplies it fast"""
    sb3_envs: Sb3Envs = Sb3Envs.FASTER
    """one process or many; faster tries both first"""
    compile: bool = False
    """torch.compile our encoders"""
    methods: tuple[str, ...] = ()
    """some of the methods, for the suite of methods; none means all"""
    batch_size: int = 192
    """images in a step of the suite of methods"""
    data_gib: float = 6.0
    """size of the data set that the suite of data writes, reads and deletes"""
    memory_gib: float = 4.0
    """memory that reading it may take; less than --data-gib"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""
    threads: int = 0
    """of torch and of the emulator, each; 0 leaves it to them"""
    seed: int = 0
    """of weights, worlds and draws"""
    out: Path | None = None
    """JSON file for the results (none: runs/benchmark-DATE.json)"""

    def plan(self) -> "Plan":
        """With everything decided that depends on other settings.

        Raises:
            ConfigError: settings out of range, or that do not fit together.
        """
        counts = ("rounds", "updates", "num_envs", "num_steps", "epochs", "batch_size")
        for name in counts:
            value = getattr(self, name)
            if value is not None and value < 1:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least 1, not {value}")
        maze, device = self.suite is Suite.MAZE, resolve_device(self.device)
        many = 4096 if device.type == "cuda" else 64
        plan = Plan(
            suite=self.suite,
            arms=tuple(dict.fromkeys(self.arms)) or self.suite.arms,
            world=PixelMazeConfig()
            if maze
            else AtariConfig(game=self.game, num_threads=self.threads),
            num_envs=_or(self.num_envs, many if maze else 32),
            ppo=PpoConfig(
                num_steps=_or(self.num_steps, 32 if maze else 128),
                num_epochs=_or(self.epochs, 2 if maze else 4),
                num_minibatches=_or(self.minibatches, 8 if maze else 4),
            ),
            encoder=self.network.config(self.precision),
            compile=self.compile,
            methods=self.methods,
            batch_size=self.batch_size,
            data_gib=self.data_gib,
            memory_gib=self.memory_gib,
            warm_up=_or(self.warm_up, 2 if self.compile else 1),
            sb3_envs=self.sb3_envs,
            device=str(device),
            seed=self.seed,
        )
        plan.check()
        return plan


@dataclass(frozen=True)
class Plan:
    """A benchmark with nothing left to decide."""

    suite: Suite
    arms: tuple[ArmName, ...]
    world: AtariConfig | PixelMazeConfig
    num_envs: int
    ppo: PpoConfig
    encoder: OurEncoder
    compile: bool
    methods: tuple[str, ...]
    batch_size: int
    data_gib: float
    memory_gib: float
    warm_up: int
    sb3_envs: Sb3Envs
    device: str
    seed: int

    def check(self) -> None:
        """Refuse what does not fit together.

        Raises:
            ConfigError: says what does not, and what would.
        """
        ppo = self.ppo
        wrong = [x.value for x in self.arms if x not in self.suite.arms]
        if wrong:
            known = " ".join(x.value for x in self.suite.arms)
            has = f"has {known}" if known else "takes no --arms"
            raise ConfigError(
                f"--arms {' '.join(wrong)}: --suite {self.suite.value} {has}."
            )
        if self.suite is Suite.DATA and not 0 < self.memory_gib < self.data_gib:
            raise ConfigError(
                f"--data-gib {self.data_gib:g} must be more than --memory-gib "
                f"{self.memory_gib:g}, or reading everything would fit."
            )
        if ppo.num_minibatches < 1 or self.num_envs % ppo.num_minibatches:
            raise ConfigError(
                f"--num-envs {self.num_envs} must be a multiple of --minibatches "
                f"{ppo.num_minibatches}."
            )
        if ArmName.SB3 in self.arms and not isinstance(self.encoder, NatureConfig):
            raise ConfigError(
                "Stable-Baselines3's CnnPolicy is the Nature CNN. Leave --network at "
                "nature, or leave sb3 out: --arms world ppo rnd byol-explore"
            )

    @property
    def limit(self) -> str | None:
        """The arm of which all others reach a share."""
        return ArmName.WORLD.value if ArmName.WORLD in self.arms else None

    def build(self) -> Iterator[tuple[Arm, str | None]]:
        """Each arm, with the name of the one that it is compared with.

        Raises:
            ValueError: parts that do not fit together, or no such game.
        """
        device = torch.device(self.device)
        if self.suite is Suite.DATA:
            from experiments.benchmark.data import OwnedDataset

            owned = OwnedDataset(
                self.data_gib, self.memory_gib, Path("runs"), self.seed
            )
            yield from ((arm, None) for arm in owned.arms())
            return
        if self.suite is Suite.METHODS:
            from experiments.benchmark.methods import method_arms

            encoder = SmallCnnConfig(precision=self.encoder.precision)
            yield from method_arms(
                self.methods, encoder, self.batch_size, device, self.seed
            )
            return
        if self.suite is Suite.PARTS:
            num_images = self.num_envs * self.ppo.num_steps // self.ppo.num_minibatches
            yield from encoder_arms(self.encoder, num_images, device, self.seed)
            return
        agent = AgentConfig(encoder=self.encoder, ppo=self.ppo, compile=self.compile)

        def env() -> VectorEnv:
            world: WorldConfig = self.world
            return world.build(self.num_envs, device)

        ours = AgentArms(agent, env, self.seed)
        baseline = ArmName.SB3.value if ArmName.SB3 in self.arms else None
        for name in self.arms:
            arm: Arm
            if name is ArmName.WORLD:
                arm = WorldArm(env(), self.ppo.num_steps, self.seed)
            elif name is ArmName.SB3:
                arm = self._sb3(agent, device)
            else:
                arm = ours.build(name)
            yield arm, baseline

    def _sb3(self, agent: AgentConfig, device: torch.device) -> Arm:
        # Imported only where it is measured; it takes seconds.
        from experiments.benchmark.sb3 import Sb3Config

        assert isinstance(self.world, AtariConfig)
        return Sb3Config(
            game=self.world.game,
            protocol=self.world.switches,
            num_envs=self.num_envs,
            num_frames=NUM_FRAMES,
            ppo=self.ppo,
            discount=agent.extrinsic.discount,
            trace=agent.extrinsic.trace,
            features=self.encoder.size,
            envs=self.sb3_envs,
            seed=self.seed,
        ).build(ArmName.SB3.value, device)


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
