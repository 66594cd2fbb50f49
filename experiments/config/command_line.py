"""How commands read their arguments: choices first, then the flags of what was chosen.

    curious train [PRESET] [--world NAME|module:Class] … [--config FILE] [flags …]

Choices say which config classes the tree is made of, so they are taken out first; tyro
then reads the remaining flags against the concrete config. Nothing is printed here and
nothing exits: that is for `experiments.config.program`.
"""

import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import field, fields, make_dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeVar

import tyro
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from experiments.config.choices import Choice
from experiments.config.flags import config_registry
from experiments.config.json import read_config
from experiments.config.numbers import check_numbers
from experiments.config.paths import typed_path
from ssl_objectives.refusal import ConfigError, Refusal

C = TypeVar("C")


class HelpAsked(Exception):
    """A command line asked for `--help`; the message is the whole help."""


class Misuse(Refusal):
    """A command line cannot be read; the message, in a box, says what may be meant."""


def parse(
    argv: Sequence[str],
    choices: Sequence[Choice],
    config_type: type[C],
    build_default: Callable[[Mapping[str, str]], C],
    *,
    prog: str,
    description: str,
    examples: Sequence[str] = (),
) -> C:
    """The config that a command line with choices asks for.

    A field that holds a config offers the flags of the instance that `build_default`
    gives, however it is annotated: with a class, a union, a Protocol, each with or
    without None.

    Args:
        argv: arguments after the command's name.
        choices: what this command lets be chosen by name.
        config_type: class of the config; `--config` takes files of this class only.
        build_default: the config before flags, from choices to what was chosen.
        prog: the command as it is typed, for messages.
        description: what the command does.
        examples: whole command lines, shown below the help.

    Raises:
        HelpAsked: by `--help`, for the flags of what was chosen.
        Misuse: it cannot be read, or names what cannot be built.
    """
    try:
        chosen, rest = take_choices(argv, choices)
        file = chosen.pop("config", None)
        if file is None:
            default = build_default(with_defaults(choices, chosen))
        elif chosen:
            raise ConfigError(
                f"{file} already says what {', '.join(chosen)} is. Leave one of the "
                "two out; single values can still be changed by their flags."
            )
        else:
            default = read_config(typed_path(file))
        if not isinstance(default, config_type):
            raise ConfigError(
                f"{file} is the config of another command: a {type(default).__name__}, "
                f"not a {config_type.__name__}.{_other_command(default)}"
            )
    except ConfigError as error:
        raise boxed(str(error), prog) from error
    return read_flags(rest, choices, default, prog, description, examples)


def read_flags(
    argv: Sequence[str],
    choices: Sequence[Choice],
    default: C,
    prog: str,
    description: str,
    examples: Sequence[str],
) -> C:
    """The config that flags make of a default one; see `parse`.

    Raises:
        HelpAsked, Misuse: see `parse`.
    """
    command = _with_choices(choices, default)
    read = _read(argv, command, prog, examples, description=description)
    for x in choices:
        value = getattr(read.choice, _field(x))
        if x.positional and value != x.default:
            raise boxed(
                f"Unexpected argument {value!r}. If it is the {x.name}, it comes "
                f"first: {prog} {x.name.upper()} …",
                prog,
            )
    return read.config  # type: ignore[no-any-return]  # tyro


def parse_plain(
    argv: Sequence[str],
    config_type: type[C],
    *,
    prog: str,
    examples: Sequence[str] = (),
    advice: str = "",
) -> C:
    """The config that a command line without choices asks for.

    Args:
        argv: arguments after the command's name.
        config_type: its docstring is what the help begins with.
        prog: the command as it is typed, for messages.
        examples: whole command lines, shown below the help.
        advice: shown below the examples.

    Raises:
        HelpAsked: by `--help`.
        Misuse: it cannot be read, or the config refuses its numbers.
    """
    read: C = _read(argv, config_type, prog, examples, advice)
    return read


def take_choices(
    argv: Sequence[str], choices: Sequence[Choice]
) -> tuple[dict[str, str], list[str]]:
    """What was chosen (`config` included), and the other arguments.

    Raises:
        ConfigError: no such choice, one without its value, or one made twice.
    """
    options = {x.name: x for x in choices if not x.positional}
    chosen: dict[str, str] = {}
    rest: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        option, given, value = argument.partition("=")
        name = option.removeprefix("--").replace("_", "-")
        if not option.startswith("--") or name not in {*options, "config"}:
            rest.append(argument)
            continue
        if name in chosen:
            raise ConfigError(f"--{name} is there twice; it takes one name.")
        chosen[name] = value if given else next(arguments, "--")
        if chosen[name].startswith("-"):
            raise ConfigError(f"--{name} needs a value: --{name} NAME.")
    for choice in choices:
        if choice.positional and rest and not rest[0].startswith("-"):
            chosen[choice.name] = rest.pop(0)
        if choice.name in chosen:
            choice.check(chosen[choice.name])
    return chosen, rest


def with_defaults(
    choices: Sequence[Choice], chosen: Mapping[str, str]
) -> dict[str, str]:
    """What was chosen, and the defaults of what was not."""
    defaults = {x.name: x.default for x in choices if x.default is not None}
    return {**defaults, **chosen}


def _field(choice: Choice) -> str:
    """What tyro knows it by; it makes `--measured-encoder` of `measured_encoder`."""
    return choice.name.replace("-", "_")


