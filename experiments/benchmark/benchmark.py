"""`curious benchmark`: how fast this machine trains, beside what else it could run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from rich.console import Console, RenderableType
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

from experiments.benchmark.config import BenchmarkConfig, Suite
from experiments.benchmark.models import costs as model_costs
from experiments.benchmark.plan import Plan
from experiments.benchmark.results import (
    COSTS,
    curiosity_cost,
    results,
    table,
    write_results,
)
from experiments.benchmark.timing import (
    WARM_UP,
    Arm,
    Summary,
    Timing,
    by_cpu_time,
    measure,
    seconds_left,
    summarise,
)
from experiments.config.json import to_json
from experiments.runs.progress import duration
from ssl_objectives.footprint.plan import readable
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class Benchmark:
    """What was measured, and the file that holds it."""

    timings: tuple[Timing, ...]
    summaries: Mapping[str, Summary]
    file: Path


def benchmark(config: BenchmarkConfig, console: Console | None = None) -> Benchmark:
    """Build all arms, measure them in rounds, print a table and write JSON.

    Raises:
        ConfigError: settings that do not fit together.
    """
    console = console or Console()
    plan = Plan.of(config)
    out = config.out or Path(f"runs/benchmark-{datetime.now():%Y%m%d-%H%M%S}.json")
    arms: list[Arm] = []
    baselines: dict[str, str] = {}
    with _threads(config.threads):
        try:
            with console.status("building …") as status:
                for arm, baseline in plan.build():
                    arms.append(arm)
                    if baseline is not None:
                        baselines[arm.name] = baseline
                    status.update(f"built {arm.name} …")
            timings = _measure(plan, config, arms, console)
            summaries = summarise(timings, baselines, plan.limit)
            settings = _settings(config, plan)
            device = torch.device(plan.device)
            content = results(
                settings, arms, timings, summaries, baselines, plan.limit, device
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error
        finally:
            for arm in arms:
                arm.close()
    title = _title(config, plan)
    shown: RenderableType
    if plan.suite is Suite.METHODS:
        from experiments.benchmark import methods as benchmark_methods

        content |= benchmark_methods.by_clock(arms, timings)
        shown = benchmark_methods.tables(title, arms, timings, device)
    elif plan.suite is Suite.SIGNALS:
        from experiments.benchmark import signals as benchmark_signals

        content["signal_costs"] = benchmark_signals.costs(arms, timings)
        shown = benchmark_signals.table(title, arms, timings)
    elif plan.suite is Suite.MODELS:
        by_clock = model_costs.by_clock(arms, timings, baselines, device)
        content |= by_clock
        shown = model_costs.tables(title, by_clock)
    else:
        shown = table(title, arms, summaries, baselines, plan.limit)
    write_results(out, content)
    console.print(shown)
    lines = _notes(timings, content, out)
    if plan.suite is Suite.MODELS:
        lines = chain(model_costs.notes(arms, timings), lines)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    return Benchmark(tuple(timings), summaries, out)


def _measure(
    plan: Plan, config: BenchmarkConfig, arms: Sequence[Arm], console: Console
) -> list[Timing]:
    """All timings, with a bar (on a terminal) or a line for each round."""
    total = len(arms) * (config.rounds + (plan.warm_up > 0))
    device = torch.device(plan.device)
    timings: list[Timing] = []
    with RichProgress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("warming up", total=total)
        for timing in measure(
            arms, config.rounds, config.updates, plan.warm_up, device
        ):
            timings.append(timing)
            left = seconds_left(timings, len(arms), config.rounds, config.updates)
            now = (
                "warming up"
                if timing.round == WARM_UP
                else f"round {timing.round} of {config.rounds}"
            )
            later = "" if left is None else f", {duration(left)} left"
            bar.update(task, advance=1, description=f"{now}{later}")
            if not console.is_terminal and timing.position == len(arms) - 1:
                console.print(f"{now} done{later}", highlight=False)
    return timings


def _settings(config: BenchmarkConfig, plan: Plan) -> dict[str, Any]:
    """What was asked for, and what it was taken to mean."""
    return {**to_json(config), "resolved": to_json(plan)}


def _title(config: BenchmarkConfig, plan: Plan) -> str:
    ppo = plan.ppo
    rows = plan.num_envs * ppo.num_steps // ppo.num_minibatches
    what = (
        f"Batches of {rows:,} images"
        if plan.suite is Suite.PARTS
        else f"Steps of {plan.batch_size:,} images, 28 × 28"
        if plan.suite is Suite.METHODS
        else "Plans per second"
        if plan.suite is Suite.PLANNING
        else "MuJoCo scenes, frames per second"
        if plan.suite is Suite.RENDERERS
        else "World models, transitions per second"
        if plan.suite is Suite.MODELS
        else f"A data set of {plan.data_gib:g} GiB, 84 × 84"
        if plan.suite is Suite.DATA
        else f"{getattr(plan.world, 'game', 'Pixel Maze')}, {plan.num_envs} worlds × "
        f"{ppo.num_steps} steps, {ppo.num_epochs} epochs of {ppo.num_minibatches} × "
        f"{rows:,} rows"
    )
    return (
        f"{what}, on {plan.device}; median of {config.rounds} rounds (smallest–largest)"
    )


def _notes(
    timings: Sequence[Timing], content: Mapping[str, Any], out: Path
) -> Iterator[str]:
    for (arm, over), (this, that) in COSTS.items():
        cost = curiosity_cost(timings, arm, over)
        worked = curiosity_cost(by_cpu_time(timings), arm, over)
        if cost is not None and worked is not None:
            yield (
                f"{this} takes {cost.median:.2f} times as long as {that} "
                f"({cost.low:.2f}–{cost.high:.2f}), and {worked.median:.2f} times its "
                f"CPU time ({worked.low:.2f}–{worked.high:.2f})."
            )
    chosen = content["arms"].get("sb3", {}).get("envs")
    if chosen:
        yield f"Stable-Baselines3 ran its envs as: {chosen}."
    memory = content["memory"]
    limits = [x for x in content["arms"].values() if "limit_bytes" in x]
    if limits:
        least = min(x["per_second"]["median"] for x in limits if "per_second" in x)
        wanted, limit = limits[0]["wanted_per_second"], limits[0]["limit_bytes"]
        kept = "below" if limits[0]["within_limit"] else "ABOVE"
        yield (
            f"Slowest: {least:,.0f} frames/s ({wanted:,} wanted); memory {kept} the "
            f"limit of {readable(limit)}."
        )
    if memory["process_bytes"] is not None:
        yield f"Most memory held by this process: {readable(memory['process_bytes'])}."
    if memory["gpu_bytes"] is not None:
        yield f"Most GPU memory held: {readable(memory['gpu_bytes'])}."
    yield f"Numbers: {out}"


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Let torch use `number` threads for a while; 0 changes nothing."""
    before = torch.get_num_threads()
    if number:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
