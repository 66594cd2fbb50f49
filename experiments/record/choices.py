"""Which worlds `curious record` can be told by name, and what they stand for."""

from collections.abc import Mapping
from pathlib import Path

from experiments.config.choices import Choice
from experiments.parts.policies import RANDOM
from experiments.parts.worlds import WORLDS
from experiments.record.recording import RecordConfig
from experiments.runs.folder import RunFolder
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import ConfigError

WORLD = Choice(
    WORLDS, "Where (default: the world of the run that plays; else key-door)."
)


def from_choices(policy: str | None, chosen: Mapping[str, str]) -> RecordConfig:
    """The config that `--policy` and what was chosen stand for.

    Raises:
        ConfigError: no such part, or the policy is no training run.
        NotARun: the policy is a path, and there is no run.
    """
    policy = RANDOM if policy is None else policy
    name = chosen.get("world")
    if name is not None:
        return RecordConfig(world=WORLDS.make(name), policy=policy)
    if policy == RANDOM or ":" in policy:
        return RecordConfig(policy=policy)
    trained = RunFolder.open(Path(policy)).config()
    if not isinstance(trained, TrainConfig):
        raise ConfigError(f"{policy} trained no agent. Give a run of `curious train`.")
    return RecordConfig(world=trained.world, policy=policy)
