"""Instance discrimination with a memory bank: IR and CMC."""

from dataclasses import dataclass, field

from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.methods.contrast.info_nce import Contrast, Coupled, SoftmaxLoss
from ssl_objectives.methods.memory.ring import RingConfig, filters
from ssl_objectives.objective import Needs, Sizes
from ssl_objectives.parts.candidates import Bank, Candidates, OtherView
from ssl_objectives.parts.critics import Cosine, checked_temperature
from ssl_objectives.parts.losses import noise_contrast


class NoiseContrast(SoftmaxLoss):
    """NCE: each candidate for itself, right or drawn; see `noise_contrast`.

    Args:
        normalizer: c, the mean of e^s over the data.
    """

    def __init__(self, normalizer: float) -> None:
        self.normalizer = normalizer

    def __call__(
        self,
        logits: Float[Tensor, "*G N M"],
        candidates: Candidates,
        valid: Bool[Tensor, "*G N"] | None = None,
    ) -> Float[Tensor, "*G N"]:
        """See `noise_contrast`."""
        positive, keep = candidates.positive, candidates.keep
        return noise_contrast(logits, positive, keep, self.normalizer)


@dataclass(frozen=True)
class SoftmaxForm:
    """Softmax (InfoNCE): the positive competes with all negatives at once."""

    def build(self) -> SoftmaxLoss:
        """Build the loss."""
        return Coupled()


@dataclass(frozen=True)
class NceForm:
    """NCE, each candidate for itself: does it belong to the row, or was it drawn?

    The more fragile of the two. Nothing bounds the gradient of the negatives: while
    e^s of the memory is above `normalizer` on average, queries flee from a memory that
    follows them. Where the loss rises above `1 + log(1 + K)`, which a memory of even
    noise would give, choose a higher temperature and a smaller learning rate.
    """

    normalizer: float = 2876934.2 / 1281167
    """mean of e^s over the data: e^(1 / 2 D τ²) for D numbers spread evenly"""

    def __post_init__(self) -> None:
        if not self.normalizer > 0:
            raise ValueError(f"normalizer must be above 0, not {self.normalizer}")

    def build(self) -> SoftmaxLoss:
        """Build the loss."""
        return NoiseContrast(self.normalizer)


@dataclass(frozen=True)
class InstanceConfig:
    """IR: find an image's own entry in a memory of all images.

    Wu et al. 2018 (arXiv 1805.01978). With q the projection and M the memory, softmax
    form `-q·M_i/τ + log Σ_{k ∈ {i} ∪ drawn} e^{q·M_k/τ}`, or NCE form
    `-log P_i/(P_i + K/N) - Σ_k log (K/N)/(P_k + K/N)`, `P = e^{q·M/τ} / (c N)`. Summed
    over the drawn, as in the official code, and over views if there are two.

    Deviations: c is a constant as in the official code (there a ratio measured on
    ImageNet), without its 1e-7 against log 0, which a log-sigmoid does not need; the
    memory begins with unit rows; see `Bank` for what is drawn. With `ring` and
    `negatives=None` this is Ring on IR (arXiv 2010.02037).
    """

    temperature: float = 0.07
    """τ of the cosine"""
    momentum: float = 0.5
    """what an entry of the memory keeps of itself in an update"""
    negatives: int | None = 4096
    """entries drawn per step as negatives; none: the whole memory"""
    form: SoftmaxForm | NceForm = field(default_factory=SoftmaxForm)
    """what is done with scores"""
    ring: RingConfig | None = None
    """only negatives within a band of similarity"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Contrast:
        """Build it for `sizes.rows` images.

        Raises:
            ValueError: the number of images is not known.
        """
        return Contrast(
            Cosine(self.temperature),
            Bank(sizes.rows, sizes.latent, self.momentum, sample=self.negatives),
            self.form.build(),
            filters(self.ring, sizes),
            Needs(views=(1, 2), rows=True),
        )


@dataclass(frozen=True)
class CmcConfig:
    """CMC: find an image's entry in the memory of its other views or modalities.

    arXiv 1906.05849: `Σ_{i≠j} l(z_i, M_j)`, a memory per view, each query against the
    memories of all others (the full graph), l as in `InstanceConfig`. Sum over ordered
    pairs, as in the official code for two views.

    Deviations: the official code measures c on its first batch, here it is a constant;
    the memory begins with unit rows; see `Bank` for what is drawn. Modalities of one
    image: `ssl_objectives/encoders/modalities.py`.
    """

    num_views: int = 2
    """V, views of an image, each with a memory of its own"""
    temperature: float = 0.07
    """τ of the cosine"""
    momentum: float = 0.5
    """what an entry of a memory keeps of itself in an update"""
    negatives: int | None = 16384
    """entries drawn per step as negatives; none: the whole memory"""
    form: SoftmaxForm | NceForm = field(default_factory=SoftmaxForm)
    """what is done with scores; the official code's default is NCE"""
    ring: RingConfig | None = None
    """only negatives within a band of similarity"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if self.num_views < 2:
            raise ValueError(f"CMC needs two views or more, not {self.num_views}")

    def build(self, sizes: Sizes) -> Contrast:
        """Build it for `sizes.rows` images.

        Raises:
            ValueError: the number of images is not known.
        """
        num, drawn = self.num_views, self.negatives
        return Contrast(
            Cosine(self.temperature),
            Bank(sizes.rows, sizes.latent, self.momentum, num, drawn),
            self.form.build(),
            filters(self.ring, sizes),
            Needs(views=(num, num), rows=True),
        )


@dataclass(frozen=True)
class CrossViewConfig:
    """CMC without memory: find the other view, or modality, in the batch.

    `Σ_{i≠j} -log e^{s(z_i, z_j)/τ} / Σ_k e^{s(z_i, z_jk)/τ}`; for two views twice the
    symmetric loss of CLIP (arXiv 2103.00020). Any number of views.
    """

    temperature: float = 0.07
    """τ of the cosine"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective; it is the same for all sizes."""
        critic = Cosine(self.temperature)
        return Contrast(critic, OtherView(), needs=Needs(views=(2, None)))
