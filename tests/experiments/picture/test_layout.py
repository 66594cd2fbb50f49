"""Cells of a picture hold the frames that they are given, pixel by pixel."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from experiments.picture.drawings import film_of, grid_of
from experiments.picture.layout import Layout, pixels_of
from world_models.pictures.drawn import Drawn

R, B = 4, 2


def drawn(generator: torch.Generator, *shape: int) -> Drawn:
    def frames() -> torch.Tensor:
        made = torch.randint(0, 200, (R, B, *shape), generator=generator)
        return made.to(torch.uint8)

    inside = torch.ones(R, B, dtype=torch.bool)
    inside[-1, 1] = False
    return Drawn(frames(), frames(), frames(), frames(), inside)


def cell(
    layout: Layout, picture: NDArray[np.uint8], row: int, column: int
) -> NDArray[np.uint8]:
    down, along = layout.corner(row, column)
    height, width = layout.cell
    return picture[down : down + height, along : along + width]


@pytest.mark.parametrize("shape", [(1, 9, 7), (3, 8, 10), (2, 6, 6), (5, 70, 60)])
def test_rows_of_the_grid_are_the_frames(
    shape: tuple[int, int, int], generator: torch.Generator
) -> None:
    made = drawn(generator, *shape)
    layout, picture = grid_of(made)
    for b, (i, what) in product(
        range(B), enumerate((made.true, made.reconstructed, made.imagined))
    ):
        for k in range(R):
            found = cell(layout, picture, 3 * b + i, k)
            if not made.inside[k, b]:
                assert (found == 255).all()
                continue
            small = found[:: layout.factor, :: layout.factor]
            wanted = pixels_of(what[k, b].numpy())
            assert np.array_equal(small, wanted)
            large = wanted.repeat(layout.factor, 0).repeat(layout.factor, 1)
            assert np.array_equal(found, large)


def test_cells_and_names_do_not_meet(generator: torch.Generator) -> None:
    """However narrow the frames are, or long the names."""
    names = ("short", "quite a long name", "x")
    layout = Layout((1, 60, 4), names, names, apart=2)
    frame = np.zeros((1, 60, 4), np.uint8)
    with_cells = layout.draw([[frame] * 3] * 3)
    without = layout.draw([[None] * 3] * 3)
    places = [layout.corner(i, j) for i, j in product(range(3), repeat=2)]
    assert len(set(places)) == 9
    for i, j in product(range(3), repeat=2):
        assert (cell(layout, with_cells, i, j) == 0).all()
        assert (cell(layout, without, i, j) == 255).all()  # no name reaches into it
    assert (without < 255).any()
    assert (
        layout.corner(2, 0)[0] - layout.corner(1, 0)[0]
        > layout.corner(1, 0)[0] - layout.corner(0, 0)[0]
    )


def test_a_film_has_a_picture_for_each_step(generator: torch.Generator) -> None:
    made = drawn(generator, 1, 12, 12)
    film = film_of(made)
    assert len(film) == R
    assert len({x.shape for x in film}) == 1
    assert len({x.tobytes() for x in film}) == R


def test_channels_are_shown() -> None:
    gray = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    assert np.array_equal(pixels_of(gray)[..., 2], gray[0])
    color = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    assert np.array_equal(pixels_of(color)[1, 2], color[:, 1, 2])
    two = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert np.array_equal(pixels_of(two)[..., 0], np.concatenate([two[0], two[1]]))
