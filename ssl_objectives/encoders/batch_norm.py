"""Synchronised batch norm: over the batch of all processes, on any device.

`nn.SyncBatchNorm` runs on GPUs only. These are PyTorch's own layers, down to the names
in a state dict, and compute just what those do where there is one process.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ssl_objectives.distributed import num_processes, sum_over_processes


class BatchNorm1d(nn.BatchNorm1d):
    """`nn.BatchNorm1d`, with the statistics of all processes in training."""

    def forward(self, rows: Float[Tensor, "N *D"]) -> Float[Tensor, "N *D"]:
        """Normalise columns; in training by the batch, else by running statistics.

        Raises:
            ValueError: in training, a single row alone, which has no variance.
        """
        if self.training and num_processes() > 1:
            return _by_all(self, rows)
        return super().forward(rows)


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, with the statistics of all processes in training."""

    def forward(self, maps: Float[Tensor, "N F h w"]) -> Float[Tensor, "N F h w"]:
        """Normalise channels; in training by the batch, else by running statistics.

        Raises:
            ValueError: in training, a single number per channel.
        """
        if self.training and num_processes() > 1:
            return _by_all(self, maps)
        return super().forward(maps)


def _by_all(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise axis 1 by mean and biased variance over all processes, as one would."""
    given, x = x.dtype, x if x.dtype == torch.float64 else x.float()
    axes = [i for i in range(x.dim()) if i != 1]
    shape = [-1 if i == 1 else 1 for i in range(x.dim())]
    own = x.new_full((1,), float(x.numel() // x.shape[1]))
    sums = sum_over_processes(torch.cat([x.sum(axes), own]))
    count = sums[-1].detach()
    mean = sums[:-1] / count
    centered = x - mean.view(shape)
    variance = sum_over_processes(centered.square().sum(axes)) / count
    if norm.track_running_stats:
        _remember(norm, mean.detach(), variance.detach() * count / (count - 1))
    y = centered * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        y = y * norm.weight.view(shape) + norm.bias.view(shape)
    return y.to(given)


@torch.no_grad()
def _remember(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Running statistics, the variance unbiased, as PyTorch's."""
    batches = cast(Tensor, norm.num_batches_tracked).add_(1)
    share = 1 / float(batches) if norm.momentum is None else norm.momentum
    for running, new in ((norm.running_mean, mean), (norm.running_var, variance)):
        assert running is not None
        running.lerp_(new.to(running.dtype), share)
