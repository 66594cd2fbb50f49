"""Any vector env with a noise around it."""

from dataclasses import replace
from typing import Any, TypeVar, final

import numpy as np
import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from envs.noise.world_noise import NOISE, WorldNoise
from envs.vector_env import DiscreteActions, EnvSpec, EnvState, Step, VectorEnv

S = TypeVar("S", bound=tuple[Any, ...])


@final
class NoisyVectorEnv(VectorEnv):
    """A world as an agent finds it behind a noise. Noises can be put around noises.

    Rewards, flags and the facts of the world pass as they are; the facts of the noise
    are added. The noise has a random stream of its own on the world's device, which is
    saved with it, and in which each env has its own draws.

    Args:
        world: any vector env, which is closed with this one.
        noise: what is laid around it, built for `world.spec`.

    Raises:
        ValueError: the world tells a fact already that the noise would tell.
    """

    def __init__(self, world: VectorEnv, noise: WorldNoise[Any]) -> None:
        self.world, self.noise = world, noise
        self.spec = _with_noise(world.spec, noise)
        # Around one world no two noises draw the same.
        self._depth: int = 1 + (
            world._depth if isinstance(world, NoisyVectorEnv) else 0
        )
        self._generator = torch.Generator(device=self.spec.device)
        self._reseed(0)
        self._state: Any = None
        self._ended = torch.zeros(
            self.spec.num_envs, dtype=torch.bool, device=self.spec.device
        )

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        """Begin new episodes; see `VectorEnv.reset`."""
        row = self.world.reset(seed, mask)
        now = before = self._state
        if seed is not None:
            self._reseed(seed)
            before = None  # the same seed begins the same way at any time
        if mask is None or now is None:
            mask = torch.ones_like(self._ended)
        if before is None:
            before = self.noise.start(self.spec.num_envs, self._generator)
        begun = self.noise.advance(
            before, _nothing(self.world.spec), torch.ones_like(mask), self._generator
        )
        self._state = begun if now is None else _select(mask, begun, now)
        self._ended = self._ended & ~mask
        return self._seen(row)

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        """Act in all envs; see `VectorEnv.step`."""
        self._state = self.noise.advance(
            self._state, action, self._ended, self._generator
        )
        row = self.world.step(self.noise.done(self._state, action))
        self._ended = row.terminated | row.truncated
        return self._seen(row)

    def state_dict(self) -> EnvState | None:
        """The world's state, and the noise's; None where the world cannot save its.

        Raises:
            RuntimeError: the worlds have not begun.
        """
        world = self.world.state_dict()
        if world is None:
            return None
        if self._state is None:
            raise RuntimeError("The worlds have not begun: reset them first")
        return {
            "world": world,
            "noise": dict(self._state._asdict()),
            "ended": self._ended,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: EnvState) -> Step:
        """Continue from `state_dict`; returns the observation row (flags unset)."""
        device = self.spec.device
        row = self.world.load_state_dict(state["world"])
        template = self.noise.start(self.spec.num_envs, self._generator)
        self._state = type(template)(
            **{k: v.to(device) for k, v in state["noise"].items()}
        )
        self._ended = state["ended"].to(device)
        self._generator.set_state(state["generator"].cpu())
        return self._seen(row)

    def close(self) -> None:
        """Close the world."""
        self.world.close()

    def _reseed(self, seed: int) -> None:
        """Not with the world's own seed: both would draw the same numbers."""
        drawn = np.random.SeedSequence([seed, self._depth]).generate_state(1)
        self._generator.manual_seed(int(drawn[0]))

    def _seen(self, row: Step) -> Step:
        told = dict(self.noise.describe(self._state))
        if "noise" in told and "noise" in row.facts:
            told["noise"] = told["noise"] | row.facts["noise"]
        vector = row.vector
        return replace(
            row,
            obs=self.noise.show(self._state, row.obs),
            facts={**row.facts, **told},
            vector=None if vector is None else self.noise.sense(self._state, vector),
        )


def _with_noise(spec: EnvSpec, noise: WorldNoise[Any]) -> EnvSpec:
    known, told = dict(spec.facts), dict(noise.facts)
    for name in set(known) & set(told):
        if name != "noise" or known[name] != NOISE:
            raise ValueError(
                f"This world tells the fact '{name}' already, which "
                f"{type(noise).__name__} would tell: put one of its kind around a world"
            )
    return replace(spec, actions=noise.actions or spec.actions, facts=known | told)


def _nothing(spec: EnvSpec) -> Shaped[Tensor, "B ..."]:
    """What stands where a reset ignores the action."""
    if isinstance(spec.actions, DiscreteActions):
        return torch.zeros(spec.num_envs, dtype=torch.int64, device=spec.device)
    return torch.zeros(spec.num_envs, spec.actions.size, device=spec.device)


def _select(mask: Bool[Tensor, "B"], yes: S, no: S) -> S:
    """Rows of `yes` where `mask`, else rows of `no`, field by field."""
    fields = [
        torch.where(mask.view(-1, *[1] * (y.dim() - 1)), y, n)
        for y, n in zip(yes, no, strict=True)
    ]
    return type(yes)(*fields)
