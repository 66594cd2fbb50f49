"""What `curious import` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ssl_objectives.refusal import ConfigError
from world_models.data.importers.arrays.layout import Layout


@dataclass(frozen=True)
class ImportConfig:
    """Turn what is there into a data set, or a data set into one of Minari's.

    Sources: folders of images (class folders become the fact `label`), video files, npz
    and HDF5 files, Minari data sets (a folder, or an id), LeRobot data sets (a folder),
    and data sets of ours.
    """

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """a file, a folder, or the id of a Minari data set on this machine"""
    out: Path | None = None
    """folder of the data set"""
    to_minari: str | None = None
    """instead, write the data set SOURCE as this Minari id (or ./folder), losslessly"""
    verify: bool = False
    """instead, read all bytes of the data set SOURCE and compare checksums"""
    size: tuple[int, int] | None = None
    """resize frames to this height and width"""
    crop: bool = False
    """resize the largest middle part that has the proportion of --size, instead of
    squeezing all of a frame"""
    gray: bool = False
    """one channel instead of three"""
    convert: bool = False
    """of images with 16 bits a channel take the upper 8, instead of refusing them"""
    sequence: bool = False
    """the images of each folder are the frames of one episode, in the order of names"""
    every: int = 1
    """keep each n-th frame of videos"""
    layout: Layout = Layout.AUTO
    """of arrays, whether action i leads to frame i (rows), away from it (transitions),
    or there is one frame more than actions (episode); or frames alone: one sequence, or
    images each for itself"""
    obs: str | None = None
    """name of the frames among arrays, observations or cameras (none: the usual names,
    or the only camera)"""
    num_actions: int | None = None
    """number of discrete actions in arrays (none: the largest one found, and one)"""
    drop_final: bool = False
    """leave out transitions whose next frame is not in the file"""
    facts: bool = True
    """keep all other arrays that have a number for each row"""
    shard_mib: int = 128
    """MiB in a shard; about as much memory is needed"""
    license: str = ""
    """under which terms the data may be used, for the description"""

    def __post_init__(self) -> None:
        targets = (self.out is not None) + (self.to_minari is not None) + self.verify
        if not targets:
            raise ConfigError(
                "What is to be done? Give --out FOLDER, --to-minari ID, or --verify."
            )
        if targets > 1:
            raise ConfigError("Give only one of --out, --to-minari and --verify.")
        if not self.source:
            raise ConfigError("SOURCE is empty. Name a file, a folder or an id.")
        numbers = {"every": self.every, "shard-mib": self.shard_mib}
        numbers["num-actions"] = 1 if self.num_actions is None else self.num_actions
        numbers["size"] = min(self.size or (1,))
        for name, value in numbers.items():
            if value < 1:
                raise ConfigError(f"--{name} must be at least 1, not {value}")
