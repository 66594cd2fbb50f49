"""`curious probe`: which facts can be read off a model's latents."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from envs.noise.config import with_noise
from envs.vector_env import VectorEnv
from experiments.model.results import background_shares
from experiments.parts.seen import seen
from experiments.probe.config import ProbeConfig
from experiments.probe.played import played_footage
from experiments.probe.recorded import read_columns, recorded_footage
from experiments.probe.results import print_findings, write_findings
from experiments.probe.subjects import Named, named_subject
from experiments.record.policy import build_policy
from experiments.runs.playing import observable_env
from ssl_objectives.refusal import ConfigError
from world_models.probing.findings import Findings
from world_models.probing.footage import Footage
from world_models.probing.mlp import Mlp
from world_models.probing.probing import PROBES, Question, probe_latents
from world_models.probing.ridge import Ridge
from world_models.probing.subject import Subject


@dataclass(frozen=True)
class Probed:
    """What was found, and the folder of the report."""

    findings: Findings
    folder: Path


def probe_model(config: ProbeConfig, console: Console | None = None) -> Probed:
    """Probe what the config names; prints tables, writes a page, pictures and JSON.

    Raises:
        ConfigError: no such model, world or policy, or they do not fit together.
        NotARun: there is no run at the path.
        DatasetError: the data set cannot be read, has no facts, or too few episodes.
        Refusal: the model gives what cannot be read.
    """
    console = console or Console()
    named = named_subject(config.model, config.device, config.stack, config.horizon)
    data = config.data or (named.data if config.world is None else None)
    if data is None and config.world is None:
        raise ConfigError(
            f"Frames of what? Nothing says where {named.about} shall look. Give a data "
            "set or a world: --data FOLDER, or --world NAME"
        )
    console.print(f"Probing {named.about}", style="bold", highlight=False, markup=False)
    with console.status("…") as status:
        told: Callable[[str], None] = lambda text: status.update(text)  # noqa: E731
        if data is not None:
            told("reading frames")
            columns = read_columns(config.column)
            footage = recorded_footage(
                data, config.frames, config.seed, config.facts, columns
            )
            findings = probe_latents(named.subject, footage, _question(config), told)
        else:
            findings = _in_a_world(config, named.subject, console, told)
    folder = config.out or _folder(named)
    write_findings(findings, named.about, config, folder)
    print_findings(findings, console)
    console.print(
        f"Report: {folder / 'probe.html'}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return Probed(findings, folder)


def _in_a_world(
    config: ProbeConfig,
    subject: Subject,
    console: Console,
    told: Callable[[str], None],
) -> Findings:
    if config.column:
        raise ConfigError("--column is about the rows of a data set: give --data, too.")
    assert config.world is not None
    place = with_noise(config.world, config.noise)
    try:
        env = observable_env(place, config.num_envs, config.device)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    try:
        console.print(seen(env.spec), highlight=False, markup=False, soft_wrap=True)
        footage = _played(config, env, told)
        findings = probe_latents(subject, footage, _question(config), told)
        return _with_shares(findings, subject, env, config)
    finally:
        env.close()


def _played(
    config: ProbeConfig, env: VectorEnv, told: Callable[[str], None]
) -> Footage:
    policy = build_policy(config.policy, env, config.seed, False, config.device)
    world = type(config.world).__name__.removesuffix("Config")
    about = f"{world}, played by {config.policy}"
    return played_footage(
        env,
        policy,
        config.frames,
        config.seed,
        config.facts,
        about,
        lambda n: told(f"playing: {n:,} frames"),
    )


def _with_shares(
    findings: Findings, subject: Subject, env: VectorEnv, config: ProbeConfig
) -> Findings:
    """And what share of the latents the background explains, where a world can show."""
    found = {}
    controls = {"probed": subject, "random weights": subject.untrained()}
    for arm, layers in findings.diagnostics.items():
        of = controls.get(arm)
        if of is not None and layers:
            layer = next(iter(layers))
            shares = background_shares(of.encode, env, config.seed)
            found[arm] = {**layers, layer: {**layers[layer], **shares}}
    return replace(findings, diagnostics={**findings.diagnostics, **found})


def _question(config: ProbeConfig) -> Question:
    ridge = Ridge() if config.penalty is None else Ridge((config.penalty,))
    probes = [ridge, *(x for x in PROBES if not isinstance(x, Ridge))]
    if not config.mlp:
        probes = [x for x in probes if not isinstance(x, Mlp)]
    return Question(
        facts=config.facts,
        places=config.places,
        layers=config.layers,
        probes=probes,
        seed=config.seed,
        val=config.val,
        test=config.test,
        controls=config.controls,
    )


def _folder(named: Named) -> Path:
    stem = f"probe-{datetime.now():%Y%m%d-%H%M%S}"
    return (named.folder or Path("runs")) / stem
