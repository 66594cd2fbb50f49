"""The moving dot by name: its noise in flags, in `config.json`, in a recording."""

from pathlib import Path

import numpy as np
import torch

from envs.toys.backgrounds import NamedBackgrounds
from envs.toys.dots import REACH
from envs.toys.moving_dot import MovingDotConfig
from envs.toys.scene import NoiseConfig
from envs.toys.three_dots import ThreeDotsConfig
from experiments.config.json import from_json, to_json
from experiments.train.command import COMMAND
from tests.experiments.conftest import Command
from world_models.data.dataset import open_dataset


def test_noise_is_told_by_flags_and_kept_in_json() -> None:
    flags = "--world moving-dot --world.noise.backgrounds uniform"
    more = "--world.noise.alpha 1.5 --world.noise.no-changing"
    config = COMMAND.read([*flags.split(), *more.split()])
    wanted = NoiseConfig(NamedBackgrounds.UNIFORM, 1.5, changing=False)
    assert config.world == MovingDotConfig(wanted)
    assert from_json(to_json(config)) == config


def test_three_dots_come_by_the_name_of_their_config() -> None:
    config = COMMAND.read(["--world", "envs:ThreeDotsConfig", "--world.noise.alpha=1"])
    assert config.world == ThreeDotsConfig(NoiseConfig(alpha=1.0))


def test_recorded_with_the_actions_of_the_paper(
    curious: Command, tmp_path: Path
) -> None:
    done = curious(
        *("record", "--world", "moving-dot", "--world.noise.alpha", "1", "--facts"),
        *("--policy", "envs:Wanderer", "--steps", "102", "--num-envs", "3"),
        *("--out", str(tmp_path)),
    )
    assert done.code == 0, done.err
    dataset = open_dataset(tmp_path)
    for i in range(3):
        blocks = [block for _, block in dataset.reader.blocks(i)]
        rows = {k: np.concatenate([x[k] for x in blocks]) for k in blocks[0]}
        done_in_pixels = torch.from_numpy(rows["action"])
        assert float(done_in_pixels.norm(dim=1).max()) <= REACH + 1e-4
        place = torch.from_numpy(rows["facts/place"])
        ahead = torch.from_numpy(~rows["first"])
        told = (place[:-1] + done_in_pixels[1:]).clamp(2.6, 24.4)
        torch.testing.assert_close(place[1:][ahead[1:]], told[ahead[1:]])
        assert (~ahead).sum() >= 2
