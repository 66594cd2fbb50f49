"""Actions that stick: now and then the one before is done again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from envs.noise.world_noise import WorldNoise
from envs.vector_env import ActionSpace, DiscreteActions, EnvSpec, FactSpec


class StickyState(NamedTuple):
    """What was done, whether it could be done again, and whether it stuck."""

    done: Shaped[Tensor, "B ..."]
    known: Bool[Tensor, "B"]
    stuck: Bool[Tensor, "B"]


@final
class Sticky(WorldNoise[StickyState]):
    """With probability p a world does what it did before (arXiv 1709.06009).

    What was done, not what was asked for: an action can stick several times. The first
    of an episode never gives way; in ALE's own version the no-op may stand before it.

    Args:
        space: of the world.
        probability: p, in each env by itself.
    """

    facts: ClassVar[dict[str, FactSpec]] = {
        "stuck": FactSpec((), torch.bool, event=True)
    }

    def __init__(self, space: ActionSpace, probability: float) -> None:
        self._space, self._probability = space, probability

    def start(self, num_envs: int, generator: torch.Generator) -> StickyState:
        """Nothing was done."""
        device = generator.device
        never = torch.zeros(num_envs, dtype=torch.bool, device=device)
        if isinstance(self._space, DiscreteActions):
            return StickyState(never.long(), never, never)
        none = torch.zeros(num_envs, self._space.size, device=device)
        return StickyState(none, never, never)

    def advance(
        self,
        state: StickyState,
        action: Shaped[Tensor, "B ..."],
        begins: Bool[Tensor, "B"],
        generator: torch.Generator,
    ) -> StickyState:
        """A coin for each env."""
        coins = torch.rand(len(begins), generator=generator, device=begins.device)
        stuck = (coins < self._probability) & state.known & ~begins
        again = stuck.view(-1, *[1] * (action.dim() - 1))
        return StickyState(torch.where(again, state.done, action), ~begins, stuck)

    def done(
        self, state: StickyState, action: Shaped[Tensor, "B ..."]
    ) -> Shaped[Tensor, "B ..."]:
        """The action before where it stuck."""
        return state.done

    def describe(self, state: StickyState) -> Mapping[str, Tensor]:
        """Where an action stuck, whether or not another was asked for."""
        return {"stuck": state.stuck}


@final
@dataclass(frozen=True)
class StickyConfig:
    """Now and then the action before is done again."""

    probability: float = 0.25
    """of each step, to do so"""

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be 0 … 1, not {self.probability}")

    def build(self, spec: EnvSpec) -> Sticky:
        """See `WorldNoiseConfig.build`."""
        return Sticky(spec.actions, self.probability)
