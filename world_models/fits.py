"""Does an objective fit a world model?"""

from torch import nn

from ssl_objectives.encoders.batch_norm import BatchNorm1d
from ssl_objectives.methods.moments.sigreg import SigReg
from ssl_objectives.objective import Needs, Objective, TargetKind

IMAGE = "image"
"""what a world model can give an objective beside latents: the frame that came"""

_ANY = frozenset(TargetKind)
# What an objective asks for is the least that it needs: gradient through the target is
# never needed, but where nothing else prevents collapse it must not be there.
_SERVES = {
    TargetKind.SHARED: _ANY,
    TargetKind.STOP: _ANY - {TargetKind.SHARED},
    TargetKind.EMA: frozenset({TargetKind.EMA}),
}


def check_objective_fits(
    objective: Objective, target: TargetKind, detached: bool = False
) -> None:
    """Refuse an objective that needs what a world model lacks.

    Args:
        objective: to compare predictions with what came.
        target: where the model's targets come from.
        detached: whether predictions' gradient stops at the belief.

    Raises:
        ValueError: says what is lacking, and what there is instead.
    """
    needs, name = objective.needs, type(objective).__name__
    if target not in _SERVES[needs.target]:
        raise ValueError(
            f"{name} wants targets of the kind '{needs.target.value}', and this model "
            f"has '{target.value}'. Byol goes with 'ema', a slowly following copy "
            "(byol-explore); SimSiam and Regression also with 'stop', the model's own "
            "latents without gradient; VicReg, SigReg and InfoNCE with any of them and "
            "with 'shared', latents that carry gradient (jepa-vicreg, jepa-sigreg, "
            "jepa-simclr)."
        )
    if not needs.per_sample:
        raise ValueError(
            f"{name} has one loss for a whole batch, and a world model wants a loss "
            "per sample, of each prediction by itself. VicReg and SigReg have one, "
            "beside what they ask of the batch."
        )
    if lacking := _lacking(needs):
        raise ValueError(
            f"{name} needs {', '.join(lacking)}; a world model has a prediction and "
            "what came, row by row, and the frame of it. Byol, SimSiam, Regression, "
            "VicReg, SigReg, InfoNCE, CPC and Reconstruction need no more than that."
        )
    if detached and target is TargetKind.SHARED:
        raise ValueError(
            "Predictions whose gradient stops at the belief cannot have targets with "
            "gradient: nothing but shrinking would be left for the encoder to learn "
            "from them. Take targets without (stop), or a slow copy (ema)."
        )


def _lacking(needs: Needs) -> list[str]:
    """What no world model gives an objective, in words."""
    asked = {
        f"{needs.views[0]} views": needs.views[0] > 2,
        "the numbers of its rows in a data set": needs.rows,
        "sweeps over a data set": needs.sweep,
        "the encoder's output beside its projection": needs.rep,
        "feature maps": needs.maps,
    }
    words = [word for word, needed in asked.items() if needed]
    return words + sorted(f"'{x}' of each image" for x in needs.extra - {IMAGE})


def check_latents_fit(
    objective: Objective, encoder: nn.Module, projector: nn.Module
) -> None:
    """Refuse SIGReg on latents whose form is laid down already.

    A layer norm brings every latent to one length, so that no distribution of latents
    can be asked for behind it; LeWorldModel (arXiv 2603.19312) therefore ends in a
    projector with batch norm.

    Raises:
        ValueError: what ends in a layer norm meets SIGReg.
    """
    if not isinstance(objective, SigReg):
        return
    if any(isinstance(x, BatchNorm1d) for x in projector.modules()):
        return
    last = [x for x in encoder.modules() if list(x.parameters(recurse=False))]
    if last and isinstance(last[-1], nn.LayerNorm):
        raise ValueError(
            "SigReg cannot shape latents behind the layer norm that this encoder ends "
            "in. Give the model a projector with a batch norm (Standardized, or Mlp "
            "with last_norm), or the encoder a linear layer (its size above 0)."
        )
