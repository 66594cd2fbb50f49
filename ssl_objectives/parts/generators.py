"""Generators of random numbers on any device, that of shapes alone included."""

import torch


def generator_on(device: torch.device) -> torch.Generator:
    """A generator for draws on `device`; for shapes alone (`meta`) a CPU's will do."""
    return torch.Generator("cpu" if device.type == "meta" else device)
