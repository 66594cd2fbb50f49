"""Heads between a latent and its objective: projectors and predictors."""

from torch import nn


def mlp_head(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Linear, batch norm, ReLU, linear: projector and predictor of BYOL (2006.07733).

    The last layer has no bias. Without the batch norm BYOL's latents come near to
    collapse (docs/logbook.md).
    """
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs, bias=False),
    )
