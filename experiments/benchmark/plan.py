"""A benchmark with nothing left to decide, and the arms that follow from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.build import PpoAgentConfig
from envs.atari.native import AtariConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import VectorEnv, WorldConfig
from experiments.benchmark.agents import (
    NUM_FRAMES,
    AgentArms,
    OurEncoder,
    WorldArm,
    encoder_arms,
)
from experiments.benchmark.config import (
    ArmName,
    BenchmarkConfig,
    Network,
    Sb3Envs,
    Shape,
    Suite,
)
from experiments.benchmark.models.arms import TIMED, USUAL, model_arms
from experiments.benchmark.models.shapes import usual as usual_shapes
from experiments.benchmark.timing import Arm
from experiments.config.device import resolve_device
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class Plan:
    """A benchmark with nothing left to decide."""

    suite: Suite
    arms: tuple[ArmName, ...]
    world: AtariConfig | PixelMazeConfig
    num_envs: int
    planned_envs: int | None
    ppo: PpoConfig
    encoder: OurEncoder
    compile: bool
    methods: tuple[str, ...]
    models: tuple[str, ...]
    shapes: tuple[Shape, ...]
    batch_size: int
    data_gib: float
    memory_gib: float
    warm_up: int
    sb3_envs: Sb3Envs
    device: str
    seed: int

    @staticmethod
    def of(config: BenchmarkConfig) -> "Plan":
        """The plan of a config: everything decided that depends on other settings.

        Raises:
            ConfigError: settings out of range, or that do not fit together.
        """
        counts = ("rounds", "updates", "num_envs", "num_steps", "epochs", "batch_size")
        for name in counts:
            value = getattr(config, name)
            if value is not None and value < 1:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least 1, not {value}")
        maze, device = config.suite is Suite.MAZE, resolve_device(config.device)
        many = 4096 if device.type == "cuda" else 64
        plan = Plan(
            suite=config.suite,
            arms=tuple(dict.fromkeys(config.arms)) or config.suite.arms,
            world=PixelMazeConfig()
            if maze
            else AtariConfig(game=config.game, num_threads=config.threads),
            num_envs=_or(config.num_envs, many if maze else 32),
            planned_envs=config.num_envs,
            ppo=PpoConfig(
                num_steps=_or(config.num_steps, 32 if maze else 128),
                num_epochs=_or(config.epochs, 2 if maze else 4),
                num_minibatches=_or(config.minibatches, 8 if maze else 4),
            ),
            encoder=_encoder(config.network, config.precision),
            compile=config.compile,
            methods=config.methods,
            models=tuple(dict.fromkeys(config.models)) or USUAL,
            shapes=tuple(dict.fromkeys(config.shapes)) or usual_shapes(device),
            batch_size=config.batch_size,
            data_gib=config.data_gib,
            memory_gib=config.memory_gib,
            warm_up=_or(config.warm_up, 2 if config.compile else 1),
            sb3_envs=config.sb3_envs,
            device=str(device),
            seed=config.seed,
        )
        plan.check()
        return plan

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
        for model in self.models:
            TIMED.check(model, "--models")
        if self.suite is Suite.DATA and not 0 < self.memory_gib < self.data_gib:
            raise ConfigError(
                f"--data-gib {self.data_gib:g} must be more than --memory-gib "
                f"{self.memory_gib:g}, or reading everything would fit."
            )
        learns = self.suite not in (Suite.PLANNING, Suite.RENDERERS)
        if learns and (ppo.num_minibatches < 1 or self.num_envs % ppo.num_minibatches):
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
        if self.suite in (Suite.ATARI, Suite.MAZE):
            yield from self._agents(device)
        else:
            yield from self._alone(device)

    def _alone(self, device: torch.device) -> Iterator[tuple[Arm, str | None]]:
        """Suites without agents; what each measures is imported only for it."""
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
        if self.suite is Suite.MODELS:
            yield from model_arms(
                self.models,
                self.shapes,
                self.encoder.precision,
                self.compile,
                device,
                self.seed,
            )
            return
        if self.suite is Suite.PLANNING:
            from experiments.benchmark.planning import plan_arms

            yield from plan_arms(
                self.planned_envs, self.encoder.precision, device, self.seed
            )
            return
        if self.suite is Suite.RENDERERS:
            from experiments.benchmark.renderers import render_arms

            yield from render_arms(self.planned_envs, device, self.seed)
            return
        if self.suite is Suite.PARTS:
            num_images = self.num_envs * self.ppo.num_steps // self.ppo.num_minibatches
            yield from encoder_arms(self.encoder, num_images, device, self.seed)

    def _agents(self, device: torch.device) -> Iterator[tuple[Arm, str | None]]:
        agent = PpoAgentConfig(
            encoder=self.encoder,
            ppo=self.ppo,
            extrinsic=RewardStream(1.0, 0.999, clip=1.0),
            compile=self.compile,
        )

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

    def _sb3(self, agent: PpoAgentConfig, device: torch.device) -> Arm:
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


def _encoder(network: Network, precision: Precision) -> OurEncoder:
    if network is Network.NATURE:
        return NatureConfig(precision=precision)
    if network is Network.PATCHES:
        return PatchConfig(precision=precision)
    return ImpalaConfig(precision=precision)
