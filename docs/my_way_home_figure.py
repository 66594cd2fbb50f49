"""Draws images/my_way_home.png: `python docs/my_way_home_figure.py`; needs ViZDoom.

Where episodes begin in the sparse form, in the very sparse one, and once in the dense
one, in sight of the vest: what the agent sees, the same in colour, and the map.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs import MyWayHomeConfig, Sparsity
from envs.vector_env import Step

HEIGHT, GAP, SEED = 224, 6, 1
FORMS = (Sparsity.SPARSE, Sparsity.VERY_SPARSE, Sparsity.DENSE)


def main() -> None:
    """One column per form."""
    columns = []
    for form in FORMS:
        env = MyWayHomeConfig(form, colour=True, overview=True).build(1, "cpu")
        row = env.reset(seed=SEED)
        while form is Sparsity.DENSE and not in_sight(row):
            row = env.reset()
        columns.append(column(row))
        env.close()
    gap = np.full((columns[0].shape[0], GAP, 3), 255, np.uint8)
    picture = np.concatenate([columns[0], gap, columns[1], gap, columns[2]], 1)
    path = Path(__file__).parent / "images" / "my_way_home.png"
    Image.fromarray(picture).save(path, optimize=True)


def in_sight(row: Step) -> bool:
    """In the room north of the vest, looking south."""
    south = abs(row.facts["angle"].item() - 270) < 15
    return south and row.facts["room"].item() == 7


def column(row: Step) -> NDArray[np.uint8]:
    """The frame beside the screen, above the map, as wide as both."""
    grey = row.obs[0, 0].numpy()
    frame = cv2.resize(grey, (HEIGHT, HEIGHT), interpolation=cv2.INTER_NEAREST)
    colour = row.facts["colour"][0].permute(1, 2, 0).numpy()
    wide = HEIGHT * colour.shape[1] // colour.shape[0]
    screen = cv2.resize(colour, (wide, HEIGHT), interpolation=cv2.INTER_NEAREST)
    bar = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    top = np.concatenate([np.repeat(frame[..., None], 3, 2), bar, screen], 1)
    above = row.facts["overview"][0].permute(1, 2, 0).numpy()
    room = np.full((above.shape[0], top.shape[1], 3), above[0, 0], np.uint8)
    left = (top.shape[1] - above.shape[1]) // 2
    room[:, left : left + above.shape[1]] = above
    return np.concatenate([top, np.full((GAP, top.shape[1], 3), 255, np.uint8), room])


if __name__ == "__main__":
    main()
