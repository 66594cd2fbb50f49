"""What tells an action from latents, and what its guesses cost."""

from typing import final

from jaxtyping import Float32, Shaped
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from world_models.actions import ActionEmbedding, DiscreteEmbedding


@final
class ActionHead(nn.Sequential):
    """An MLP of two hidden layers, from rows of numbers to an action.

    A guess costs its cross-entropy for discrete actions, its mean squared error for
    continuous ones, which lie in [-1, 1].

    Args:
        inputs: numbers in a row.
        embedding: of the actions: says which there are.
        hidden: units of each hidden layer.
    """

    def __init__(self, inputs: int, embedding: ActionEmbedding, hidden: int) -> None:
        outputs = (
            embedding.table.num_embeddings
            if isinstance(embedding, DiscreteEmbedding)
            else embedding.none(1).shape[-1]
        )
        super().__init__(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )
        self.discrete = isinstance(embedding, DiscreteEmbedding)

    def costs(
        self, rows: Float32[Tensor, "N D"], taken: Shaped[Tensor, "N ..."]
    ) -> Float32[Tensor, "N"]:
        """What the guess of each row costs, of the action that was taken."""
        guess: Tensor = self(rows)
        if self.discrete:
            return cross_entropy(guess, taken, reduction="none")
        wanted = taken.clamp(-1.0, 1.0)
        return mse_loss(guess, wanted, reduction="none").mean(-1)
