"""Who acts without having been trained: random play, and policies from outside."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, final

import torch
from torch import Tensor

from agents.acting import Acted, ActingPolicy, RandomPolicy, nothing_carried
from agents.expert import Expert
from envs.vector_env import ContinuousActions, DiscreteActions, Step, VectorEnv
from experiments.config.outside import find
from experiments.config.paths import typed_path
from ssl_objectives.refusal import ConfigError
from world_models.belief import Carry

RANDOM = "random"
EXPERT = "expert"
UNTRAINED = (RANDOM, EXPERT)


def untrained_policy(
    policy: str, env: VectorEnv, seed: int, mistakes: float = 0.0
) -> ActingPolicy:
    """The acting policy that `--policy` names.

    Args:
        policy: `random`; `expert`, who goes the shortest way to the reward where it
            can be known; or `my_module:MyPolicy`, a class whose instances have
            `act(row, generator)`, or a function `(row, generator)`, which get the row
            the envs show and return one action per env, continuous ones in [-1, 1].
        env: the worlds that it plays in.
        seed: of its draws.
        mistakes: probability that the expert acts at random.

    Raises:
        ConfigError: no such policy, or no expert of such worlds.
    """
    if policy == RANDOM:
        return RandomPolicy(env, seed)
    if policy == EXPERT:
        return Expert(env, seed, mistakes)
    if ":" not in policy:
        check_spelling(policy)
        raise ConfigError(
            f"--policy {policy} is not random, expert or my_module:MyPolicy. To learn "
            "from what a trained agent does, record it first (curious record)."
        )
    return _scripted(policy, env, seed)


def check_spelling(policy: str) -> None:
    """Refuse what is no path that exists, and nearly the name of an untrained policy.

    Raises:
        ConfigError: says which is meant.
    """
    near = get_close_matches(policy, UNTRAINED, n=1)
    if near and policy not in UNTRAINED and not typed_path(policy).exists():
        raise ConfigError(
            f"--policy: there is no {policy!r}. Did you mean {near[0]!r}?"
        )


@final
class ScriptedPolicy(ActingPolicy):
    """A function of the row that the envs show, or a class with `act` like it.

    What it returns is held to what the world takes. A class may have `state_dict` and
    `load_state_dict`, so that a resumed run goes on as if nothing had happened.
    """

    def __init__(
        self,
        name: str,
        act: Callable[[Step, torch.Generator], Any],
        env: VectorEnv,
        seed: int,
    ) -> None:
        self.name, self.chooses, self.env = name, act, env
        self.owner: Any = getattr(act, "__self__", None)
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
        space, ended = self.env.spec.actions, row.terminated | row.truncated
        if isinstance(space, DiscreteActions):
            wrong = ((action < 0) | (action >= space.n)) & ~ended
            takes = f"0 … {space.n - 1}"
        else:
            wrong = ~action.isfinite().all(-1) & ~ended
            takes = "finite numbers, in [-1, 1]"
        if wrong.any():
            raise ConfigError(
                f"--policy {self.name} gave {action[wrong][0].tolist()}; this world "
                f"takes {takes}."
            )
        return Acted(action, carry.acted(action))

    def state_dict(self) -> dict[str, Any]:
        """The stream of draws, and what the policy itself says that it remembers."""
        own: dict[str, Any] = getattr(self.owner, "state_dict", dict)()
        return {"generator": self.generator.get_state(), "own": own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on drawing."""
        if state["own"]:
            self.owner.load_state_dict(state["own"])
        self.generator.set_state(state["generator"].cpu())


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