def _with_choices(choices: Sequence[Choice], default: object) -> type:
    """What tyro reads: the config, and the choices, so that the help can list them."""
    fields: list[tuple[str, Any, Any]] = []
    for x in choices:
        marks: list[Any] = [tyro.conf.Positional] if x.positional else []
        shown = tyro.conf.arg(
            metavar=x.name.upper(), help=x.help, help_behavior_hint=""
        )
        kind: Any = str if x.default is not None else str | None
        marked = Annotated[kind, shown, *marks]
        fields.append((_field(x), marked, field(default=x.default)))
    about_config = tyro.conf.arg(
        metavar="FILE",
        help="Start from the config.json of a run instead of choosing parts.",
        help_behavior_hint="",
    )
    fields.append(
        ("config", Annotated[Path | None, about_config], field(default=None)),
    )
    about = "What the config is made of. The flags of each part are below."
    chosen = make_dataclass("Chosen", fields, frozen=True, namespace={"__doc__": about})
    return make_dataclass(
        "Command",
        [
            ("choice", Annotated[chosen, tyro.conf.OmitArgPrefixes], chosen()),
            (
                "config",  # the name that messages about wrong values begin with
                Annotated[type(default), tyro.conf.arg(name="")],
                field(default_factory=lambda: default),
            ),
        ],
        frozen=True,
    )


def _read(
    argv: Sequence[str],
    command: type,
    prog: str,
    examples: Sequence[str],
    advice: str = "",
    description: str | None = None,
) -> Any:
    """What tyro reads; what it prints before it exits is raised instead."""
    out, err = _Heard(sys.stdout), _Heard(sys.stderr)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            read: Any = tyro.cli(
                command,
                args=list(argv),
                prog=prog,
                description=description,
                config=(tyro.conf.AvoidSubcommands, tyro.conf.EnumChoicesFromValues),
                registry=config_registry(),
            )
        check_numbers(getattr(read, "config", read))
        return read
    except ConfigError as error:  # of a config that looks after its numbers
        raise boxed(str(error), prog) from error
    except SystemExit as end:
        if end.code not in (0, None):
            told = _of_several_kinds(err.getvalue())
            told = told or _far_off(err.getvalue(), command)
            if told is not None:
                raise boxed(told, prog) from None
            raise Misuse(err.getvalue().rstrip("\n")) from None
    below = ["examples:", *(f"  {x}" for x in examples)] if examples else []
    below += ["", advice] if advice else []
    raise HelpAsked("\n".join([out.getvalue().rstrip("\n"), *below]))


def _other_command(config: object) -> str:
    """A sentence that names the command of a run's config; its room is called so."""
    package, _, rest = type(config).__module__.partition(".")
    if package != "experiments" or not hasattr(config, "runs"):
        return ""
    room = rest.partition(".")[0]
    command = {"model": "train-model"}.get(room, room)
    return (
        f" Use curious {command}: with --resume RUN it goes on, with --config FILE it "
        "runs again."
    )


def _far_off(said: str, command: type) -> str | None:
    """What is said instead where tyro's suggestions for an option are not near it."""
    words = " ".join(re.sub(r"[│╭╮╰╯─]+", " ", said).split())
    found = re.search(r"Unrecognized options: (--[\w.-]+)", words)
    if found is None:
        return None
    given, behind = found[1].lstrip("-"), words[found.end() :]
    instead = _elsewhere(given, command)
    _, suggests, suggested = behind.partition("Perhaps you meant:")
    offered = re.findall(r"--([\w.-]+)", suggested)
    near = any(_is_near(given, x) for x in offered if x != "help")
    if not instead and (near or not suggests):
        return None
    return f"There is no option --{given}.{instead}"


def _elsewhere(given: str, command: type) -> str:
    """How to say what other tools have an option for."""
    config = {x.name: x.type for x in fields(command)}.get("config", command)
    if given == "out" and hasattr(config, "runs"):
        return " Where runs are kept is said with --runs FOLDER."
    if given in ("epochs", "max-epochs") and hasattr(config, "steps"):
        return (
            " How long it trains is said in gradient steps, --steps N: an epoch has as "
            "many as there are images for each --batch-size."
        )
    return ""


def _is_near(given: str, offered: str) -> bool:
    """Whether a flag may be meant: some word of it begins so, or most is the same."""
    name = offered.rpartition(".")[2]
    return (
        re.search(rf"(^|[.-]){re.escape(given)}", offered) is not None
        or SequenceMatcher(None, given, offered).ratio() >= 0.75
        or SequenceMatcher(None, given.rpartition(".")[2], name).ratio() >= 0.75
    )


def _of_several_kinds(said: str) -> str | None:
    """What tyro says of a value that may be of several kinds, without its classes."""
    words = " ".join(said.replace("│", " ").split())
    found = re.search(
        r"Error parsing (--\S+): no type matching (.+?) could be instantiated from "
        r"\[(.*?)\]\. Got errors:",
        words,
    )
    if found is None:
        return None
    flag, kinds, given = found.groups()
    return f"{flag} must be {kinds.replace('|', ' or ')}, not {given}."


class _Heard(io.StringIO):
    """Hears what is said to a stream, laid out and coloured as that stream would be."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    def isatty(self) -> bool:
        return self.stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # of what can be printed
        return self.stream.encoding


def boxed(message: str, prog: str) -> Misuse:
    """A refusal that looks like those of tyro."""
    text = Text(f"{message}\n\nFor all options, run {prog} --help")
    heard = _Heard(sys.stderr)
    Console(file=heard).print(Panel(text, title="Error", title_align="left"))
    return Misuse(heard.getvalue().rstrip("\n"))
