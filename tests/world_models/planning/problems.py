"""Problems whose best actions are known, and draws that can be sliced by env."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from world_models.planning.draws import SeededDraws


@dataclass
class Continuous:
    """What `components` asks of an action space."""

    low: tuple[float, ...]


@dataclass
class Discrete:
    n: int


@dataclass
class Lqr:
    """x' = A x + B u, cost Σ_h x_hᵀ x_h + ρ u_hᵀ u_h, for B starts."""

    start: Tensor  # [B, 2]
    rho: float = 0.1
    horizon: int = 6
    dynamics: Tensor = field(
        default_factory=lambda: torch.tensor([[1.0, 0.3], [0.0, 0.9]])
    )
    control: Tensor = field(default_factory=lambda: torch.tensor([[0.0], [0.5]]))

    def __call__(self, action: Tensor) -> Tensor:
        """[H, B, N, 1] to [B, N]."""
        x = self.start.unsqueeze(1).expand(-1, action.shape[2], 2)
        total = torch.zeros(action.shape[1:3])
        for u in action:
            x = x @ self.dynamics.T + u @ self.control.T
            total = total + x.square().sum(-1) + self.rho * u.square().sum(-1)
        return total

    def best(self) -> Tensor:
        """[H, B, 1], by Riccati's recursion."""
        a, b = self.dynamics.double(), self.control.double()
        eye = torch.eye(2, dtype=torch.float64)
        p, gains = torch.zeros(2, 2, dtype=torch.float64), []
        for _ in range(self.horizon):
            s = p + eye  # the state that u leads to is paid for, and all behind it
            inner = self.rho + b.T @ s @ b
            k = torch.linalg.solve(inner, b.T @ s @ a)
            gains.append(k)
            p = a.T @ s @ (a - b @ k)
        x, actions = self.start.double(), []
        for k in reversed(gains):
            u = -x @ k.T
            actions.append(u)
            x = x @ a.T + u @ b.T
        return torch.stack(actions).float()


class Kept:
    """Draws that are written down, in order."""

    def __init__(self, seed: int) -> None:
        self.draws = SeededDraws(seed)
        self.drawn: list[Tensor] = []

    def normal(self, *shape: int) -> Tensor:
        self.drawn.append(self.draws.normal(*shape))
        return self.drawn[-1]

    def uniform(self, *shape: int) -> Tensor:
        self.drawn.append(self.draws.uniform(*shape))
        return self.drawn[-1]


class OfOneEnv:
    """What was drawn for one env among all."""

    def __init__(self, kept: Kept, env: int) -> None:
        self.left = [x[:, env : env + 1] for x in kept.drawn]

    def normal(self, *shape: int) -> Tensor:
        drawn: Tensor = self.left.pop(0)
        assert drawn.shape == shape
        return drawn

    uniform = normal
