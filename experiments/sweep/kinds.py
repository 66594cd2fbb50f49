"""The commands that can be swept."""

from collections.abc import Mapping

from experiments.sweep.kind import SweepKind
from experiments.sweep.of_pretrain import PretrainSweep
from experiments.sweep.of_train import TrainSweep
from ssl_objectives.refusal import ConfigError, suggest

_KINDS: Mapping[str, SweepKind] = {"train": TrainSweep(), "pretrain": PretrainSweep()}


def kind_of(command: str) -> SweepKind:
    """What a sweep has to know of a command.

    Raises:
        ConfigError: it cannot be swept.
    """
    if command not in _KINDS:
        raise ConfigError(
            f"command: {command!r} cannot be swept.{suggest(command, list(_KINDS))}"
        )
    return _KINDS[command]
