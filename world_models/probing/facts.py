"""Which facts can be read off a world model's latents: those it saw, and predicted."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float32
from torch import Tensor

from ssl_objectives.refusal import TrainingDiverged
from world_models.latent_dynamics import LatentDynamics
from world_models.probing.ridge import Ridge
from world_models.trajectory import Trajectory


class Rows(NamedTuple):
    """Rows that a probe reads, and the facts that belong to them."""

    latent: Float32[Tensor, "N D"]
    facts: dict[str, Float32[Tensor, "N F"]]

    @staticmethod
    def join(parts: "list[Rows]") -> "Rows":
        """The rows of several batches."""
        return Rows(
            torch.cat([x.latent for x in parts]),
            {k: torch.cat([x.facts[k] for x in parts]) for k in parts[0].facts},
        )


@torch.no_grad()
def probe_facts(
    model: LatentDynamics,
    fit: Iterable[Trajectory],
    test: Iterable[Trajectory],
    burn_in: int = 0,
) -> dict[str, float]:
    """`<fact>/encoded_rmse`, `…_r2`, and the same of what is `predicted`.

    Encoded are the latents of all rows, predicted the open-loop beliefs 1 … K steps
    behind the first row, over the actions that followed: what every predictor reads.
    Where the core has a memory, `believed` are the beliefs of all rows. A ridge for
    each of these is shared by all rows; predictions that leave the episode do not
    count. Facts that never vary are left out: nothing is read off where one guess is
    always right.

    Args:
        model: in evaluation mode.
        fit, test: trajectories with facts; other ones in each.
        burn_in: transitions in front that only lead up to the rest.

    Raises:
        TrainingDiverged: latents are not finite.
    """
    fitted, tested = (_of_all(model, x, burn_in) for x in (fit, test))
    told: dict[str, float] = {}
    for what, rows in fitted.items():
        for name, fact in rows.facts.items():
            others = tested[what]
            if not _varies(fact) or not _varies(others.facts[name]):
                continue  # whoever says its one value is always right
            reading = Ridge(rows.latent, fact).read(others.latent, others.facts[name])
            told |= {f"{name}/{what}_{k}": x for k, x in reading._asdict().items()}
    return told


def _varies(fact: Float32[Tensor, "N F"]) -> bool:
    return bool((fact != fact[:1]).any())


def _of_all(
    model: LatentDynamics, trajectories: Iterable[Trajectory], burn_in: int
) -> dict[str, Rows]:
    each = [_rows(model, x, burn_in) for x in trajectories]
    made = {what: Rows.join([x[what] for x in each]) for what in each[0]}
    for what, rows in made.items():
        if not rows.latent.isfinite().all():
            raise TrainingDiverged(
                f"What is {what} is not finite, so that nothing can be measured on it: "
                "training has diverged. Try a smaller learning rate."
            )
    return made


def _rows(model: LatentDynamics, traj: Trajectory, burn_in: int) -> dict[str, Rows]:
    """Latents seen, and beliefs ahead of the first row, with their facts."""
    belief, carry = model.belief, model.start(traj.first.shape[1])
    if burn_in:
        carry = belief.along(traj.steps(0, burn_in), carry).carry
        traj = traj.steps(burn_in, traj.num_steps)
    seen = belief.throughout(traj, carry)
    steps = min(model.horizon, traj.num_steps)
    ahead = model.ahead(seen.belief[0], traj.action[:steps])
    inside = traj.valid[:steps].cumprod(0).bool()
    # a fact of one number may come without an axis for it
    facts = {k: x.unsqueeze(2).flatten(2).float() for k, x in traj.facts.items()}
    flat = {k: x.flatten(0, 1) for k, x in facts.items()}
    remembered = {"believed": Rows(seen.belief.flatten(0, 1), flat)}
    return {
        "encoded": Rows(seen.latent.flatten(0, 1), flat),
        **(remembered if belief.core.memory_size else {}),
        "predicted": Rows(
            ahead[inside], {k: x[1 : steps + 1][inside] for k, x in facts.items()}
        ),
    }
