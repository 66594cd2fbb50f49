"""A saved encoder as the eyes of an agent: `--encoder pretrained`."""

import math
from dataclasses import dataclass
from pathlib import Path

from experiments.encoders.saved import SavedEncoderError, describe_encoder, load_encoder
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.learn.pace import set_pace
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class PretrainedConfig:
    """An encoder that `curious pretrain` or `train-model` has trained."""

    path: Path | None = None
    """its file, or the folder of the run that trained it"""
    rate: float = 1.0
    """share of the learning rate that it is tuned at; 0 leaves it as it is: no
    gradient, always in evaluation mode"""
    random: bool = False
    """weights drawn anew in the place of the trained ones: the control"""

    def __post_init__(self) -> None:
        if not 0 <= self.rate < math.inf:
            raise ConfigError(
                "The rate of a pretrained encoder is a share of the learning rate: 0 "
                "for a frozen one, 1 for one that learns like the rest, not "
                f"{self.rate}"
            )

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Load it, for images of shape (C, H, W): of any size if it pools its maps.

        Raises:
            SavedEncoderError: no such file, a damaged one, or one for other images.
            ValueError: the images are too small for it.
        """
        file = self._given()
        encoder = load_encoder(file)
        if not encoder.takes(image_shape):
            raise SavedEncoderError(
                f"The encoder in {file} looks at images of shape {encoder.image_shape} "
                f"(channels, height, width), and here they are {tuple(image_shape)}. "
                "Pretrain one on such images, or change the world's frames; an agent "
                "that stacks frames shows several at once (--core recurrent: one)."
            )
        if self.random:
            encoder = self.untrained().build(encoder.image_shape)
        encoder.look_at(image_shape)
        if not self.rate:
            return encoder.freeze()
        set_pace(encoder, self.rate)
        return encoder.train()

    def untrained(self) -> EncoderConfig:
        """What builds an encoder of the same shape from random weights.

        Raises:
            SavedEncoderError, ConfigError: see `load_encoder`.
        """
        return from_scratch(describe_encoder(self._given()).config)

    def _given(self) -> Path:
        if self.path is None:
            raise SavedEncoderError(
                "Which pretrained encoder? Give its file, or the folder of the run "
                "that trained it: --encoder.path FILE (of `curious train` "
                "--agent.encoder.path FILE)."
            )
        return self.path


def from_scratch(config: EncoderConfig) -> EncoderConfig:
    """What builds an encoder of the same shape from random weights.

    Raises:
        SavedEncoderError, ConfigError: it was pretrained, and its file cannot be read.
    """
    return config.untrained() if isinstance(config, PretrainedConfig) else config
