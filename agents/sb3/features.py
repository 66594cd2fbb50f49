"""Our encoders as the eyes of Stable-Baselines3's agents."""

import copy
import math
from typing import Any, final

import torch
from jaxtyping import Float, Float32, UInt8
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from envs.gym.spaces import named
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.learn.pace import PacedAdam, set_pace
from ssl_objectives.refusal import ConfigError

Seen = Tensor | dict[str, Tensor]


@final
class EncoderFeatures(BaseFeaturesExtractor):
    """An encoder of ours, trained or not, in front of SB3's policy and value heads.

    SB3 shows floats in [0, 1]; they are the bytes that they were before they are
    encoded, so that pixels are scaled once and latents are exactly the encoder's. Of
    stacked frames (`VecFrameStack`) each is encoded by itself, the oldest first, and
    latents are joined. Dictionaries have their images encoded and all else flattened
    behind them, in the order of the space, whatever that of what is shown.

    Each policy has a copy of the encoder; the one that was given is left as it is.

    Args:
        observation_space: as SB3's policies show it, channels first.
        encoder: the eyes.
        rate: share of the learning rate that it is tuned at; 0: it stays as it is, in
            evaluation mode. Between the two an optimiser must know paces: take the
            keywords of `policy`.
        scaled: whether the policy divides images by 255; False where it was told
            `normalize_images=False`.

    Raises:
        ConfigError: no encoder, a rate below 0, or nothing shown is an image that the
            encoder takes.
    """

    def __init__(
        self,
        observation_space: Any,
        encoder: Encoder,
        rate: float = 0.0,
        scaled: bool = True,
    ) -> None:
        _check(encoder, rate)
        shown = named(observation_space)
        images = {key: x for key, x in shown.items() if is_image_space(x)}
        stacks = {key: _stacked(x, encoder) for key, x in images.items()}
        if not stacks:
            raise ConfigError(
                f"An encoder sees images of bytes, and {observation_space} has none."
            )
        others = {key: x for key, x in shown.items() if key not in images}
        beside = sum(map(get_flattened_obs_dim, others.values()))
        super().__init__(
            observation_space, encoder.size * sum(stacks.values()) + beside
        )
        self._stacks, self._others = stacks, tuple(others)
        self._full = 255.0 if scaled else 1.0
        self.encoder = copy.deepcopy(encoder)
        if rate:
            set_pace(self.encoder.unfreeze(), rate)
        else:
            self.encoder.freeze()

    @classmethod
    def policy(
        cls, encoder: Encoder, rate: float = 0.0, **options: Any
    ) -> dict[str, Any]:
        """What `policy_kwargs` of any algorithm of SB3's takes.

        With an Adam that keeps the encoder's pace, whatever SB3's schedule sets.

        Args:
            encoder: the eyes.
            rate: see the class.
            **options: further keywords of the policy.

        Raises:
            ConfigError: no encoder, or a rate below 0.
        """
        _check(encoder, rate)
        return {
            "features_extractor_class": cls,
            "features_extractor_kwargs": {"encoder": encoder, "rate": rate},
            "optimizer_class": PacedAdam,
            **options,
        }

    def forward(self, observations: Seen) -> Float32[Tensor, "B F"]:
        """Latents of all images, and what else is shown."""
        shown = observations if isinstance(observations, dict) else {"": observations}
        features = [self._see(shown[key], n) for key, n in self._stacks.items()]
        features += [shown[key].flatten(1).float() for key in self._others]
        return torch.cat(features, 1)

    def apply(self, fn: Any) -> "EncoderFeatures":
        """Nothing: SB3 draws all linear and convolutional weights anew by it."""
        return self

    def _see(self, x: Float[Tensor, "B N H W"], frames: int) -> Float32[Tensor, "B F"]:
        pixels: UInt8[Tensor, "B N H W"] = (x * self._full).round().to(torch.uint8)
        latents: Tensor = self.encoder(pixels.unflatten(1, (frames, -1)))
        return latents.flatten(1)


def _stacked(space: Any, encoder: Encoder) -> int:
    """How many frames for this encoder there are in an image.

    Raises:
        ConfigError: the encoder takes no such frames.
    """
    channels, height, width = space.shape
    of_encoder = encoder.image_shape[0]
    count: int = channels // of_encoder
    if count * of_encoder != channels or not encoder.takes((of_encoder, height, width)):
        raise ConfigError(
            f"The encoder takes images of shape {encoder.image_shape} (channels, "
            f"height, width), or stacks of them; the envs show {tuple(space.shape)}. "
            "Train it on such images, or wrap the envs so that they show its own."
        )
    return count


def _check(encoder: object, rate: float) -> None:
    if not isinstance(encoder, Encoder):
        raise ConfigError(
            f"An encoder is wanted, and not {encoder!r}. One that was saved is loaded "
            "by experiments.encoders.load_encoder(path)."
        )
    if not 0 <= rate < math.inf:
        raise ConfigError(
            f"The encoder's rate is a share of the policy's: 0 keeps it as it is, 1 "
            f"tunes it like the rest. It cannot be {rate}."
        )
