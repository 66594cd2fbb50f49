"""Does an objective fit a world model?"""

from ssl_objectives.objective import Objective, TargetKind


def check_objective_fits(objective: Objective, target_network: bool) -> None:
    """Refuse an objective that needs what a world model lacks.

    Args:
        objective: to compare predictions with what came.
        target_network: whether the model has one.

    Raises:
        ValueError: says what is lacking, and what there is instead.
    """
    needs = objective.needs
    offered = TargetKind.EMA if target_network else TargetKind.SHARED
    if needs.target is not offered:
        raise ValueError(
            f"{type(objective).__name__} wants targets from {needs.target.value}; "
            f"this model has them from {offered.value}. Byol goes with a target "
            "network (byol-explore); VicReg and InfoNCE without (jepa-vicreg, "
            "contrastive)."
        )
    if not needs.per_sample or needs.rows or needs.sweep or needs.extra:
        raise ValueError(
            f"{type(objective).__name__} needs {needs}; a world model wants a loss "
            "per sample, and has neither row ids nor sweeps nor extra views."
        )
