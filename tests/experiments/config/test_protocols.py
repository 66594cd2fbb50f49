"""What can stand where a protocol is asked for."""

from dataclasses import dataclass
from typing import Protocol

import pytest

from envs.noise.config import WatchableConfig
from envs.vector_env import WorldConfig
from experiments.config.json import from_json, to_json
from experiments.config.protocols import fits, is_protocol, members, needs
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import ConfigError
from world_models.open_loop import GruLoopConfig


class Builds(Protocol):
    size: int

    def build(self, num_rows: int, scale: float = 1.0) -> object: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Good:
    size: int = 1
    name: str = "good"

    def build(self, num_rows: int, more: int = 0) -> object:
        return num_rows + more


@dataclass(frozen=True)
class OtherArguments:
    size: int = 1
    name: str = "other"

    def build(self, num_columns: int) -> object:
        return num_columns


@dataclass(frozen=True)
class Nameless:
    size: int = 1

    def build(self, num_rows: int) -> object:
        return num_rows


@dataclass(frozen=True)
class NoMethod:
    size: int = 1
    name: str = "none"
    build: int = 3


def test_names_and_arguments_decide() -> None:
    assert fits(Good(), Builds)
    assert not any(fits(x(), Builds) for x in (OtherArguments, Nameless, NoMethod))


def test_what_is_needed_is_told() -> None:
    assert needs(Builds) == "build(self, num_rows), size, and name"


def test_protocols_that_join_others_ask_for_theirs_too() -> None:
    assert is_protocol(WatchableConfig)
    assert set(members(WorldConfig)) < set(members(WatchableConfig))
    assert not is_protocol(Good)


def test_classes_are_asked_for_instances() -> None:
    assert fits(Good(), Good)
    assert not fits(Nameless(), Good)
    assert needs(Good) == "to be a Good"


def test_a_file_cannot_put_a_part_where_another_kind_belongs() -> None:
    data = to_json(TrainConfig())
    data["world"] = to_json(GruLoopConfig())
    with pytest.raises(ConfigError, match=r"world: a GruLoopConfig cannot stand here"):
        from_json(data)
