"""Thousands of worlds behind the contract at once, without any class of ours between.

Stands for a simulator that steps all its worlds in one call.
"""

import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from envs.vector_env import (
    ContinuousActions,
    EnvSpec,
    EnvState,
    FactSpec,
    Step,
    VectorEnv,
)

LIMIT = 30


class Carts(VectorEnv):
    """Carts on tracks of their own, pushed by one force in 0 … 4 against a slope.

    A cart that leaves its track ends the episode; so does the time, after 30 steps.
    """

    def __init__(self, num_envs: int, device: torch.device | str = "cpu") -> None:
        self.spec = EnvSpec(
            num_envs=num_envs,
            obs_shape=(2, 4, 16),
            actions=ContinuousActions((0.0,), (4.0,)),
            device=torch.device(device),
            facts={"time": FactSpec((), torch.int64)},
            vector_size=1,
        )
        self._generator = torch.Generator(device)
        self._place = torch.zeros(num_envs, device=device)
        self._speed = torch.zeros(num_envs, device=device)
        self._time = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self._ended = torch.zeros(num_envs, dtype=torch.bool, device=device)

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        if seed is not None:
            self._generator.manual_seed(seed)
        mask = torch.ones_like(self._ended) if mask is None else mask
        self._begin(mask)
        self._ended = self._ended & ~mask
        return self._quiet(first=mask.clone())

    def step(self, action: Float32[Tensor, "B 1"]) -> Step:
        force, first = self.force(action), self._ended
        self._speed = 0.9 * self._speed + 0.1 * (force - 2)
        self._place, self._time = self._place + self._speed, self._time + 1
        self._begin(first)
        terminated = (self._place.abs() > 1) & ~first
        truncated = (self._time >= LIMIT) & ~terminated
        self._ended = terminated | truncated
        reward = (1 - self._place.abs()).masked_fill(first, 0.0)
        return self._row(reward, terminated, truncated, first)

    def force(self, action: Float32[Tensor, "B 1"]) -> Float32[Tensor, "B"]:
        """What is done when `action` is asked for."""
        assert isinstance(self.spec.actions, ContinuousActions)
        return self.spec.actions.to_bounds(action)[:, 0]

    def state_dict(self) -> EnvState:
        state = {"place": self._place, "speed": self._speed, "time": self._time}
        stream = self._generator.get_state()
        return {**state, "ended": self._ended, "generator": stream}

    def load_state_dict(self, state: EnvState) -> Step:
        self._place, self._speed = state["place"], state["speed"]
        self._time, self._ended = state["time"], state["ended"]
        self._generator.set_state(state["generator"])
        return self._quiet(first=torch.zeros_like(self._ended))

    def _begin(self, mask: Tensor) -> None:
        drawn = torch.rand(
            self._place.shape, generator=self._generator, device=self.spec.device
        )
        self._place = torch.where(mask, drawn - 0.5, self._place)
        self._speed = self._speed.masked_fill(mask, 0.0)
        self._time = self._time.masked_fill(mask, 0)

    def _quiet(self, first: Tensor) -> Step:
        never = torch.zeros_like(first)
        return self._row(torch.zeros_like(self._place), never, never, first)

    def _row(
        self, reward: Tensor, terminated: Tensor, truncated: Tensor, first: Tensor
    ) -> Step:
        return Step(
            obs=self._draw(),
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            first=first,
            facts={"time": self._time},
            vector=self.dial(),
        )

    def dial(self) -> Float32[Tensor, "B 1"] | None:
        """What is seen beside the pixels: the speed."""
        return self._speed[:, None].clone()

    def _draw(self) -> UInt8[Tensor, "B 2 4 16"]:
        columns = torch.arange(16, device=self.spec.device)
        cart = columns == (8 * (self._place + 1)).long().view(-1, 1)
        clock = columns < self._time.view(-1, 1) // 2
        flat = torch.stack([cart, clock], 1)[:, :, None]
        return (255 * flat.expand(-1, -1, 4, -1).byte()).contiguous()
