"""The critic: how much does a code tell of what was known before?"""

from typing import final

from jaxtyping import Bool, Float32
from torch import Tensor, nn

from world_models.hindsight.layers import layers
from world_models.scope import Groups, Scope

_NEVER = -1e9  # exp gives 0; -inf would give a row without any candidates NaN


@final
class SeparableCritic(nn.Module):
    """Scores `g(b, a, z) = f(b, a) · h(z) / √d` of all pairs of a group at once.

    Args:
        known_size: numbers in a row of beliefs and actions.
        code_size: Z.
        hidden, depth: of both networks.
        size: d, numbers that they are compared by.
        group: rows compared at once, at most; they are neighbours in time and over
            envs.
    """

    def __init__(
        self,
        known_size: int,
        code_size: int,
        hidden: int,
        depth: int,
        size: int,
        group: int,
    ) -> None:
        super().__init__()
        self.of_known = layers(known_size, hidden, size, depth)
        self.of_code = layers(code_size, hidden, size, depth)
        self.size, self.group = size, group

    def bound(
        self,
        known: Float32[Tensor, "K T B Q"],
        code: Float32[Tensor, "K T B Z"],
        valid: Bool[Tensor, "K T B"],
    ) -> Float32[Tensor, "K T B"]:
        """How much likelier a code is here than elsewhere, in nats; 0 if not valid.

        `L_inv = g(b_i, a_i, z_i) - log 1/n Σ_j e^{g(b_i, a_i, z_j)}` (arXiv
        2211.10515): j runs over the n valid rows of the same group and of the same
        number of steps ahead, i among them. Its mean is a lower bound on the
        information that codes carry about what was known, and at most log n.
        """
        _, num_steps, num_envs = valid.shape
        rows = Scope.ALL.group(num_steps, num_envs, self.group)
        groups = Groups(num_steps, num_envs, *rows)
        asked = groups.split(self.of_known(known))
        told = groups.split(self.of_code(code))
        counts = groups.split(valid)
        scores = asked @ told.mT / self.size**0.5
        own = scores.diagonal(dim1=-2, dim2=-1)
        among = scores.masked_fill(~counts.unsqueeze(-2), _NEVER).logsumexp(-1)
        count = counts.sum(-1, keepdim=True).clamp(min=1)
        bound = own - among + count.log()
        return groups.join(bound.masked_fill(~counts, 0.0))

    def objective(
        self,
        known: Float32[Tensor, "K T B Q"],
        code: Float32[Tensor, "K T B Z"],
        valid: Bool[Tensor, "K T B"],
    ) -> Float32[Tensor, ""]:
        """What the critic minimises: the negative mean of the bound."""
        share = valid.float()
        share = share / share.sum().clamp(min=1.0)
        loss: Tensor = -(self.bound(known, code, valid) * share).sum()
        return loss
