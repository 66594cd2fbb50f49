"""Parts by name: tables of what there is, and what a command line offers of them.

A table holds the parts of one kind, such as worlds. A row says what builds a part, what
the help says of it, and which of its fields the size dial sets: it is all that a new
part needs beside its own file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import getdoc
from typing import Any, Generic, Self, TypeVar

from experiments.config.outside import load_part
from experiments.config.protocols import fits, needs
from ssl_objectives.refusal import ConfigError, suggest

P = TypeVar("P")


@dataclass(frozen=True)
class Row(Generic[P]):
    """A part that has a name: what builds it, and its line of help.

    Attributes:
        build: the class of its config, or a function that gives a config.
        about: its line of help, where the first of the docstring of `build` says too
            little.
        dial: fields of the config that the size dial sets, and what it calls them.
    """

    build: Callable[..., P]
    about: str = ""
    dial: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: P, about: str = "") -> Self:
        """The row of a config that is there already; no size changes it."""
        return cls(lambda: config, about or _first_line(type(config)))

    @property
    def help(self) -> str:
        """Its line of help."""
        return self.about or _first_line(self.build)


def _first_line(documented: object) -> str:
    return (getdoc(documented) or "").partition("\n")[0].rstrip(".")


@dataclass(frozen=True)
class Table(Generic[P]):
    """All parts of one kind that can be said by name, such as all worlds.

    Attributes:
        kind: what they are called on the command line: `world` for `--world`.
        protocol: what `my_module:MyConfig` must be to stand for one; None where
            nothing from outside can.
        rows: the parts, by name.
        advice: what to give from outside, where the protocol alone does not tell.
    """

    kind: str
    protocol: type | None
    rows: Mapping[str, Row[P]]
    advice: str = ""

    @property
    def helps(self) -> dict[str, str]:
        """Names, and what the help says of each."""
        return {name: row.help for name, row in self.rows.items()}

    def only(self, *names: str) -> "Table[P]":
        """The table of some of its rows, for a command that does not offer all."""
        return replace(self, rows={x: self.rows[x] for x in names})

    def make(self, name: str, scale: object = None) -> P:
        """The config that a name, or `my_module:MyConfig`, stands for.

        Args:
            name: of a row, or of a class outside.
            scale: what the size dial says; None leaves each field its own default.

        Raises:
            ConfigError: no such name, or what is outside cannot be loaded or used.
        """
        self.check(name, self.kind)
        if name not in self.rows:
            return self._outside(name)
        row = self.rows[name]
        dial = {} if scale is None else row.dial
        return row.build(**{x: getattr(scale, said) for x, said in dial.items()})

    def check(self, name: str, where: str) -> None:
        """Refuse a name that stands for nothing here.

        Args:
            name: of a row, or of a class outside.
            where: it was said, for the message.

        Raises:
            ConfigError: no such name; says which is the nearest.
        """
        if name in self.rows or (self.protocol is not None and ":" in name):
            return
        more = "" if self.protocol is None else " Your own: my_module:MyConfig."
        near = suggest(name, list(self.rows))
        raise ConfigError(f"{where}: there is no {name!r}.{near}{more}")

    def _outside(self, name: str) -> P:
        """A part from outside, refused where it cannot stand in this table."""
        assert self.protocol is not None
        config: P = load_part(name)
        if fits(config, self.protocol):
            return config
        where = f"{self.protocol.__module__}:{self.protocol.__name__}"
        advice = self.advice or f"It needs {needs(self.protocol)}: see {where}."
        raise ConfigError(f"{name} is no {self.kind}. {advice}")


@dataclass(frozen=True)
class Choice:
    """A table on a command line: an option that takes the name of one of its rows.

    Attributes:
        table: what there is to choose from.
        about: what is chosen, one sentence.
        default: used when the option is not given; None leaves it to the command.
        positional: is the first argument instead of an option; at most one choice is.
        listed: its rows are listed in the help; not where they are in it already.
    """

    table: Table[Any]
    about: str
    default: str | None = None
    positional: bool = False
    listed: bool = True

    @property
    def name(self) -> str:
        """`--name` on the command line, and the name of what was chosen."""
        return self.table.kind

    def check(self, value: str) -> None:
        """Refuse unknown names.

        Raises:
            ConfigError: no such choice; names the nearest.
        """
        self.table.check(value, self.name if self.positional else f"--{self.name}")

    @property
    def help(self) -> str:
        """The sentence, and a line for each row."""
        lines = self.table.helps if self.listed else {}
        if self.table.protocol is not None:
            lines["module:Class"] = "Your own, importable from here"
        width = max(map(len, lines), default=0)
        about = (
            f"{self.about} (default: {self.default})" if self.default else self.about
        )
        return "\n".join([about, *(f"  {k:{width}}  {v}" for k, v in lines.items())])
