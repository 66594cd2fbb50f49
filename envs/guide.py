"""Who knows a world and says what to do in it: where demonstrations come from."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Bool
from torch import Tensor


@runtime_checkable
class Guide(Protocol):
    """Says which actions lead to the reward, from any state of one world."""

    def best(self, state: Any) -> Bool[Tensor, "B A"]:
        """Which actions are good ones; all of them, where nobody knows."""
