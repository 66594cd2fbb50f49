"""Who acts while `curious record` watches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from agents.acting import (
    Acted,
    ActingPolicy,
    ActorPolicy,
    RandomPolicy,
    nothing_carried,
)
from envs.vector_env import (
    ContinuousActions,
    DiscreteActions,
    EnvSpec,
    Step,
    VectorEnv,
)
from experiments.config.outside import find
from experiments.evaluate.evaluation import load_agent
from ssl_objectives.refusal import ConfigError
from world_models.belief import Carry

RANDOM = "random"


def build_policy(
    policy: str, env: VectorEnv, seed: int, greedy: bool, device: str
) -> ActingPolicy:
    """The acting policy that `--policy` names.

    Args:
        policy: `random`; `my_module:MyPolicy`, a class whose instances have
            `act(row, generator)`, or a function `(row, generator)`, which get the row
            the envs show (with facts, where they are recorded) and return one action
            per env, continuous ones in [-1, 1]; or the path of a run.
        env: the worlds that it plays in.
        seed: of its draws.
        greedy: a trained policy takes its likeliest action.
        device: of a trained policy.

    Raises:
        ConfigError: no such policy, or one of another world.
        NotARun: there is no run at the path.
        CheckpointError: the run's checkpoint cannot be read.
    """
    if policy == RANDOM:
        return RandomPolicy(env, seed)
    if ":" in policy:
        return _scripted(policy, env, seed)
    actor, trained = load_agent(Path(policy), device)
    like = trained.world.build(1, "cpu")
    wanted, offered = _shown(like.spec), _shown(env.spec)
    like.close()
    if wanted != offered:
        raise ConfigError(
            f"{policy} was trained on {wanted}; this world has {offered}. Without "
            "--world it is recorded in its own."
        )
    return ActorPolicy.seeded(actor, seed, greedy)


@final
class ScriptedPolicy(ActingPolicy):
    """A function of the row that the envs show, or a class with `act` like it.

    What it returns is held to what the world takes.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[Step, torch.Generator], Any],
        env: VectorEnv,
        seed: int,
    ) -> None:
        self.name, self.chooses, self.env = name, act, env
        self.generator = torch.Generator(env.spec.device).manual_seed(seed)

    def start(self, num_envs: int) -> Carry:
        """What it remembers is its own business."""
        return nothing_carried(self.env.spec, num_envs)

    def act(self, row: Step, carry: Carry) -> Acted:
        """Ask it.

        Raises:
            ConfigError: it gave something that is no action of this world.
        """
        action = self.chooses(row, self.generator)
        discrete = isinstance(self.env.spec.actions, DiscreteActions)
        dtype = torch.int64 if discrete else torch.float32
        shape = (self.env.spec.num_envs, *_dimension(self.env))
        if not (
            isinstance(action, Tensor)
            and tuple(action.shape) == shape
            and action.dtype == dtype
        ):
            what = (
                f"{action.dtype} {tuple(action.shape)}"
                if isinstance(action, Tensor)
                else type(action).__name__
            )
            raise ConfigError(
                f"--policy {self.name} gave {what}; this world takes {dtype} {shape}."
            )
        return Acted(action, carry.acted(action))


def _scripted(name: str, env: VectorEnv, seed: int) -> ScriptedPolicy:
    found = find(name, "--policy")
    act: Callable[[Step, torch.Generator], Any]
    if isinstance(found, type):
        made: Any = found
        try:
            act = made().act
        except (TypeError, AttributeError) as error:
            raise ConfigError(
                f"--policy {name}: a policy is a class that needs no arguments and has "
                f"act(row, generator) ({error})."
            ) from error
    else:
        act = found
    if not callable(act):
        raise ConfigError(f"--policy {name} is neither a class nor a function.")
    return ScriptedPolicy(name, act, env, seed)


def _dimension(env: VectorEnv) -> tuple[int, ...]:
    space = env.spec.actions
    return (space.size,) if isinstance(space, ContinuousActions) else ()


def _shown(spec: EnvSpec) -> str:
    """What a trained policy sees and does in a world."""
    space = spec.actions
    vector = f", vectors {spec.vector_size}" if spec.vector_size else ""
    actions = (
        f"{space.n} actions"
        if isinstance(space, DiscreteActions)
        else f"actions of {space.size} numbers"
    )
    return f"frames {spec.obs_shape}{vector} and {actions}"
