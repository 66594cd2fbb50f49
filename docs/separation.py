"""Which signal tells what can be learned from what cannot: a world of 64 situations.

16 contexts and 4 actions. What comes of contexts 0-3 is learned; 4-7 are never seen in
training; in 8-11 a coin with eight sides decides, in 12-15 a Gaussian. Every signal of
the suite looks at the same batches, after 1,800 gradient steps on them.

    python docs/separation.py [SEEDS ...]

writes results/separation.jsonl beside this file and prints the table. Settings were
chosen on seeds 0 to 2; the table is of 10 to 12.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor, nn

from agents.appraiser import Appraiser
from agents.curiosity.hindsight import HindsightErrorConfig
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.scored import Scored
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import SignalConfig, build_signal
from agents.experience import Experience
from agents.learner import Learner
from envs.vector_env import DiscreteActions, EnvSpec
from experiments.runs.health import HealthMonitor
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.objective import (
    Loss,
    Needs,
    Objective,
    Sizes,
    TargetKind,
    Views,
)
from world_models.belief import BeliefModel, build_belief
from world_models.cores.latent import LatentCoreConfig
from world_models.hindsight.config import HindsightHeadConfig
from world_models.hindsight.head import INVARIANCE, HindsightHead
from world_models.model_config import LatentDynamicsConfig
from world_models.open_loop import OpenLoop
from world_models.predictor import PredictorConfig
from world_models.terms.ensemble import EnsembleConfig
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorMlpConfig

CONTEXTS, ACTIONS, SIDES, OUTCOME = 16, 4, 8, 16
GROUPS = ("learned", "never seen", "coin", "Gaussian")
BATCH, UPDATES, EVERY, TESTS = 128, 1_800, 10, 32
# one predictor in two guises: with a code, and without
PLAIN = HindsightHeadConfig(code=0, hidden=128)
HINDSIGHT = replace(PLAIN, code=32, noise=16)
RESULTS = Path(__file__).parent / "results" / "separation.jsonl"


class Situations:
    """Contexts, actions, and what comes of them: unit vectors."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.fixed = self._unit(CONTEXTS, ACTIONS)
        self.sides = self._unit(CONTEXTS, ACTIONS, SIDES)

    def _unit(self, *shape: int) -> Tensor:
        drawn = torch.randn(*shape, OUTCOME, generator=self.generator)
        return nn.functional.normalize(drawn, dim=-1)

    def _any(self, high: int) -> Tensor:
        return torch.randint(high, (BATCH,), generator=self.generator)

    def draw(self, training: bool) -> tuple[Trajectory, Tensor]:
        """One step in each of `BATCH` worlds, and the group of each."""
        context = self._any(12 if training else 16)
        context = context + 4 * ((context > 3) & training)  # 4-7 are never seen
        action, group = self._any(ACTIONS), context // 4
        outcome = self.fixed[context, action]
        tossed = self.sides[context, action, self._any(SIDES)]
        outcome = torch.where((group == 2)[:, None], tossed, outcome)
        outcome = torch.where((group == 3)[:, None], self._unit(BATCH), outcome)
        vector = torch.zeros(2, BATCH, CONTEXTS + OUTCOME)
        vector[0, torch.arange(BATCH), context] = 1
        vector[1, :, CONTEXTS:] = outcome
        never = torch.zeros(1, BATCH, dtype=torch.bool)
        return Trajectory(
            action[None],
            torch.zeros(1, BATCH),
            never,
            never,
            torch.zeros(2, BATCH, 1, 1, 1, dtype=torch.uint8),
            torch.cat([~never, never]),
            vector=vector,
        ), group


@final
class Noted(OpenLoop):
    """Writes the action where the context has zeros."""

    def all_starts(self, belief: Tensor, action: Tensor, horizon: int) -> Tensor:
        """One step."""
        return self(belief, action[None])

    def forward(self, belief: Tensor, action: Tensor) -> Tensor:
        """Likewise."""
        return belief + nn.functional.pad(action, (CONTEXTS, 0))


@dataclass(frozen=True)
class NotedConfig:
    """The action is written into the belief."""

    def build(self, belief: BeliefModel) -> Noted:
        """Build it."""
        return Noted()


