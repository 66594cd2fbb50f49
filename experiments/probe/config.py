"""What `curious probe` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from envs.noise.world_noise import WorldNoiseConfig
from envs.vector_env import WorldConfig
from experiments.parts.policies import RANDOM
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class ProbeConfig:
    """Which facts can be read off a model's latents, and how well.

    Frames come from a data set (`--data`), or are played (`--world`); by default they
    are of what the run itself was trained on.
    """

    model: Annotated[
        str | None, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")
    ] = None
    """run folder or checkpoint (of an agent, a world model or an encoder), an encoder's
    file, or my_module:function from uint8 [N, C, H, W] to [N, D]"""
    world: WorldConfig | None = None
    """where frames are played"""
    noise: WorldNoiseConfig | None = None
    """what lies between the player and the world"""
    data: Path | None = None
    """data set of `curious record --facts` or `curious import`, in place of a world"""
    column: tuple[str, ...] = ()
    """NAME=FILE: facts of your own about a data set's rows: .npy of one entry for each,
    or .csv with a heading"""
    policy: str = RANDOM
    """who plays: random, expert, a run folder, or my_module:MyPolicy"""
    frames: int = 10_000
    """frames that are looked at, at most"""
    num_envs: int = 16
    """worlds stepped in parallel; each has another episode"""
    stack: int = 1
    """frames that a function or an encoder's file sees at once, as channels"""
    facts: tuple[str, ...] = ()
    """facts that are asked for; else all of at most 64 numbers"""
    places: tuple[str, ...] = ()
    """facts that are places, though no unit says so: velocities are asked for, too"""
    layers: tuple[str, ...] = ()
    """layers that are read, such as encoded, believed, predicted, encoder.body.0; else
    the usual ones (a wrong name lists all)"""
    horizon: int | None = None
    """steps that are predicted ahead; else as many as the model learned to"""
    penalty: float | None = None
    """λ of ridge; else the best of nine on the validation episodes"""
    mlp: bool = True
    """read by a network with a hidden layer, too"""
    controls: bool = True
    """probe the same model with random weights, and pixels"""
    val: float = 0.1
    """share of the episodes that probes are chosen by"""
    test: float = 0.2
    """share of the episodes that they are measured on"""
    seed: int = 0
    """of worlds, policy, split and shuffling"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""
    out: Path | None = None
    """folder of probe.json, report and pictures; else probe-<date>-<time> in the run's
    folder, or in runs"""

    def __post_init__(self) -> None:
        for name, least in {"frames": 1, "num_envs": 1, "stack": 1, "seed": 0}.items():
            if getattr(self, name) < least:
                flag = name.replace("_", "-")
                raise ConfigError(
                    f"--{flag} must be at least {least}, not {getattr(self, name)}"
                )
        if self.num_envs > self.frames and self.data is None:
            raise ConfigError(
                f"--num-envs {self.num_envs:,} are more worlds than --frames "
                f"{self.frames:,}: each shows one frame at least. Give fewer worlds, "
                "or more frames."
            )
        if self.horizon is not None and self.horizon < 1:
            raise ConfigError(f"--horizon must be at least 1, not {self.horizon}")
        if self.penalty is not None and self.penalty <= 0:
            raise ConfigError(f"--penalty must be above 0, not {self.penalty}")
        if min(self.val, self.test) <= 0 or self.val + self.test > 0.8:
            raise ConfigError(
                "--val and --test must be above 0, and leave a fifth to be fitted on"
            )
