"""What a decoder learns from: rows beyond an episode's end are of another story."""

from dataclasses import replace

import torch

from tests.world_models.pictures.counted import STEP, B, T, counting, counts
from world_models.pictures.gathered import gather, until_the_end


def test_what_is_foretold_ends_with_the_episode(generator: torch.Generator) -> None:
    """By loops: row k of an env is learned from until its next episode begins."""
    whole, traj = counts(generator), counts(generator)
    first = traj.first.clone()
    first[3, ::2], first[1, 5], first[5, 7] = True, True, True
    traj = replace(traj, first=first)
    told, aim = [], []
    for x in (whole, traj):
        for k in range(1, T + 1):
            for b in range(B):
                if x.first[1 : k + 1, b].any():
                    continue
                start = int(x.obs[0, b, 0, 0, 0])
                told.append(start + STEP * int(x.action[:k, b].sum()))
                aim.append(int(x.obs[k, b, 0, 0, 0]))
    found = gather(counting(), [whole, traj])
    assert 0 < len(told) < 2 * T * B
    assert (255 * found.aim[:, 0]).round().tolist() == aim
    for column in (0, -1):  # of the belief, and of the prediction
        assert (255 * found.told[:, column]).round().tolist() == told
    assert len(found.latent) == len(found.frames) == 2 * (T + 1) * B


def test_a_row_belongs_to_the_episode_of_row_0_until_one_begins(
    generator: torch.Generator,
) -> None:
    first = torch.rand(T + 1, B, generator=generator) < 0.3
    inside = until_the_end(replace(counts(generator), first=first))
    for b in range(B):
        for k in range(T + 1):
            assert inside[k, b] == (not first[1 : k + 1, b].any())
