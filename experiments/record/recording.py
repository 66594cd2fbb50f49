"""`curious record`: what any policy sees and does in any world becomes a data set."""

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from agents.seeds import Seeds
from envs.noise.config import with_noise
from envs.noise.world_noise import WorldNoiseConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import (
    ContinuousActions,
    EnvSpec,
    ObservableWorld,
    Step,
    VectorEnv,
    WorldConfig,
    WorldError,
)
from experiments.config.device import resolve_device
from experiments.config.json import to_json
from experiments.data.description import about, check_space
from experiments.parts.policies import EXPERT, RANDOM
from experiments.parts.room import check_room
from experiments.parts.seen import seen
from experiments.record.appending import check_same_world
from experiments.record.policy import build_policy
from experiments.runs.interrupt import interruptible
from experiments.runs.progress import ProgressBar
from experiments.runs.versions import versions
from ssl_objectives.refusal import ConfigError, DatasetError, Refusal
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.description import DESCRIPTION
from world_models.data.format import (
    FACTS,
    Column,
    ContinuousColumn,
    DatasetSpec,
    DiscreteColumn,
)
from world_models.data.shard import shard_paths
from world_models.data.writer import DatasetWriter

EPISODES = 20  # finished episodes whose mean return is shown


@dataclass(frozen=True)
class RecordConfig:
    """Record what a policy sees and does: frames, actions, rewards, ends of episodes.

    Rows are written as the world shows them, reset frames and final observations
    included, in shards. Continuous actions are written as they were done, within the
    world's bounds. A recording that is killed leaves all complete shards. What is
    appended must come from the same world, behind the same noise; policies may differ.
    """

    world: WorldConfig = field(default_factory=KeyDoorConfig)
    """where it is recorded"""
    noise: WorldNoiseConfig | None = None
    """what lies between the policy and the world"""
    policy: str = RANDOM
    """random, expert (who knows the way: in rooms, push-button, sequence, carry, and
    torch-native worlds without chance), a run folder (or one of its checkpoints), or
    my_module:MyPolicy"""
    mistakes: float = 0.0
    """probability that the expert acts at random"""
    out: Path | None = None
    """folder of the data set; required"""
    steps: int = 100_000
    """env steps of all worlds together"""
    num_envs: int = 16
    """B, worlds stepped in parallel; each becomes one stream of rows"""
    facts: bool = False
    """record the truth beside the pixels, too (large for Atari: colour frames)"""
    append: bool = False
    """add new streams to the data set in the folder"""
    greedy: bool = False
    """a trained policy takes its likeliest action instead of drawing one"""
    seed: int = 0
    """of the worlds and of all draws; what is appended draws anew under the same one"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""
    shard_mib: int = 128
    """MiB in a shard; about as much memory is needed"""
    flush_seconds: float = 60.0
    """rows wait in memory no longer than this; a killed recording loses only these"""
    license: str = ""
    """under which terms others may use the recording, for its description"""

    def __post_init__(self) -> None:
        for name, least in {
            "steps": 1,
            "num_envs": 1,
            "shard_mib": 1,
            "seed": 0,
        }.items():
            if getattr(self, name) < least:
                flag = name.replace("_", "-")
                raise ConfigError(
                    f"--{flag} must be at least {least}, not {getattr(self, name)}"
                )
        if not 0.0 <= self.mistakes <= 1.0:
            raise ConfigError(f"--mistakes must be 0 to 1, not {self.mistakes}")
        if self.mistakes and self.policy != EXPERT:
            raise ConfigError(
                f"--mistakes are the expert's, and --policy {self.policy} makes its "
                "own: leave them out, or add --policy expert."
            )
        if self.flush_seconds < 0:
            raise ConfigError(
                f"--flush-seconds must be at least 0, not {self.flush_seconds}"
            )


@dataclass(frozen=True)
class Recording:
    """What was recorded, and whether it reached its number of steps."""

    dataset: Dataset
    env_steps: int
    finished: bool


def record(config: RecordConfig, console: Console | None = None) -> Recording:
    """Play and write; stops early, with all rows kept, when interrupted.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DatasetError: the folder is taken, or was recorded in another world; the disk is
            too small or full.
        WorldError: a world fails; the rows until then are kept.
    """
    console = console or Console()
    if config.out is None:
        raise ConfigError("Where to? Give a folder: --out data/NAME")
    device = resolve_device(config.device)
    try:
        world = _world(config)
        check_room(world, config.num_envs, 1, device, "--num-envs")
        env = world.build(config.num_envs, device)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    console.print(seen(env.spec), highlight=False, markup=False, soft_wrap=True)
    if env.spec.facts and not config.facts:
        names = ", ".join(env.spec.facts)
        told = f"Not recorded without --facts: {names}"
        console.print(told, highlight=False, markup=False, soft_wrap=True)
    done = 0
    try:
        before = _streams_before(config)
        seed = Seeds.appended(config.seed, before)
        policy = build_policy(
            config.policy, env, seed, config.greedy, config.device, config.mistakes
        )
        spec = dataset_spec(env.spec, config.facts)
        rows = -(-config.steps // config.num_envs) * config.num_envs + config.num_envs
        if not config.append and (config.out / DESCRIPTION).is_file():
            raise DatasetError(
                f"{config.out} holds a data set. Choose another folder, or add to it "
                "with --append."
            )
        check_space(config.out, rows * spec.row_bytes)
        source = {
            "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
            "config": to_json(config),
            "streams_before": before,
            "license": config.license,
            "versions": versions(),
        }
        with (
            interruptible() as interrupted,
            DatasetWriter(
                config.out,
                spec,
                source,
                append=config.append,
                shard_bytes=config.shard_mib << 20,
                flush_seconds=config.flush_seconds,
            ) as writer,
            ProgressBar(
                config.steps,
                unit="env steps",
                counted=(env.spec.frames_per_step, "frames"),
                console=console,
            ) as progress,
        ):
            if writer.num_streams != before:  # the same draws would come twice
                raise DatasetError(
                    f"{config.out} has been added to meanwhile. Say it again."
                )
            streams = writer.new_streams(config.num_envs)
            row, carry = env.reset(seed), policy.start(config.num_envs)
            writer.add(streams, columns(row, _no_action(env), spec))
            returns = np.zeros(config.num_envs)
            latest: deque[float] = deque(maxlen=EPISODES)
            while done < config.steps and not interrupted.is_set():
                did = policy.act(row, carry)
                row, carry = env.step(did.action), did.carry
                read = columns(row, _done(env, did.action), spec)
                writer.add(streams, read)
                done += config.num_envs
                returns += read["reward"]
                ended = read["terminated"] | read["truncated"]
                latest.extend(returns[ended].tolist())
                progress.reach(min(done, config.steps), _shown(latest))
                returns[ended] = 0.0
    except (WorldError, Refusal):
        if done:
            _tell_kept(config.out, console)
        raise
    finally:
        env.close()
    dataset = open_dataset(config.out)
    if done < config.steps:
        console.print(
            f"Stopped at {done:,} env steps; all of them are kept.", highlight=False
        )
    console.print(about(dataset), highlight=False, markup=False, soft_wrap=True)
    return Recording(dataset, done, done >= config.steps)


def dataset_spec(env: EnvSpec, facts: bool) -> DatasetSpec:
    """The rows of a data set that hold all that a world shows."""
    space = env.actions
    return DatasetSpec(
        obs_shape=env.obs_shape,
        actions=ContinuousColumn(space.low, space.high)
        if isinstance(space, ContinuousActions)
        else DiscreteColumn(space.n, space.names),
        rewards=True,
        ends=True,
        facts={
            name: Column(x.shape, str(x.dtype).removeprefix("torch."), x.names, x.unit)
            for name, x in env.facts.items()
        }
        if facts
        else {},
        frames_per_step=env.frames_per_step,
        vector_size=env.vector_size,
    )


def columns(row: Step, action: Tensor, spec: DatasetSpec) -> dict[str, NDArray[Any]]:
    """A row of B envs, and what was done to get there, as columns of a data set."""
    tensors: Mapping[str, Tensor] = {
        "obs": row.obs,
        "first": row.first,
        "action": action,
        "reward": row.reward,
        "terminated": row.terminated,
        "truncated": row.truncated,
        **{FACTS + name: row.facts[name] for name in spec.facts},
    }
    if row.vector is not None:
        tensors = {**tensors, "vector": row.vector}
    return {name: x.cpu().numpy() for name, x in tensors.items()}


def _world(config: RecordConfig) -> WorldConfig:
    """With facts, where they are asked for and the world has them switched off."""
    world = config.world
    if config.facts and isinstance(world, ObservableWorld):
        probe = config.world.build(1, "cpu")
        offered = bool(probe.spec.facts)
        probe.close()
        world = config.world if offered else world.with_facts()
    return with_noise(world, config.noise)


def _streams_before(config: RecordConfig) -> int:
    """Streams that the new ones are appended to; what else is there, the writer tells.

    Raises:
        DatasetError: the data set there cannot be read, or is of another world.
    """
    out = config.out
    if not config.append or out is None or not (out / DESCRIPTION).is_file():
        return 0
    if not shard_paths(out):  # who wrote it was killed before its first shard
        return 0
    dataset = open_dataset(out)
    check_same_world(dataset, config.world, config.noise)
    return dataset.num_streams


def _tell_kept(out: Path, console: Console) -> None:
    """What a recording that failed has left, and how to go on with it."""
    with suppress(DatasetError):  # the first error is the one to be told
        dataset = open_dataset(out)
        console.print(
            f"{out} keeps what was recorded until then: {dataset.num_rows:,} rows in "
            "all. Go on with: --append",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _done(env: VectorEnv, action: Tensor) -> Tensor:
    """What worlds did when told `action`: continuous ones stay within their bounds."""
    space = env.spec.actions
    return space.to_bounds(action) if isinstance(space, ContinuousActions) else action


def _no_action(env: VectorEnv) -> Tensor:
    """What led to the first row of all: nothing."""
    space, num = env.spec.actions, env.spec.num_envs
    if isinstance(space, ContinuousActions):
        return torch.zeros(num, space.size)
    return torch.zeros(num, dtype=torch.int64)


def _shown(returns: Sequence[float]) -> list[str]:
    return [f"return {sum(returns) / len(returns):.4g}"] if returns else []
