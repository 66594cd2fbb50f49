"""Time-contrastive networks (TCN), of one view (arXiv 1704.06888)."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Generator, Tensor

from agents.rewards.temporal.temporal_loss import Embed, TemporalLoss, below
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class TimeContrast(TemporalLoss):
    """`max(0, ‖a - p‖² - ‖a - n‖² + m)`: frames near in time beside frames far away.

    The single-view form of time-contrastive networks: the positive p is at most
    `window` frames from the anchor a, the negative n of the same demonstration further
    than twice that. (Their other form takes p from another camera at the same moment.)
    """

    window: int = 4
    """frames between an anchor and its positive, at most"""
    margin: float = 16.0
    """m, by which a negative is to be further away, in squared distance"""

    def __post_init__(self) -> None:
        if self.window < 1 or not self.margin > 0.0:
            raise ConfigError(
                "window must be at least 1 and margin above 0, not "
                f"{self.window} and {self.margin}."
            )

    @property
    def _far(self) -> int:
        """Least distance of a negative."""
        return 2 * self.window + 1

    def check(self, lengths: Sequence[int]) -> None:
        """Every frame needs a negative.

        Raises:
            ConfigError: a demonstration is too short.
        """
        least = 2 * self._far
        if min(lengths) < least:
            raise ConfigError(
                f"With a window of {self.window}, demonstrations must have {least} "
                f"frames, and one has {min(lengths)}. Take a shorter "
                "window (--method.loss.window), or leave that demonstration out."
            )

    def __call__(
        self,
        embed: Embed,
        lengths: Int64[Tensor, "n"],
        batch: int,
        generator: Generator,
    ) -> Float[Tensor, ""]:
        """The mean over triplets of frames."""
        demo, anchor, near, far = self.triplets(lengths, batch, generator)
        a, p, n = (embed(demo, x) for x in (anchor, near, far))
        closer = (a - p).square().sum(-1) - (a - n).square().sum(-1)
        return (closer + self.margin).clamp(min=0.0).mean()

    def triplets(
        self, lengths: Int64[Tensor, "n"], batch: int, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Demonstration, anchor, positive and negative of each; all uniform."""
        demo = below(lengths.new_full((batch,), len(lengths)), generator)
        length, window, far = lengths[demo], self.window, self._far
        anchor = below(length, generator)
        first = (anchor - window).clamp(min=0)
        last = (anchor + window).minimum(length - 1)
        near = first + below(last - first, generator)
        near = near + (near >= anchor)  # of those beside the anchor itself
        before = (anchor - far + 1).clamp(min=0)
        behind = (length - anchor - far).clamp(min=0)
        place = below(before + behind, generator)
        negative = place + (place >= before) * (anchor + far - before)
        return demo, anchor, near, negative
