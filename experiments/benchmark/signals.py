"""What an update of each signal costs beside plain PPO: worlds, networks and PPO equal.

All agents are recurrent, in the pixel maze. Signals that pay what a world model
measures need one, and are measured with BYOL-Explore's (hindsight with its own):
`model alone` has the same model, and nobody who pays. Two further arms take E3B's
ellipsoids of many envs along a rollout: all at once, and env by env with a rank-1
update for each row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from rich.table import Table
from torch import Tensor

from agents.curiosity.episodic.ellipsoid import EpisodicEllipsoid
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.signal import CuriosityConfig
from agents.ppo.build import PpoAgentConfig
from envs.vector_env import VectorEnv
from experiments.benchmark.agents import HORIZON, AgentArm
from experiments.benchmark.timing import (
    Arm,
    Spread,
    Timing,
    by_cpu_time,
    ratio,
    update_seconds,
)
from experiments.train.tables import CURIOSITY
from ssl_objectives.refusal import ConfigError, suggest
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig
from world_models.presets import byol_explore, byol_hindsight
from world_models.terms.ensemble import EnsembleConfig

PLAIN, MODEL = "ppo", "model alone"
AT_ONCE, ONE_BY_ONE = "ellipsoids at once", "ellipsoids one by one"
ENVS, STEPS, SIZE = 64, 128, 64  # of the ellipsoids

Parts = tuple[ModelConfig | None, CuriosityConfig | None]


def signals() -> dict[str, Parts]:
    """Models and signals by the names of arms; plain PPO and the model alone first."""
    byol = byol_explore(HORIZON)
    ensemble = byol_explore(HORIZON, terms=(EnsembleConfig(),))
    measured: dict[str, Parts] = {
        "prediction-error": (byol, PredictionErrorConfig()),
        "hindsight": (byol_hindsight(HORIZON), PredictionErrorConfig()),
        "disagreement": (ensemble, PredictionErrorConfig(term="disagreement")),
        # old weights are compared from the start
        "gamma-progress": (byol, GammaProgressConfig(warm_start=1, gamma=0.998)),
        "delta-progress": (byol, DeltaProgressConfig(warm_start=1)),
        **{x: (byol, CURIOSITY.make(x)) for x in ("lpm", "curiosity-critic")},
    }
    # what is learned from demonstrations needs some first
    learned = ("perceptual", "perceptual-shaping")
    others = ("none", "error", "hindsight-error", *learned)
    left = [x for x in CURIOSITY.rows if x not in measured and x not in others]
    alone: dict[str, Parts] = {x: (None, CURIOSITY.make(x)) for x in left}
    return {PLAIN: (None, None), **alone, MODEL: (byol, None), **measured}


def signal_arms(
    names: Sequence[str],
    agent: PpoAgentConfig,
    make_env: Callable[[], VectorEnv],
    device: torch.device,
    seed: int,
) -> Iterator[tuple[Arm, str]]:
    """Plain PPO, the signals, and the ellipsoids, with what each is compared with.

    Args:
        names: of signals; empty: all, the model alone and the ellipsoids too.
        agent: what all of them share; its core is made recurrent.
        make_env: builds the worlds of an arm.
        device: where.
        seed: of weights, worlds and draws.

    Raises:
        ConfigError: there is no such signal.
    """
    known = signals()
    for name in names:
        if name not in known:
            near = suggest(name, list(known))
            raise ConfigError(f"--signals: there is no {name!r}.{near}")
    config = replace(agent, core=RecurrentConfig())
    for name in dict.fromkeys((PLAIN, *names)) if names else known:
        model, curiosity = known[name]
        built = config.build(make_env(), model, curiosity, seed)
        about = "our PPO, recurrent" if name == PLAIN else f"the same with {name}"
        yield AgentArm(name, about, built), PLAIN
    if not names:
        for arm in (AT_ONCE, ONE_BY_ONE):
            yield EllipsoidArm(arm, device, seed), ONE_BY_ONE


class EllipsoidArm(Arm):
    """How far states of a rollout lie outside their episodes' ellipsoids."""

    unit = "states"
    units = ENVS * STEPS

    def __init__(self, name: str, device: torch.device, seed: int) -> None:
        self.name = name
        self.about = f"E3B's C⁻¹ along {STEPS} steps of {ENVS} envs, D = {SIZE}"
        generator = torch.Generator().manual_seed(seed)
        shape = (STEPS + 1, ENVS)
        self.rows = torch.randn(*shape, SIZE, generator=generator).to(device)
        self.first = (torch.rand(shape, generator=generator) < 0.01).to(device)
        self.ridge = 0.1
        self.memory = EpisodicEllipsoid(ENVS, SIZE, self.ridge).to(device)
        eye = torch.eye(SIZE, device=device) / self.ridge
        self.inverse = eye.repeat(ENVS, 1, 1)

    @torch.no_grad()
    def update(self) -> None:
        """One rollout."""
        if self.name == AT_ONCE:
            self.memory.along(self.rows, self.first)
        else:
            self.one_by_one()

    def one_by_one(self) -> Tensor:
        """`[T, B]`: `φᵀ A φ` of each row, then `A ← A - A φ φᵀ A / (1 + φᵀ A φ)`."""
        eye = torch.eye(SIZE, device=self.rows.device) / self.ridge
        told = self.rows.new_zeros(STEPS + 1, ENVS)
        for b in range(ENVS):
            inverse = self.inverse[b]
            for t in range(STEPS + 1):
                if bool(self.first[t, b]):
                    inverse = eye
                against = inverse @ self.rows[t, b]
                told[t, b] = outside = self.rows[t, b] @ against
                inverse = torch.addr(
                    inverse, against, against, alpha=-1 / (1 + float(outside))
                )
            self.inverse[b] = inverse
        return told[1:]


