"""What a world model is worth: facts that can be read off its latents, and shares."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv
from envs.vector_env import VectorEnv
from experiments.model.config import TrainModelConfig
from experiments.sources.source import Source
from ssl_objectives.evaluating import evaluating
from ssl_objectives.measure.crossed import crossed_shares
from world_models.data.description import write_json
from world_models.latent_dynamics import LatentDynamics
from world_models.probing.facts import probe_facts
from world_models.trajectory import Trajectory

FORMAT_VERSION = 1  # of results.json
RESULTS = "results.json"
_BATCH = 100  # trajectories that are encoded at once
_CROSSED = 500  # pairs of pairs that shares are estimated from


@runtime_checkable
class CrossedWorld(Protocol):
    """A world that can show two things before two backgrounds each."""

    def crossed_frames(
        self, num: int, generator: torch.Generator
    ) -> UInt8[Tensor, "dot background num C H W"]:
        """Frames `[2, 2, num]`, each like those of its episodes."""


@torch.no_grad()
def shares(model: LatentDynamics, env: VectorEnv | None, seed: int) -> dict[str, float]:
    """`evaluate/background_share` and `evaluate/dot_share`, where a world can tell.

    Of encoders of single frames alone: a stack of frames has one background, too, but
    more than one place of the dot.
    """
    if model.belief.num_frames > 1:
        return {}
    with evaluating(model):
        found = background_shares(model.belief.encoder, env, seed)
    return {f"evaluate/{name}": x for name, x in found.items()}


@torch.no_grad()
def background_shares(
    encode: Callable[[UInt8[Tensor, "n C H W"]], Float32[Tensor, "n D"] | None],
    env: VectorEnv | None,
    seed: int,
) -> dict[str, float]:
    """`background_share` and `dot_share` of latents, where a world can tell.

    Args:
        encode: single frames to latents; None where it needs more than one to see.
        env: the worlds; nothing is told of those that cannot show two things before
            two backgrounds each.
        seed: of the frames.
    """
    world = env.world if isinstance(env, NativeVectorEnv) else None
    if env is None or not isinstance(world, CrossedWorld):
        return {}
    generator = torch.Generator(env.spec.device).manual_seed(seed)
    frames = world.crossed_frames(_CROSSED, generator)
    latent = encode(frames.flatten(0, 2))
    if latent is None:
        return {}
    background, dot = crossed_shares(latent.unflatten(0, frames.shape[:3]))
    return {"background_share": float(background), "dot_share": float(dot)}


def measure_model(
    model: LatentDynamics, source: Source, config: TrainModelConfig, folder: Path
) -> dict[str, float]:
    """Measure a model on trajectories it did not learn from; writes `results.json`.

    Results are named `probe/<fact>/<what>_rmse` and `…_r2`, `what` being `encoded` or
    `predicted` (see `probe_facts`), and `shares`' without `evaluate/`.

    Raises:
        TrainingDiverged: latents are not finite.
    """
    model.eval()
    results = {
        name.removeprefix("evaluate/"): x
        for name, x in shares(model, source.env, config.seed).items()
    }
    if source.offered.facts:
        counts = (config.probe_fit, config.probe_test)
        fit, test = (_some(source, part, num) for part, num in enumerate(counts))
        found = probe_facts(model, fit, test, config.burn_in)
        results |= {f"probe/{name}": x for name, x in found.items()}
    write_json(folder / RESULTS, {"format_version": FORMAT_VERSION, "results": results})
    return results


def _some(source: Source, part: int, num: int) -> Iterator[Trajectory]:
    """About so many held-out trajectories, or as many as there are."""
    batch = min(_BATCH, num)
    return islice(source.held_out(batch, part), -(-num // batch))