@final
class Distance(Objective):
    """BYOL's, of targets that are given: nothing has to keep them apart."""

    needs = Needs(target=TargetKind.STOP)

    def __init__(self) -> None:
        super().__init__()
        self.byol = Byol()

    def forward(self, views: Views) -> Loss:
        """`2 - 2 cos`."""
        loss: Loss = self.byol(views)
        return loss


@dataclass(frozen=True)
class DistanceConfig:
    """Cosine distance to what is given."""

    def build(self, sizes: Sizes) -> Distance:
        """Build it."""
        return Distance()


class Arm:
    """A world model, the signals that look at it, and what trains both."""

    def __init__(
        self, predictor: PredictorConfig, signals: dict[str, CuriosityConfig], seed: int
    ) -> None:
        torch.manual_seed(seed)
        size, actions = CONTEXTS + OUTCOME, DiscreteActions(ACTIONS)
        eyes, core, shape = VectorMlpConfig(hidden=()), LatentCoreConfig(), (1, 1, 1)
        belief = build_belief(eyes, core, shape, actions, OUTCOME, size)
        # actions are told as contexts are
        table = next(belief.embedding.parameters()).requires_grad_(False)
        table.copy_(torch.eye(ACTIONS, OUTCOME))
        self.model = LatentDynamicsConfig(
            horizon=1,
            open_loop=NotedConfig(),
            predictor=predictor,
            target=TargetKind.STOP,
            objective=DistanceConfig(),
            terms=(EnsembleConfig(),),
        ).build(belief)
        device = torch.device("cpu")
        spec = EnvSpec(BATCH, shape, actions, device, vector_size=size)
        built = {
            name: build_signal(SignalConfig(x), spec, belief, self.model, UPDATES)
            for name, x in signals.items()
        }
        self.appraiser = Appraiser(self.model, built)
        self.generator = torch.Generator().manual_seed(seed)
        self.learner = self._learner()

    def _learner(self) -> Learner:
        curious = list(self.appraiser.curious.values())
        return Learner(self.model, self.model, curious, 1e-3, 10.0)

    def learn(self, traj: Trajectory, pay: bool) -> None:
        """A gradient step; now and then rewards, whose statistics they move."""
        if pay:
            self.appraiser.rewards(self.score(traj))
        carry = self.model.start(BATCH)
        studied = self.appraiser.study(traj, carry, self.generator)
        self.learner.step(studied.total, *studied.losses)

    def score(self, traj: Trajectory) -> Scored:
        """What a rollout of one step is to model and signals."""
        carry = self.model.start(BATCH)
        return Scored.by(self.model, Experience(traj, carry, carry, {}, None, 0))

    def told(self, traj: Trajectory) -> Tensor | None:
        """What codes tell of what was known, in nats per row; None without codes."""
        terms = self.score(traj).known.terms
        return terms[INVARIANCE][0, 0] if INVARIANCE in terms else None


@final
class CoMinimised(Arm):
    """The critic minimises what it should maximise, in the generator's optimiser."""

    def _learner(self) -> Learner:
        head = self.model.predictor
        assert isinstance(head, HindsightHead)
        assert head.adversary is not None
        head.adversary.requires_grad_(True)
        head.adversary.learn = lambda losses: None  # type: ignore[method-assign]  # nobody plays against it
        return super()._learner()


ERROR = PredictionErrorConfig()
DISAGREEMENT = PredictionErrorConfig(term="disagreement")


def arms(seed: int) -> Iterator[tuple[Arm, dict[str, str]]]:
    """Models, and what each of their signals is called in the table."""
    plain: dict[str, CuriosityConfig] = {
        "error": ERROR,
        "rnd": RndConfig(VectorMlpConfig(), 32, share=1.0, warm_up_steps=0),
        "disagreement": DISAGREEMENT,
        "progress": GammaProgressConfig(yardstick=OwnLossConfig()),
        "last": DeltaProgressConfig(yardstick=OwnLossConfig()),
    }
    yield (
        Arm(PLAIN, plain, seed),
        {
            "error": "prediction error",
            "rnd": "RND",
            "disagreement": "disagreement",
            "progress": "γ-Progress",
            "last": "δ-Progress",
        },
    )
    whole: dict[str, CuriosityConfig] = {
        "error": ERROR,
        "whole": HindsightErrorConfig(),
    }
    names = {"error": "hindsight", "whole": "hindsight, R_inv paid"}
    yield Arm(HINDSIGHT, whole, seed), names
    co = CoMinimised(HINDSIGHT, {"error": ERROR}, seed)
    yield co, {"error": "hindsight, co-minimised critic"}


