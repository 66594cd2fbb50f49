"""A test env whose frames say which env, episode and step they belong to.

It proves data paths: whatever reaches a gradient can be decoded and compared.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.vector_env import DiscreteActions, FactSpec

_BYTES = 3  # each of the three numbers is written into that many pixels, low byte first


class CountingState(NamedTuple):
    """State of the counting world: env, episode, step."""

    env: Int64[Tensor, "B"]
    episode: Int64[Tensor, "B"]
    step: Int64[Tensor, "B"]


class CountingWorld(NativeWorld[CountingState]):
    """Episodes of 3 to 13 steps, different by env and episode.

    Even episodes terminate, odd ones are truncated. The reward of the transition into
    step s is s. The last fact, `action`, is not kept: actions change nothing.
    """

    obs_shape = (1, 40, 44)
    actions = DiscreteActions(5)
    facts: ClassVar[dict[str, FactSpec]] = {
        name: FactSpec((), torch.int64) for name in ("env", "episode", "step")
    }
    max_episode_steps = 1_000

    def start(
        self, num_envs: int, generator: torch.Generator, previous: CountingState | None
    ) -> CountingState:
        """Step 0 of the next episode."""
        env = torch.arange(num_envs, device=generator.device)
        if previous is None:
            return CountingState(env, torch.zeros_like(env), torch.zeros_like(env))
        return CountingState(env, previous.episode + 1, torch.zeros_like(env))

    def transition(
        self,
        state: CountingState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """One more step, until the episode's length is reached."""
        step = state.step + 1
        over = step >= 3 + (7 * state.env + 5 * state.episode) % 11
        even = state.episode % 2 == 0
        return Outcome(
            state._replace(step=step), step.float(), over & even, over & ~even
        )

    def render(self, state: CountingState) -> UInt8[Tensor, "B C H W"]:
        """Write the three numbers, byte by byte, into the first pixels of the frame."""
        frame = torch.zeros(
            (len(state.env), *self.obs_shape),
            dtype=torch.uint8,
            device=state.env.device,
        )
        for i, number in enumerate(state):
            for j in range(_BYTES):
                frame[:, 0, i, j] = (number >> (8 * j)) & 255
        return frame

    def describe(self, state: CountingState) -> dict[str, Tensor]:
        """The same three numbers."""
        return state._asdict()


def decode(obs: UInt8[Tensor, "*batch 1 40 44"]) -> CountingState:
    """Read (env, episode, step) back from frames of the counting world."""
    weight = 256 ** torch.arange(_BYTES, device=obs.device)
    numbers = (obs[..., 0, :3, :_BYTES].long() * weight).sum(-1)
    return CountingState(*numbers.unbind(-1))


@dataclass(frozen=True)
class CountingConfig:
    """The counting world, for tests of data paths."""

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B counting envs."""
        return NativeVectorEnv(CountingWorld(), num_envs, device)