def costs(
    arms: Sequence[Arm], timings: Sequence[Timing]
) -> Mapping[str, Mapping[str, float]]:
    """CPU seconds of an update of each arm, and how many times those of two others.

    `over_plain` in units of plain PPO's, `over_model` of the model's alone; of the
    ellipsoids, `over_one_by_one`.
    """
    worked = by_cpu_time(timings)
    found: dict[str, dict[str, float]] = {}
    for arm in arms:
        mine = update_seconds(worked, arm.name)
        row = {"cpu_seconds": Spread.of(mine).median}
        others = {"over_plain": PLAIN, "over_model": MODEL}
        if isinstance(arm, EllipsoidArm):
            others = {"over_one_by_one": ONE_BY_ONE}
        for key, other in others.items():
            quotient = ratio(mine, update_seconds(worked, other))
            if quotient is not None:
                row[key] = quotient.median
                row[f"{key}_low"], row[f"{key}_high"] = quotient.low, quotient.high
        found[arm.name] = row
    return found


def table(title: str, arms: Sequence[Arm], timings: Sequence[Timing]) -> Table:
    """A row for each arm: medians over rounds, ratios taken within rounds."""
    result = Table(title=title)
    result.add_column("signal", no_wrap=True)
    for header in ("CPU ms/update", f"× {PLAIN}", f"× {MODEL}"):
        result.add_column(header, justify="right", no_wrap=True)
    for name, row in costs(arms, timings).items():
        over = "over_one_by_one" if "over_one_by_one" in row else "over_plain"
        shown = [f"{1e3 * row['cpu_seconds']:.1f}", _span(row, over)]
        needs = name in signals() and signals()[name][0] is not None
        shown.append(_span(row, "over_model") if needs and "over_model" in row else "")
        result.add_row(name, *shown)
    return result


def _span(row: Mapping[str, float], key: str) -> str:
    return f"{row[key]:.2f} ({row[f'{key}_low']:.2f}–{row[f'{key}_high']:.2f})"
