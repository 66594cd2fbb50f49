"""One cell of the table: a game, an arm and a seed become an F1."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from experiments.atari_ari.frames import SCREEN, collect
from experiments.atari_ari.protocol import (
    Encode,
    Sides,
    encoded,
    encoding,
    read_encoded,
    sides,
)
from experiments.atari_ari.table import ARMS, MAJORITY
from ssl_objectives.encoders.ari_cnn import AriCnnConfig
from world_models.probing.probe import Probe
from world_models.probing.softmax import Majority, Softmax
from world_models.probing.standardised import Standardised


@dataclass(frozen=True)
class Budget:
    """What a cell may spend; a laptop's.

    Attributes:
        frames: that encoders learn from (the paper: 100,000).
        probe_frames: that probes are fitted, chosen and measured on (50,000).
        steps: gradient steps of an encoder (up to 100 epochs).
        size: (height, width) of the frames.
    """

    frames: int = 20_000
    probe_frames: int = 20_000
    steps: int = 300
    size: tuple[int, int] = SCREEN


def run_cell(game: str, arm: str, seed: int, budget: Budget) -> dict[str, Any]:
    """Collect, train, probe; all that is random follows from the seed.

    Probed twice: by the protocol, and with latents at a common scale (`Standardised`),
    since steps of one size read small latents worse than large ones.

    All arms of a game and seed have the same frames, and encoders the same first
    weights. The supervised arm learns from the frames that probes are fitted on, the
    others from frames of their own.

    Returns:
        A line of the results.
    """
    began = time.process_time()
    parts = sides(collect(game, budget.probe_frames, 2 * seed + 1, budget.size), seed)
    encode = _nothing if arm == MAJORITY else _encode(game, arm, seed, budget, parts)
    probe: Probe = Majority() if arm == MAJORITY else Softmax()
    rows = encoded(encode, parts)
    scores = read_encoded(rows, probe)
    scaled = read_encoded(rows, Standardised(probe))
    return {
        "game": game,
        "arm": arm,
        "seed": seed,
        "f1": round(scores.mean, 4),
        "categories": {k.value: round(x, 4) for k, x in scores.categories.items()},
        "labels": {k: round(x.value, 4) for k, x in scores.labels.items()},
        "scaled_f1": round(scaled.mean, 4),
        "scaled_categories": {
            k.value: round(x, 4) for k, x in scaled.categories.items()
        },
        "scaled_labels": {k: round(x.value, 4) for k, x in scaled.labels.items()},
        "steps": 0 if arm in {MAJORITY, "random"} else budget.steps,
        "size": list(budget.size),
        "frames": budget.frames,
        "probe_frames": [len(x) for x in (parts.train, parts.val, parts.test)],
        "duplicates": parts.duplicates,
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def _encode(game: str, arm: str, seed: int, budget: Budget, parts: Sides) -> Encode:
    """What the arm makes of a fresh encoder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = AriCnnConfig().build((1, *budget.size))
        if arm == "supervised":
            frames = parts.train
        else:
            frames = collect(game, budget.frames, 2 * seed, budget.size)
        ARMS[arm].train(encoder, frames, budget.steps, seed)
    return encoding(encoder)


def _nothing(obs: UInt8[Tensor, "N 1 H W"]) -> Float32[Tensor, "N D"]:
    return torch.zeros(len(obs), 1)
