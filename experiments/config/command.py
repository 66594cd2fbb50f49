"""How commands read their arguments: parts first, then the flags of what was chosen.

    curious train [PRESET] [--world NAME|module:Class] … [--config FILE] [flags …]

Part options say which config classes the tree is made of, so they are taken out first;
tyro then reads the remaining flags against the concrete config.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import tyro
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from experiments.config.flags import config_registry
from experiments.config.json import read_config
from experiments.config.remembered import recall_command, recall_config, remember
from ssl_objectives.refusal import ConfigError, suggest

C = TypeVar("C")


@dataclass(frozen=True)
class Part:
    """One choice of what a config is made of.

    Attributes:
        name: `--name` on the command line, and the key in what `build_default` gets.
        choices: what each name stands for, in one line.
        default: used when the option is not given; None leaves it out of the mapping.
        about: what is chosen, one sentence.
        open: also takes `my_module:MyConfig` (see `load_part`).
        positional: is the first argument instead of an option; at most one part is.
        listed: its choices are listed in the help; not where they are in it already.
    """

    name: str
    choices: Mapping[str, str]
    default: str | None = None
    about: str = ""
    open: bool = False
    positional: bool = False
    listed: bool = True

    def check(self, value: str) -> None:
        """Refuse unknown names.

        Raises:
            ConfigError: no such choice; names the nearest.
        """
        if value in self.choices or (self.open and ":" in value):
            return
        what = self.name if self.positional else f"--{self.name}"
        more = " Your own: my_module:MyConfig." if self.open else ""
        raise ConfigError(
            f"{what}: there is no {value!r}.{suggest(value, list(self.choices))}{more}"
        )

    @property
    def help(self) -> str:
        """The sentence, and a line for each choice."""
        lines = dict(self.choices) if self.listed else {}
        if self.open:
            lines["module:Class"] = "your own, importable from here"
        width = max(map(len, lines), default=0)
        about = (
            f"{self.about} (default: {self.default})" if self.default else self.about
        )
        return "\n".join([about, *(f"  {k:{width}}  {v}" for k, v in lines.items())])


def parse(
    argv: Sequence[str],
    parts: Sequence[Part],
    config_type: type[C],
    build_default: Callable[[Mapping[str, str]], C],
    *,
    prog: str,
    description: str,
    examples: Sequence[str] = (),
    memorable: bool = False,
) -> C:
    """The config that a command line asks for.

    `--help` prints the flags of the chosen parts and exits with 0; a mistake prints
    what is wrong and what may have been meant, and exits with 2. A field that holds a
    config offers the flags of the instance that `build_default` gives, however it is
    annotated: with a class, a union, a Protocol, each with or without None.

    Args:
        argv: arguments after the command's name.
        parts: the choices this command offers.
        config_type: class of the config; `--config` takes files of this class only.
        build_default: the config before flags, from part names to what was chosen.
        prog: the command as it is typed, for messages.
        description: what the command does.
        examples: whole command lines, shown below the help.
        memorable: `answer` may know these flags from now on: `prog` has no other parts,
            and they alone decide `build_default`.
    """
    try:
        chosen, rest = _take_parts(argv, parts)
        file = chosen.pop("config", None)
        if file is None:
            default = build_default(_whole(parts, chosen))
            if memorable and isinstance(default, config_type):
                about = _about(parts, description, examples)
                _keep(prog, about, parts, chosen, default)
        elif chosen:
            raise ConfigError(
                f"--config already says what {', '.join(chosen)} is. Leave one of the "
                "two out; single values can still be changed by their flags."
            )
        else:
            default = read_config(Path(file))
        if not isinstance(default, config_type):
            raise ConfigError(
                f"{file} is the config of another command: a {type(default).__name__}, "
                f"not a {config_type.__name__}."
            )
    except ConfigError as error:
        _refuse(str(error), prog)
    return _read_flags(rest, parts, default, prog, description, examples)


def answer(argv: Sequence[str], prog: str) -> None:
    """Help and refusals of a command line from memory: without its configs, or torch.

    Prints and exits as `parse` would; returns where the command line asks for neither,
    or where nothing is remembered of it, so that `parse` has to read it.
    """
    about = recall_command(prog)
    if about is None:
        return
    parts = [Part(**x) for x in about["parts"]]
    try:
        chosen, rest = _take_parts(argv, parts)
    except ConfigError as error:
        _refuse(str(error), prog)
    if "config" in chosen:
        return
    default = recall_config(prog, _whole(parts, chosen))
    if default is not None:
        texts = about["description"], about["examples"]
        _read_flags(rest, parts, default, prog, *texts)


def remember_choices(
    parts: Sequence[Part],
    build_default: Callable[[Mapping[str, str]], Any],
    *,
    prog: str,
    description: str,
    examples: Sequence[str] = (),
) -> None:
    """Have `answer` know the flags of each choice; arguments are those of `parse`."""
    about = _about(parts, description, examples)
    chosen: list[dict[str, str]] = [{}]
    chosen += [{x.name: name} for x in parts for name in x.choices]
    for each in chosen:
        with suppress(ConfigError):  # some mean nothing without others
            default = build_default(_whole(parts, each))
            _keep(prog, about, parts, each, default)


def _whole(parts: Sequence[Part], chosen: Mapping[str, str]) -> dict[str, str]:
    defaults = {x.name: x.default for x in parts if x.default is not None}
    return {**defaults, **chosen}


def _about(
    parts: Sequence[Part], description: str, examples: Sequence[str]
) -> dict[str, Any]:
    """What `answer` needs of a command, as JSON."""
    told = [{**asdict(x), "choices": dict(x.choices)} for x in parts]
    return {"parts": told, "description": description, "examples": list(examples)}


def _keep(
    prog: str,
    about: Mapping[str, Any],
    parts: Sequence[Part],
    chosen: Mapping[str, str],
    default: Any,
) -> None:
    """Remember a default config, unless files decide it that may change."""
    if not any(":" in x for x in chosen.values()):
        remember(prog, about, _whole(parts, chosen), default)


def _take_parts(
    argv: Sequence[str], parts: Sequence[Part]
) -> tuple[dict[str, str], list[str]]:
    """What was chosen for each part (and `config`), and the other arguments."""
    options = {x.name: x for x in parts if not x.positional}
    chosen: dict[str, str] = {}
    rest: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        option, given, value = argument.partition("=")
        name = option.removeprefix("--").replace("_", "-")
        if not option.startswith("--") or name not in {*options, "config"}:
            rest.append(argument)
            continue
        chosen[name] = value if given else next(arguments, "--")
        if chosen[name].startswith("-"):
            raise ConfigError(f"--{name} needs a value: --{name} NAME.")
    for part in parts:
        if part.positional and rest and not rest[0].startswith("-"):
            chosen[part.name] = rest.pop(0)
        if part.name in chosen:
            part.check(chosen[part.name])
    return chosen, rest


def _read_flags(
    argv: Sequence[str],
    parts: Sequence[Part],
    default: C,
    prog: str,
    description: str,
    examples: Sequence[str],
) -> C:
    """Tyro's part of the work. The parts are fields too, so that it can list them."""
    fields: list[tuple[str, Any, Any]] = []
    for x in parts:
        marks: list[Any] = [tyro.conf.Positional] if x.positional else []
        shown = tyro.conf.arg(
            metavar=x.name.upper(), help=x.help, help_behavior_hint=""
        )
        kind: Any = str if x.default is not None else str | None
        marked = Annotated[kind, shown, *marks]
        fields.append((x.name, marked, field(default=x.default)))
    about_config = tyro.conf.arg(
        metavar="FILE",
        help="Start from the config.json of a run instead of naming parts.",
        help_behavior_hint="",
    )
    fields.append(
        ("config", Annotated[Path | None, about_config], field(default=None)),
    )
    about = "What the config is made of. The flags of each part are below."
    choice = make_dataclass("Choice", fields, frozen=True, namespace={"__doc__": about})
    command = make_dataclass(
        "Command",
        [
            ("part", Annotated[choice, tyro.conf.OmitArgPrefixes], choice()),
            (
                "config",  # the name that messages about wrong values begin with
                Annotated[type(default), tyro.conf.arg(name="")],
                field(default_factory=lambda: default),
            ),
        ],
        frozen=True,
    )
    try:
        read: Any = tyro.cli(
            command,
            args=list(argv),
            prog=prog,
            description=description,
            config=(tyro.conf.AvoidSubcommands, tyro.conf.EnumChoicesFromValues),
            registry=config_registry(),
        )
    except ConfigError as error:  # of a config that looks after its numbers
        _refuse(str(error), prog)
    except SystemExit as end:
        if end.code in (0, None) and examples:
            print("examples:", *(f"  {x}" for x in examples), sep="\n")
        raise
    for x in parts:
        if x.positional and getattr(read.part, x.name) != x.default:
            _refuse(
                f"Unexpected argument {getattr(read.part, x.name)!r}. If it is the "
                f"{x.name}, it comes first: {prog} {x.name.upper()} …",
                prog,
            )
    return read.config  # type: ignore[no-any-return]  # tyro


def _refuse(message: str, prog: str) -> NoReturn:
    """Print what is wrong, as tyro does, and exit with 2."""
    text = Text(f"{message}\n\nFor all options, run {prog} --help")
    Console(stderr=True).print(Panel(text, title="Error", title_align="left"))
    sys.exit(2)
