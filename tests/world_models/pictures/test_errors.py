"""Errors by step, against loops."""

import math

import numpy as np
import pytest
import torch

from world_models.pictures.drawn import Drawn
from world_models.pictures.errors import PixelErrors

R, B, SHAPE = 4, 3, (2, 3, 5)


def drawn(generator: torch.Generator) -> Drawn:
    def frames() -> torch.Tensor:
        made = torch.randint(0, 256, (R, B, *SHAPE), generator=generator)
        return made.to(torch.uint8)

    inside = torch.rand(R, B, generator=generator) < 0.7
    inside[0], inside[-1] = True, False
    return Drawn(frames(), frames(), frames(), frames(), inside)


def test_errors_are_those_of_loops(generator: torch.Generator) -> None:
    mean = torch.rand(SHAPE, generator=generator)
    errors, batches = PixelErrors(mean), [drawn(generator) for _ in range(2)]
    for x in batches:
        errors.add(x)
    found = errors.by_step()
    for k in range(R):
        missed: dict[str, list[float]] = {x: [] for x in found}
        for x in batches:
            for b in range(B):
                if not x.inside[k, b]:
                    continue
                true = x.true[k, b].numpy() / 255
                guesses = {
                    "imagined": x.imagined[k, b].numpy() / 255,
                    "reconstructed": x.reconstructed[k, b].numpy() / 255,
                    "other_actions": x.otherwise[k, b].numpy() / 255,
                    "first_frame_stays": x.true[0, b].numpy() / 255,
                    "mean_image": mean.numpy(),
                }
                assert guesses.keys() == found.keys()
                for name, guess in guesses.items():
                    missed[name].append(float(np.mean((guess - true) ** 2)))
        for name, squares in missed.items():
            if squares:
                wanted = math.sqrt(sum(squares) / len(squares))
                assert found[name][k] == pytest.approx(wanted, rel=1e-5)
            else:  # no episode was so long
                assert math.isnan(found[name][k])
    assert found["first_frame_stays"][0] == 0.0
