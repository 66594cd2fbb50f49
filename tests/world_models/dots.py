"""World models that learn the moving dot within seconds: for tests of collapse."""

from collections.abc import Callable, Iterator
from math import cos, pi

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from agents.metrics import of_model
from envs.toys.dots import REACH
from envs.toys.moving_dot import MovingDotWorld
from envs.toys.scene import NoiseConfig
from envs.toys.wander import von_mises_actions
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Objective, TargetKind
from world_models.actions import embedding_of
from world_models.belief import BeliefModel
from world_models.cores.recurrent import RecurrentCore
from world_models.latent_dynamics import LatentDynamics
from world_models.open_loop import GruLoop
from world_models.predictor import LatentHead
from world_models.scope import Scope
from world_models.trajectory import Trajectory

T, B, D = 8, 32, 64
BLACK = NoiseConfig().build(num_dots=1)
LASTING = NoiseConfig(alpha=1.0, changing=False).build(num_dots=1)


def episodes(world: MovingDotWorld, generator: torch.Generator) -> Trajectory:
    """Whole episodes of the paper's walk: T steps from the first row of each."""
    action = von_mises_actions(B, T, generator)
    state = world.start(B, generator, None)
    obs = [world.render(state)]
    for one in action:
        state = world.transition(state, REACH * one, generator).state
        obs.append(world.render(state))
    no, first = torch.zeros(T, B, dtype=torch.bool), torch.zeros(T + 1, B).bool()
    first[0] = True
    return Trajectory(action, torch.zeros(T, B), no, no, torch.stack(obs), first)


def patches() -> Encoder:
    """Without a batch norm, which would hold up a collapse."""
    config = PatchConfig(D, patch=4, width=16, precision=Precision.FLOAT32)
    return config.build((1, 28, 28))


def cnn(normalised: bool = False) -> Encoder:
    """Its latents may end in a batch norm, as SIGReg likes them."""
    layers: list[nn.Module] = []
    for inputs, outputs, size, stride in (
        (1, 8, 5, 2),
        (8, 16, 3, 2),
        (16, 32, 3, 1),
        (32, 128, 3, 1),
    ):
        layers += [nn.Conv2d(inputs, outputs, size, stride), nn.ReLU()]
        layers += [nn.BatchNorm2d(outputs)]
    layers += [nn.Conv2d(128, D, 1)]
    if normalised:
        layers += [nn.BatchNorm2d(D)]
    return Encoder(nn.Sequential(*layers), (1, 28, 28), 0, Precision.FLOAT32)


def belief_of(encoder: Encoder) -> BeliefModel:
    embedding = embedding_of(MovingDotWorld.actions, 16)
    return BeliefModel(encoder, RecurrentCore(D, 16, D), embedding)


def jepa(
    encoder: Encoder, objective: Objective, horizon: int, scope: Scope = Scope.ALL
) -> LatentDynamics:
    belief = belief_of(encoder)
    head = LatentHead(D, 128, D)
    loop = GruLoop(D, belief.embedding.size)
    return LatentDynamics(
        belief, loop, head, objective, horizon, TargetKind.SHARED, scope=scope
    )


def warmed(optimizer: Optimizer, updates: int, warm_up: int = 50) -> LambdaLR:
    """A learning rate that rises, and falls along a cosine."""

    def share(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + cos(pi * (step - warm_up) / (updates - warm_up)))

    return LambdaLR(optimizer, share)


def learn(
    model: LatentDynamics,
    world: MovingDotWorld,
    optimizer: Optimizer,
    updates: int,
    after: Callable[[], object] = lambda: None,
) -> Iterator[dict[str, float]]:
    """Train on fresh episodes; the metrics of every update, as a run logs them."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(updates):
        traj, start = episodes(world, generator), model.start(B)
        loss = model.loss(traj, start)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        model.after_update(loss)
        after()
        target: Tensor = model.targets(traj, start)
        metrics = {**of_model(loss), **model.diagnose(target)}
        yield {name: x.item() for name, x in metrics.items()}
