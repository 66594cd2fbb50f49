"""The shortest way to a world's reward, from any state: what an expert would do."""

from collections.abc import Iterator
from typing import Any, final

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from envs.native_env import NativeWorld
from envs.vector_env import DiscreteActions

_FAR = 2**31  # no way at all
_STATES = 1_000_000  # more are not looked at


@final
class ShortestWay:
    """Steps to the end that pays, found by trying all actions in all states there are.

    Of worlds with discrete actions in which nothing happens by chance: the same action
    in the same state always leads to the same one. States are looked at when somebody
    is in one of them for the first time, and remembered.

    Args:
        world: its rules.
        device: where its tables lie.

    Raises:
        ValueError: a world with continuous actions.
    """

    def __init__(self, world: NativeWorld[Any], device: torch.device | str) -> None:
        if not isinstance(world.actions, DiscreteActions):
            raise ValueError(
                "the shortest way is known in worlds with discrete actions alone, and "
                "this one takes real numbers: record another policy"
            )
        self.world, self.num_actions = world, world.actions.n
        self.generator = torch.Generator(device)
        self._known: dict[bytes, tuple[int, list[bool]]] = {}

    def steps(self, state: Any) -> Int64[Tensor, "B"]:
        """How many steps the end is away; 2^31 where there is no way."""
        return torch.tensor([x for x, _ in self._looked_up(state)])

    def best(self, state: Any) -> Bool[Tensor, "B A"]:
        """Which actions are the first of a shortest way; all, where there is none."""
        return torch.tensor([x for _, x in self._looked_up(state)])

    def _looked_up(self, state: Any) -> list[tuple[int, list[bool]]]:
        keys = self._keys(state)
        for row, key in enumerate(keys):
            if key not in self._known:
                self._explore(_rows(state, torch.tensor([row])))
        return [self._known[x] for x in keys]

    def _explore(self, begin: Any) -> None:
        """All states that can be reached from one, and their ways to the end."""
        number = {key: n for n, key in enumerate(self._keys(begin))}
        frontier, fresh = begin, [0]
        leads: list[list[int]] = [[]]
        while fresh:
            after, pays, over = self._tried(frontier)
            keys, new, owners = self._keys(after), [], iter(fresh)
            fresh = []
            for place, key in enumerate(keys):
                if place % self.num_actions == 0:
                    owner = next(owners)
                if pays[place] or over[place]:
                    leads[owner].append(-1 if pays[place] else -2)
                    continue
                if key not in number:
                    number[key] = len(leads)
                    leads.append([])
                    fresh.append(number[key])
                    new.append(place)
                leads[owner].append(number[key])
            if len(leads) > _STATES:
                raise ValueError(
                    f"this world has more than {_STATES:,} states, too many to look "
                    "for the shortest way: take a smaller one"
                )
            frontier = _rows(after, torch.tensor(new, dtype=torch.int64))
        self._remember(number, torch.tensor(leads))

    def _remember(
        self, number: dict[bytes, int], leads: Int64[Tensor, "num A"]
    ) -> None:
        """Steps of each state, from those of the states that it leads to."""
        steps = torch.full((len(leads) + 2,), _FAR)
        steps[-1] = 0  # by number -1, the end that pays; by -2 one that does not
        while True:
            nearest = 1 + steps[leads].amin(1)
            if torch.equal(nearest.clamp(max=_FAR), steps[:-2]):
                break
            steps[:-2] = nearest.clamp(max=_FAR)
        best = steps[leads] == steps[leads].amin(1, keepdim=True)
        for (key, _), away, actions in zip(
            number.items(), steps[:-2].tolist(), best.tolist(), strict=True
        ):
            self._known[key] = away, actions

    def _tried(self, state: Any) -> tuple[Any, list[bool], list[bool]]:
        """Every action in every state: what comes, whether it is the end that pays."""
        num = len(next(_tensors(state)))
        device = self.generator.device
        each = torch.arange(num).repeat_interleave(self.num_actions)
        action = torch.arange(self.num_actions, device=device).repeat(num)
        outcome = self.world.transition(_rows(state, each), action, self.generator)
        over = outcome.terminated
        if outcome.truncated is not None:
            over = over | outcome.truncated
        pays = outcome.terminated & (outcome.reward > 0)
        return outcome.state, pays.tolist(), over.tolist()

    def _keys(self, state: Any) -> list[bytes]:
        """What tells states apart."""
        named = zip(state._fields, state, strict=True)
        told = [x for name, x in named if name not in self.world.asides]
        flat = [
            x.reshape(len(x), -1).double() for part in told for x in _tensors((part,))
        ]
        return [x.tobytes() for x in torch.cat(flat, 1).cpu().numpy()]


def _tensors(state: Any) -> Iterator[Tensor]:
    for x in state:
        if isinstance(x, Tensor):
            yield x
        else:
            yield from _tensors(x)


def _rows(state: Any, index: Int64[Tensor, "num"]) -> Any:
    return type(state)(
        *[
            x[index.to(x.device)] if isinstance(x, Tensor) else _rows(x, index)
            for x in state
        ]
    )
