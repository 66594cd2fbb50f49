"""Several groups at once: one row of numbers per env holds what all of them do."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor
from torch.nn.functional import pad

from envs.behaviours.behaviour import MOST
from envs.behaviours.groups import Kind
from envs.chance import Chance


@final
class Together:
    """n groups by kind, stepped side by side.

    Args:
        kinds: the groups; group 0 is of the first kind.
        device: of the states.

    Raises:
        ValueError: a group has too many objects, or too small a state.

    Attributes:
        kinds: the same.
        num: n, groups in all.
        names: what each is called.
        looks: how the objects of each are drawn.
        exist: `[n, M]`, which objects there are at all.
    """

    def __init__(self, kinds: Sequence[Kind], device: torch.device | str) -> None:
        for kind in kinds:
            objects, size = len(kind.behaviour.looks), kind.behaviour.size
            if not 1 <= objects <= MOST or size < 2 * objects:
                raise ValueError(
                    f"A group has 1 to {MOST} objects and two numbers for each: "
                    f"{kind.name} has {objects}, and {size} numbers"
                )
        self.kinds = tuple(kinds)
        self.num = sum(x.count for x in kinds)
        self.names = tuple(x for kind in kinds for x in kind.names)
        self.looks = [x.behaviour.looks for x in kinds for _ in range(x.count)]
        exist = [[j < len(x) for j in range(MOST)] for x in self.looks]
        self.exist = torch.tensor(exist, device=device)
        self._elusive = any(x.behaviour.elusive for x in kinds)
        self._counts = [x.count for x in kinds]
        self._widths = [x.behaviour.size * x.count for x in kinds]
        self._columns = torch.tensor(_columns(kinds), device=device)

    def start(self, num_envs: int, chance: Chance) -> Float32[Tensor, "B F"]:
        """What all groups begin with."""
        doing = [
            x.behaviour.start(num_envs * x.count, chance.each(x.count)).view(
                num_envs, -1
            )
            for x in self.kinds
        ]
        return torch.cat(doing, 1)

    def step(
        self,
        doing: Float32[Tensor, "B F"],
        watched: Bool[Tensor, "B n"],
        chance: Chance,
    ) -> Float32[Tensor, "B F"]:
        """What all groups do next; `watched` tells where the gaze was."""
        parts = zip(
            self.kinds,
            doing.split(self._widths, 1),
            watched.split(self._counts, 1),
            strict=True,
        )
        after = [
            kind.behaviour.step(
                part.reshape(-1, kind.behaviour.size),
                gaze.reshape(-1),
                chance.each(kind.count),
            ).view(len(part), -1)
            for kind, part, gaze in parts
        ]
        return torch.cat(after, 1)

    def places(self, doing: Float32[Tensor, "B F"]) -> Float32[Tensor, "B n M 2"]:
        """Where all objects are, hidden or not; 0 for objects that do not exist."""
        return self.coordinates(doing, self.exist)

    def coordinates(
        self, doing: Float32[Tensor, "B F"], known: Bool[Tensor, "*B n M"]
    ) -> Float32[Tensor, "B n M 2"]:
        """Places of the objects that are known, 0 of others."""
        number = doing.index_select(1, self._columns)
        return number.view(-1, self.num, MOST, 2) * known.unsqueeze(-1)

    def there(self, doing: Float32[Tensor, "B F"]) -> Bool[Tensor, "B n M"]:
        """Which objects exist and are not hidden."""
        num = len(doing)
        if not self._elusive:
            return self.exist.expand(num, self.num, MOST)
        parts = doing.split(self._widths, 1)
        seen = [
            kind.behaviour.seen(part.reshape(-1, kind.behaviour.size))
            for kind, part in zip(self.kinds, parts, strict=True)
        ]
        return torch.cat(
            [pad(x, (0, MOST - x.shape[1])).view(num, -1, MOST) for x in seen], 1
        )


def _columns(kinds: Sequence[Kind]) -> list[int]:
    """Where in `doing` x and y of each group's objects are; anywhere for others."""
    columns, first = [], 0
    for kind in kinds:
        num = 2 * len(kind.behaviour.looks)
        for _ in range(kind.count):
            columns += [first + i if i < num else first for i in range(2 * MOST)]
            first += kind.behaviour.size
    return columns
