"""MoCo: a queue of keys from a slowly following network."""

from dataclasses import dataclass

from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.methods.memory.ring import RingConfig, filters
from ssl_objectives.objective import Needs, Sizes, TargetKind
from ssl_objectives.parts.candidates import Queue
from ssl_objectives.parts.critics import Cosine, checked_temperature


@dataclass(frozen=True)
class MoCoConfig:
    """MoCo: find the other view's key among keys of the past.

    `-q·k⁺/τ + log(e^{q·k⁺/τ} + Σ_queue e^{q·k/τ})`, k of the target network (v1: arXiv
    1911.05722, τ 0.07 and a linear head; v2: 2003.04297, τ 0.2 and two layers). A pair
    of views counts in both directions, the official loss is one of them: half of the
    sum. Of both keys of an image one enters the queue, see `Queue`.

    Deviations: no shuffling of batch norm over devices; the batch norm of the target
    network is averaged too, where the official code averages parameters only; and how
    fast that network follows is the method's to say (`Method.decay`, which rises to 1),
    where the official code has .999 throughout.
    With `ring` this is Ring on MoCo (arXiv 2010.02037).
    """

    temperature: float = 0.2
    """τ of the cosine"""
    queue: int = 4096
    """keys of the past (the paper: 65536, its CIFAR-10 demo: 4096)"""
    ring: RingConfig | None = None
    """only negatives within a band of similarity"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if self.queue < 1:
            raise ValueError(f"a queue's length must be at least 1, not {self.queue}")

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective."""
        return Contrast(
            Cosine(self.temperature),
            Queue(self.queue, sizes.latent),
            filters=filters(self.ring, sizes),
            needs=Needs(target=TargetKind.EMA),
        )
