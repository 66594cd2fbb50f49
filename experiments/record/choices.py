"""Which worlds and noises `curious record` can be told by name."""

from collections.abc import Mapping

from experiments.config.choices import Choice
from experiments.config.paths import typed_path
from experiments.parts.noises import NOISES
from experiments.parts.policies import RANDOM, UNTRAINED, check_spelling
from experiments.parts.worlds import WORLDS
from experiments.record.recording import RecordConfig
from experiments.runs.folder import RunFolder
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import ConfigError

WORLD = Choice(
    WORLDS, "Where (default: the world of the run that plays; else key-door)."
)
NOISE = Choice(
    NOISES,
    "What lies between it and the policy (default: the noise of the run that plays in "
    "its own world; else none).",
)


def from_choices(policy: str | None, chosen: Mapping[str, str]) -> RecordConfig:
    """The config that `--policy` and what was chosen stand for.

    Raises:
        ConfigError: no such part, or the policy is no training run.
        NotARun: the policy is a path, and there is no run.
    """
    policy = RANDOM if policy is None else policy
    name, noise = chosen.get("world"), chosen.get("noise")
    laid = NOISES.make("none" if noise is None else noise)
    if name is not None:
        return RecordConfig(world=WORLDS.make(name), noise=laid, policy=policy)
    if policy in UNTRAINED or ":" in policy:
        return RecordConfig(noise=laid, policy=policy)
    check_spelling(policy)
    trained = RunFolder.open(typed_path(policy)).config()
    if not isinstance(trained, TrainConfig):
        raise ConfigError(f"{policy} trained no agent. Give a run of `curious train`.")
    laid = trained.noise if noise is None else laid
    return RecordConfig(world=trained.world, noise=laid, policy=policy)
