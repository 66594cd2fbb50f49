"""Noise whose neighbouring steps are alike: power falls with frequency."""

import torch
from jaxtyping import Float32
from torch import Tensor

from world_models.planning.draws import Draws


def colored_noise(
    draws: Draws, horizon: int, envs: int, samples: int, size: int, exponent: float
) -> Float32[Tensor, "H B N A"]:
    """Noise of mean 0 and std 1 whose power goes as `f^-exponent` over steps.

    Exponent 0 is white noise, 2 that of a random walk (iCEM, arXiv 2008.06389; Timmer
    and König 1995). Frequencies are k/H for k = 0 … H/2, the lowest one, 0, taken for
    1/H.

    Args:
        draws: gives real and imaginary parts of each frequency.
        horizon, envs, samples, size: H, B, N and A.
        exponent: 0 or more.
    """
    num = horizon // 2 + 1
    parts = draws.normal(num, envs, samples, size, 2)
    frequency = torch.arange(num, device=parts.device).clamp(min=1) / horizon
    scale = frequency ** (-exponent / 2)
    real, imaginary = (parts * scale.view(-1, 1, 1, 1, 1)).unbind(-1)
    # A real signal has no imaginary part at frequency 0, nor at H/2: their real parts
    # stand for both, and count twice.
    alone = torch.zeros(num, dtype=torch.bool, device=parts.device)
    alone[0] = True
    alone[-1] = alone[-1] | (horizon % 2 == 0)
    alone = alone.view(-1, 1, 1, 1)
    real = torch.where(alone, real * 2**0.5, real)
    imaginary = imaginary.masked_fill(alone, 0.0)
    noise = torch.fft.irfft(torch.complex(real, imaginary), n=horizon, dim=0)
    # of the sum over frequencies, each but the lone ones counted with its mirror image
    weight = torch.where(alone.flatten(), 1.0, 2.0)
    power: Tensor = (2 * weight * scale.square()).sum()
    std = power.sqrt() / horizon
    scaled: Tensor = (noise / std).float()
    return scaled
