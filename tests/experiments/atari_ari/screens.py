"""Frames with labels that nobody had to play for: a square on an empty screen."""

import torch

from experiments.atari_ari.frames import Frames

SIDE = 84


def squares(episodes: int, length: int, seed: int = 0) -> Frames:
    """A bright square of 9 pixels goes to and fro in each episode; one action moves it.

    Labels: its row and column, and one that never varies.
    """
    generator = torch.Generator().manual_seed(seed)
    action = torch.randint(4, (episodes, length), generator=generator)
    moves = torch.tensor([[0, 4], [0, -4], [4, 0], [-4, 0]])[action]
    begin = torch.randint(60, (episodes, 1, 2), generator=generator)
    wave = (begin + moves.cumsum(1)) % 120
    place = (60 - (wave - 60).abs()).flatten(0, 1)  # reflected, 0 … 60
    row, column = place[:, 0], place[:, 1]
    pixel = torch.arange(SIDE)
    tall = (pixel >= row[:, None]) & (pixel < row[:, None] + 9)
    wide = (pixel >= column[:, None]) & (pixel < column[:, None] + 9)
    obs = (tall[:, None, :, None] & wide[:, None, None, :]).to(torch.uint8) * 200
    labels = {"ball_y": row // 8, "player_x": column // 8, "score": row * 0}
    episode = torch.arange(episodes).repeat_interleave(length)
    return Frames(obs, action.flatten(), labels, episode, 4)
