"""Settings of prediction in hindsight."""

from dataclasses import dataclass

from ssl_objectives.counts import check_count
from world_models.belief import BeliefModel
from world_models.hindsight.head import HindsightHead


@dataclass(frozen=True)
class HindsightHeadConfig:
    """Predicts with a code of what nobody could know, held apart from the known."""

    code: int = 32
    """numbers in the code; 0: none, and predictions are BYOL-Explore's"""
    noise: int = 32
    """numbers that the code's generator draws: as many bits as chance may need"""
    loudness: float = 1.0
    """length of what came as the generator reads it, beside these numbers of N(0, 1):
    louder, codes explain more and may leak; 5 or so where much moves at once"""
    hidden: int = 256
    """units of the hidden layers of reconstructor, generator and critic"""
    layers: int = 2
    """hidden layers of each"""
    lam: float = 0.2
    """λ, weight of the code's independence beside the error: above it codes say less
    and chance is paid, below it they say more and what could be learned is not"""
    critic_steps: int = 1
    """steps of the critic behind each of the model's"""
    critic_learning_rate: float = 3e-3
    """of the critic's own Adam"""
    critic_size: int = 32
    """numbers by which the critic compares codes with what was known"""
    group: int = 512
    """rows that it compares at once, at most"""

    def __post_init__(self) -> None:
        for name, least in (
            ("code", 0),
            ("noise", 0),
            ("hidden", 1),
            ("critic_steps", 1),
            ("critic_size", 1),
            ("group", 2),
        ):
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name} must be at least {least}, not {getattr(self, name)}"
                )
        check_count("layers", self.layers, least=0)
        if not self.loudness > 0.0:
            raise ValueError(f"loudness must be above 0, not {self.loudness}")
        if not self.lam > 0.0:
            raise ValueError(
                f"lam must be above 0, not {self.lam}: without the critic a code tells "
                "everything, and nothing is a surprise"
            )
        if not self.critic_learning_rate > 0.0:
            raise ValueError(
                f"critic_learning_rate must be above 0, not {self.critic_learning_rate}"
            )

    def build(
        self, belief: BeliefModel, latent_size: int, aim_size: int
    ) -> HindsightHead:
        """Build it, to multiply as the encoder does."""
        return HindsightHead(
            belief.size,
            belief.embedding.size,
            latent_size,
            aim_size,
            self.code,
            self.noise,
            self.hidden,
            self.layers,
            self.lam,
            self.critic_size,
            self.critic_steps,
            self.critic_learning_rate,
            self.group,
            self.loudness,
            belief.encoder.precision,
        )
