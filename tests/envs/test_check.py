"""Each broken rule is told, in worlds that keep all others."""

from dataclasses import replace

import pytest
import torch
from jaxtyping import Bool
from torch import Tensor

from envs.check import EnvContractError, check_env
from envs.vector_env import FactSpec, Step
from tests.envs.many_worlds import Carts


class Unclipped(Carts):
    def force(self, action: Tensor) -> Tensor:
        return 2 * (action[:, 0] + 1)


class ClippedAbove(Carts):
    def force(self, action: Tensor) -> Tensor:
        return 2 * (action[:, 0].clamp(max=1) + 1)


class ClippedBelow(Carts):
    def force(self, action: Tensor) -> Tensor:
        return 2 * (action[:, 0].clamp(min=-1) + 1)


class Blind(Carts):
    def dial(self) -> None:
        return None


class TwoDials(Carts):
    def dial(self) -> Tensor:
        return self._speed[:, None].expand(-1, 2)


class Infinite(Carts):
    def dial(self) -> Tensor:
        return 1 / (0 * self._speed[:, None])


class Guessing(Carts):
    def dial(self) -> Tensor:
        return torch.rand(self.spec.num_envs, 1)


class Undeclared(Carts):
    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs)
        self.spec = replace(self.spec, vector_size=0)


class Reusing(Carts):
    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs)
        self._shared = torch.zeros(num_envs, 1)

    def dial(self) -> Tensor:
        return self._shared.copy_(self._speed[:, None])


class Touching(Carts):
    """A masked reset moves the dials of all."""

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        row = super().reset(seed, mask)
        assert row.vector is not None
        return row if mask is None else replace(row, vector=row.vector + 1)


class Flagging(Carts):
    """A masked reset repeats the flags of the others."""

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        row = super().reset(seed, mask)
        return row if mask is None else replace(row, terminated=~mask)


class Forgetting(Carts):
    """A masked reset forgets that episodes outside the mask had ended."""

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        row = super().reset(seed, mask)
        self._ended = torch.zeros_like(self._ended)
        return row


class SeedingNobody(Carts):
    """A masked reset goes on drawing, whatever the seed."""

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        return super().reset(seed if mask is None else None, mask)


class SeedingAll(Carts):
    """A seed has all begin anew, whatever the mask."""

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        if seed is not None and mask is not None:
            super().reset(seed)
        return super().reset(seed, mask)


class Flat(Carts):
    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs)
        self.spec = replace(self.spec, obs_shape=(0, 4, 16))


class Misnaming(Carts):
    """A number that goes beyond its names."""

    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs)
        time = FactSpec((), torch.int64, ("begun", "later"))
        self.spec = replace(self.spec, facts={"time": time})


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (Misnaming, "the fact 'time' has names for 0 to 1, and other values"),
        (Unclipped, "an action of 5 must do what 1 does"),
        (ClippedAbove, "and -7 what -1 does"),
        (ClippedBelow, "an action of 5 must do what 1 does"),
        (Blind, "vector is None, the spec says 1 numbers"),
        (TwoDials, r"vector is torch.float32 \(6, 2\), expected .* \(6, 1\)"),
        (Infinite, "a number of the vector is not finite"),
        (Guessing, "gave different vector"),
        (Undeclared, "there is a vector, the spec says vector_size 0"),
        (Reusing, "overwrote the observation returned before it"),
        (Touching, "masked reset changed an env outside the mask"),
        (Flagging, "masked reset: rewards must be 0, and no end flag set"),
        (Forgetting, "outside the mask whose episode had ended"),
        (SeedingNobody, "as they do if all are reset with it, and have another obs"),
        (SeedingAll, "a reset of some envs with a seed changed obs of an env outside"),
        (Flat, "at least one of each"),
    ],
)
def test_check_env_names_what_is_broken(env: type[Carts], message: str) -> None:
    check_env(lambda: Carts(6), num_steps=40)
    with pytest.raises(EnvContractError, match=message):
        check_env(lambda: env(6), num_steps=40)
