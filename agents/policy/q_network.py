"""The Q network: a belief of its own, and a value of each action."""

from collections.abc import Sequence

from jaxtyping import Float32
from torch import Tensor, nn

from world_models.belief import BeliefModel


class QNetwork(nn.Module):
    """Belief model and MLP: Q values, all 0 at first.

    Args:
        belief: frames and actions to beliefs; nobody else's.
        num_actions: A.
        hidden: units of each hidden layer.
    """

    def __init__(
        self, belief: BeliefModel, num_actions: int, hidden: Sequence[int]
    ) -> None:
        super().__init__()
        self.belief, self.num_actions = belief, num_actions
        layers: list[nn.Module] = []
        size = belief.size
        for units in hidden:
            layers += [nn.Linear(size, units), nn.ReLU()]
            size = units
        last = nn.Linear(size, num_actions)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.head = nn.Sequential(*layers, last)

    def forward(
        self, belief: Float32[Tensor, "*batch S"]
    ) -> Float32[Tensor, "*batch A"]:
        """The Q value of each action."""
        values: Tensor = self.head(belief)
        return values
