"""Which facts can be read off a world model's latents: a short measure for a run."""

from collections.abc import Iterable

import torch

from ssl_objectives.refusal import TrainingDiverged
from world_models.latent_dynamics import LatentDynamics
from world_models.probing.ridge import FIXED, Ridge
from world_models.probing.rows import Rows
from world_models.trajectory import Trajectory


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
    each of these, with λ = 1e-3, is shared by all rows; predictions that leave the
    episode do not count. Facts that never vary are left out: nothing is read off where
    one guess is always right.

    This is the short measure of a run that ends. `probe_latents` asks more: it predicts
    from every K-th row of whole episodes, chooses λ, has intervals and controls.

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
        others = tested[what]
        # whoever says of a fact that never varies its one value is always right
        names = [x for x in rows.facts if _varies(rows, x) and _varies(others, x)]
        some = rows.about(names)
        for name, tally in Ridge((FIXED,)).fit(some, some).read(others).items():
            scores = tally.scores(tally.sums.sum(0))
            told |= {f"{name}/{what}_{k}": float(scores[k]) for k in ("rmse", "r2")}
    return told


def _varies(rows: Rows, name: str) -> bool:
    fact = rows.facts[name]
    return bool((fact != fact[:1]).any())


def _of_all(
    model: LatentDynamics, trajectories: Iterable[Trajectory], burn_in: int
) -> dict[str, Rows]:
    each = [_rows(model, x, burn_in, i) for i, x in enumerate(trajectories)]
    made = {what: Rows.join([x[what] for x in each]) for what in each[0]}
    for what, rows in made.items():
        if not rows.latent.isfinite().all():
            raise TrainingDiverged(
                f"What is {what} is not finite, so that nothing can be measured on it: "
                "training has diverged. Try a smaller learning rate."
            )
    return made


def _rows(
    model: LatentDynamics, traj: Trajectory, burn_in: int, batch: int
) -> dict[str, Rows]:
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
    envs = torch.arange(traj.first.shape[1], device=traj.first.device)
    most = len(traj.first) + 1  # episodes of an env
    episode = traj.first.long().cumsum(0) + most * (envs + len(envs) * batch)
    own = episode.flatten()
    remembered = {"believed": Rows(seen.belief.flatten(0, 1), flat, own)}
    landed = slice(1, steps + 1)
    return {
        "encoded": Rows(seen.latent.flatten(0, 1), flat, own),
        **(remembered if belief.core.memory_size else {}),
        "predicted": Rows(
            ahead[inside],
            {k: x[landed][inside] for k, x in facts.items()},
            episode[landed][inside],
        ),
    }
