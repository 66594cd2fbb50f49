"""Commands whose flags follow from choices, answered from memory where they can be.

The flags come from configs that lie beside torch code, which takes a second to import.
What help and refusals need of them is remembered (`experiments/config/remembered.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from experiments.config.choices import Choice, Row, Table
from experiments.config.command_line import (
    boxed,
    parse,
    read_flags,
    take_choices,
    with_defaults,
)
from experiments.config.remembered import recall_command, recall_config, remember
from ssl_objectives.refusal import ConfigError

C = TypeVar("C")


class Loaded(NamedTuple, Generic[C]):
    """What has to be imported before a command line can be read; see `parse`."""

    choices: Sequence[Choice]
    config_type: type[C]
    build_default: Callable[[Mapping[str, str]], C]


@dataclass(frozen=True)
class ChoosingCommand(Generic[C]):
    """A command with choices, such as `curious train`.

    Attributes:
        prog: the command as it is typed.
        description: what it does.
        examples: whole command lines, shown below the help.
        load: imports what its flags follow from. Choices alone decide the default.
    """

    prog: str
    description: str
    examples: Sequence[str]
    load: Callable[[], Loaded[C]]

    def read(self, argv: Sequence[str]) -> C:
        """The config that a command line asks for.

        Raises:
            HelpAsked, Misuse: see `parse`; from memory, without torch, where these
                choices were met before.
        """
        self._answer(argv)
        choices, config_type, build_default = self.load()

        def remembering(chosen: Mapping[str, str]) -> C:
            default = build_default(chosen)
            self._keep(choices, chosen, default)
            return default

        return parse(
            argv,
            choices,
            config_type,
            remembering,
            prog=self.prog,
            description=self.description,
            examples=self.examples,
        )

    def remember(self) -> None:
        """Have help and refusals of each single choice come from memory."""
        choices, _, build_default = self.load()
        each: list[dict[str, str]] = [{}]
        each += [{x.name: name} for x in choices for name in x.table.rows]
        for chosen in each:
            whole = with_defaults(choices, chosen)
            with suppress(ConfigError):  # some mean nothing without others
                self._keep(choices, whole, build_default(whole))

    def _answer(self, argv: Sequence[str]) -> None:
        """Raise what `parse` would; nothing where it has to read the command line."""
        told = recall_command(self.prog)
        if told is None:
            return
        choices = [_from_json(x) for x in told]
        try:
            chosen, rest = take_choices(argv, choices)
        except ConfigError as error:
            raise boxed(str(error), self.prog) from error
        if "config" in chosen:
            return
        default = recall_config(self.prog, with_defaults(choices, chosen))
        if default is not None:
            texts = self.prog, self.description, self.examples
            read_flags(rest, choices, default, *texts)

    def _keep(
        self, choices: Sequence[Choice], chosen: Mapping[str, str], default: C
    ) -> None:
        """Remember a default config, unless files decide it that may change."""
        if not any(":" in x for x in chosen.values()):
            remember(self.prog, [_to_json(x) for x in choices], chosen, default)


def _to_json(choice: Choice) -> dict[str, Any]:
    """What help and refusals need of a choice."""
    return {
        "kind": choice.table.kind,
        "open": choice.table.protocol is not None,
        "rows": choice.table.helps,
        "about": choice.about,
        "default": choice.default,
        "positional": choice.positional,
        "listed": choice.listed,
    }


def _from_json(told: Mapping[str, Any]) -> Choice:
    rows = {name: Row[Any](_nothing, about) for name, about in told["rows"].items()}
    table = Table(told["kind"], object if told["open"] else None, rows)
    texts = told["about"], told["default"], told["positional"], told["listed"]
    return Choice(table, *texts)


def _nothing() -> None:
    """What a remembered row builds: names and helps alone are known."""
