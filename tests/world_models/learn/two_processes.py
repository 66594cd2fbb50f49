"""A step of every model in each of two processes; run by `test_processes.py`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from agents.trajectories import rollout
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import ContinuousActions, WorldConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from tests.envs.probe_world import ProbeConfig
from tests.ssl_objectives.launch import report_from
from world_models import presets
from world_models.belief import build_belief
from world_models.cores.core import CoreConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.hindsight.config import HindsightHeadConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.learn.trainer import ModelTrainer
from world_models.model_config import LatentDynamicsConfig
from world_models.scope import Scope
from world_models.terms.goal import GoalConfig
from world_models.terms.inverse import InverseConfig
from world_models.trajectory import Trajectory

T, B, K, STEPS = 6, 8, 3, 3
DOT, PROBE = MovingDotConfig(max_episode_steps=4), ProbeConfig()
ADAM = AdamWConfig(learning_rate=1e-3, warm_up=0.0, max_norm=0.0)


class InDouble(Encoder):
    """Batch norm of almost black frames makes much of float32's rounding."""

    def forward(self, image: Tensor) -> Tensor:
        maps = self.body(image.flatten(0, -4).double() / 255)
        latent: Tensor = self.head(maps.permute(0, 2, 3, 1).flatten(1))
        return latent.view(*image.shape[:-3], self.size)


@dataclass(frozen=True)
class MeNetInDouble:
    """A small MeNet with all its batch norms."""

    menet: MeNetConfig

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        like = self.menet.build(image_shape)
        encoder = InDouble(like.body, image_shape, like.size, like.precision)
        encoder.head = like.head
        return encoder


Made = tuple[LatentDynamics, list[Trajectory], int]


def made(
    config: LatentDynamicsConfig,
    world: WorldConfig = DOT,
    core: CoreConfig | None = None,
    burn_in: int = 0,
) -> Made:
    """A model, and batches of eight envs whose episodes end now and then."""
    env = world.build(B, "cpu")
    row, trajs = env.reset(1), []
    for _ in range(STEPS):
        traj, row = rollout(env, T, row=row)
        trajs.append(traj)
    spec = env.spec
    assert isinstance(spec.actions, ContinuousActions)
    torch.manual_seed(3)
    eyes = MeNetInDouble(MeNetConfig(12, (4, 6, 8), 16, Precision.FLOAT32))
    core = core or LatentCoreConfig()
    belief = build_belief(eyes, core, spec.obs_shape, spec.actions, 5, spec.vector_size)
    return config.build(belief), trajs, burn_in


MODELS: dict[str, Callable[[], Made]] = {
    **{
        f"vicreg, {scope.name}": partial(
            made, presets.jepa_vicreg(K, scope=scope, group=20)
        )
        for scope in Scope
    },
    "info-nce": partial(made, presets.jepa_simclr(K)),
    "info-nce, TIME": partial(made, presets.jepa_simclr(K, scope=Scope.TIME)),
    "sigreg": partial(made, presets.jepa_sigreg(K)),
    "sigreg, ALL": partial(made, presets.jepa_sigreg(K, scope=Scope.ALL)),
    "cpc": partial(made, presets.contrastive(K)),
    "byol-explore": partial(made, presets.byol_explore(K)),
    "byol-hindsight": partial(
        made,
        presets.byol_hindsight(
            K, predictor=HindsightHeadConfig(6, 5, hidden=12, group=20), standardized=2
        ),
    ),
    "spr": partial(made, presets.spr(K)),
    "moco": partial(made, presets.byol_explore(K, objective=MoCoConfig(queue=64))),
    "reconstruction": partial(made, presets.reconstruction(K)),
    "rssm": partial(made, presets.rssm(K)),
    "inverse-dynamics": partial(made, presets.inverse_dynamics(K)),
    "supervised": partial(made, presets.supervised(K)),
    "random-encoder": partial(made, presets.random_encoder(K)),
    "memory, vectors and a burn-in": partial(
        made,
        presets.jepa_vicreg(K, terms=(InverseConfig(), GoalConfig(3))),
        PROBE,
        RecurrentConfig(9),
        2,
    ),
}


def steps(
    model: LatentDynamics, trajs: list[Trajectory], burn_in: int
) -> Iterator[Any]:
    """Gradients and losses of some steps; at last, all of the model's state."""
    trainer = ModelTrainer(model, ADAM, STEPS, burn_in)
    for traj in trajs:
        told = trainer.step(traj)
        grads = {
            name: p.grad.clone()
            for name, p in model.named_parameters()
            if p.grad is not None
        }
        yield grads, told
    yield tensors(model), {}


def tensors(model: LatentDynamics) -> dict[str, Tensor]:
    """Parameters and buffers; not what modules add besides."""
    return {k: x for k, x in model.state_dict().items() if isinstance(x, Tensor)}


def weights(model: LatentDynamics) -> dict[str, Tensor]:
    """What is trained."""
    return {k: x.detach() for k, x in model.named_parameters() if x.requires_grad}


def in_double() -> None:
    torch.set_default_dtype(torch.float64)


def alone() -> dict[str, list[Any]]:
    return {name: list(steps(*build())) for name, build in MODELS.items()}


def together(rank: int, expected: dict[str, list[Any]]) -> dict[str, Any]:
    """How far from one process two are, each with half of the envs."""
    half = torch.arange(B).chunk(2)[rank]
    found = {}
    for name, build in MODELS.items():
        model, trajs, burn_in = build()
        got = list(steps(model, [x.envs(half) for x in trajs], burn_in))
        (first, told), (_, wanted_told) = got[0], expected[name][0]
        found[name] = {
            "gradient": apart(first, expected[name][0][0]),
            "loss": apart(told, wanted_told),
            "state": apart(got[-1][0], expected[name][-1][0]),
            "moved": apart(weights(model), weights(build()[0])),
        }
    return found


def apart(got: dict[str, Tensor], want: dict[str, Tensor]) -> float:
    """The largest distance of two, beside their size and the size of all."""
    assert got.keys() == want.keys()
    assert got
    squares = [float(x.double().square().mean()) for x in want.values()]
    typical = float(sum(squares) ** 0.5)
    return max(
        float((got[k].double() - x.double()).abs().max())
        / (float(x.double().abs().max()) + typical / len(want))
        for k, x in want.items()
    )


if __name__ == "__main__":
    report_from(alone, together, in_double)
