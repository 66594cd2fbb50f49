"""A saved encoder as the eyes of an agent: `--encoder pretrained`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from torch import Tensor, nn

from experiments.encoders.saved import SavedEncoderError, describe_encoder, load_encoder
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig


@dataclass(frozen=True)
class PretrainedConfig:
    """An encoder that `curious pretrain` has trained."""

    path: Path | None = None
    """its file, or the folder of the run that trained it"""
    frozen: bool = False
    """leave it as it is: no gradient, and always in evaluation mode"""

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
        encoder.look_at(image_shape)
        if not self.frozen:
            return encoder.train()
        encoder.requires_grad_(False)
        encoder.body = AlwaysEval(encoder.body)
        encoder.pool = AlwaysEval(encoder.pool)
        encoder.head = AlwaysEval(encoder.head)
        return encoder

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
                "that trained it: --agent.encoder.path FILE."
            )
        return self.path


def from_scratch(config: EncoderConfig) -> EncoderConfig:
    """What builds an encoder of the same shape from random weights.

    Raises:
        SavedEncoderError, ConfigError: it was pretrained, and its file cannot be read.
    """
    return config.untrained() if isinstance(config, PretrainedConfig) else config


class AlwaysEval(nn.Module):
    """A network that stays in evaluation mode, whatever is trained around it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """What the network gives."""
        result: Tensor = self.network(x)
        return result