def train(arm: Arm, situations: Situations) -> None:
    """All gradient steps."""
    for step in range(UPDATES):
        traj, _ = situations.draw(training=True)
        arm.learn(traj, pay=step % EVERY == 0)


def separation(
    arm: Arm, names: dict[str, str], situations: Situations, seed: int
) -> Iterator[dict[str, Any]]:
    """What each signal pays, by group, and what codes tell."""
    told, warnings = information(arm, situations)
    paid: dict[str, list[list[Tensor]]] = {x: [[] for _ in GROUPS] for x in names}
    for _ in range(TESTS):
        traj, group = situations.draw(training=False)
        rewards = arm.appraiser.rewards(arm.score(traj))
        for signal in names:
            for i in range(len(GROUPS)):
                paid[signal][i].append(rewards[signal].raw[0, group == i])
    for signal, name in names.items():
        means = [torch.cat(x).mean().item() for x in paid[signal]]
        row: dict[str, Any] = {"signal": name, "seed": seed}
        row |= dict(zip(GROUPS, means, strict=True))
        # progress has a sign: beside noise that is paid nothing there is no ratio
        noise = max(means[2], means[3])
        row["ratio"] = means[1] / noise if noise > 0 else None
        yield row | told | {"warnings": warnings}


def information(arm: Arm, situations: Situations) -> tuple[dict[str, float], list[str]]:
    """What codes tell of what was known, on fresh batches; and what health says."""
    monitor, rows, groups, warnings = HealthMonitor(), [], [], list[str]()
    for _ in range(TESTS):
        traj, group = situations.draw(training=True)
        told = arm.told(traj)
        if told is None:
            return {}, []
        rows.append(told)
        groups.append(group)
        metric = {f"world_model/fresh_{INVARIANCE}": told.mean().item()}
        warnings += monitor.observe(metric)
    each, group = torch.cat(rows), torch.cat(groups)
    means = {x: each[group == i].mean().item() for i, x in enumerate(GROUPS) if i != 1}
    found = {f"nats, {x}": mean for x, mean in means.items()}
    return found | {"nats": each.mean().item()}, warnings


def measured(seed: int) -> Iterator[dict[str, Any]]:
    """All signals with one seed."""
    for arm, names in arms(seed):
        began = time.process_time()
        situations = Situations(seed)
        train(arm, situations)
        rows = list(separation(arm, names, situations, seed))
        seconds = round(time.process_time() - began, 1)
        yield from (row | {"cpu_s": seconds} for row in rows)


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Markdown: each signal's mean over seeds, and its ratio for each seed."""
    yield "| signal | " + " | ".join(GROUPS) + " | never seen ÷ worst noise | nats |"
    yield "|---" * 7 + "|"
    for name in dict.fromkeys(x["signal"] for x in rows):
        own = [x for x in rows if x["signal"] == name]
        means = [sum(x[g] for x in own) / len(own) for g in GROUPS]
        each = [x["ratio"] for x in own]
        ratios = " / ".join("–" if x is None else f"{x:.1f}" for x in each)
        nats = " / ".join(_nats(x["nats"]) for x in own if "nats" in x) or "–"
        cells = " | ".join(f"{x:.3g}" for x in means)
        yield f"| {name} | {cells} | {ratios} | {nats} |"


def _nats(value: float) -> str:
    """Two digits; a bound without a floor has run away."""
    return f"{value:.2f}" if abs(value) < 1_000 else f"{value:.0e}"


def main(seeds: list[int]) -> None:
    """Run all seeds, write them, and print the table."""
    torch.set_num_threads(1)
    rows = []
    for seed in seeds:
        for row in measured(seed):
            print(json.dumps(row), file=sys.stderr, flush=True)
            rows.append(row)
    if seeds == [10, 11, 12]:
        text = "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in rows)
        RESULTS.write_text(text, "utf-8")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main([int(x) for x in sys.argv[1:]] or [10, 11, 12])
