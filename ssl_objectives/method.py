"""A pretraining method: objective, views, projector, predictor, target decay."""

from dataclasses import dataclass, field, replace

from torch import nn

from ssl_objectives.branches import Branches
from ssl_objectives.encoders.heads import HeadConfig, Mlp
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import ObjectiveConfig, Sizes
from ssl_objectives.views.maker import TwoViews, ViewMaker, ViewsConfig


@dataclass(frozen=True)
class Method:
    """How an encoder is pretrained: views, heads, target and objective.

    A published method is one of these (`ssl_objectives/zoo.py`); so is any other
    combination of parts.
    """

    objective: ObjectiveConfig
    """what is minimised"""
    views: ViewsConfig = field(default_factory=TwoViews)
    """how views of an image are made"""
    projector: HeadConfig = field(default_factory=Mlp)
    """from the encoder's latents to the space of the objective"""
    predictor: HeadConfig | None = None
    """from projections to predictions of the target, where the method has one"""
    decay: float = 0.99
    """of the target network at the start; rises to 1 over the run"""
    sweep_every: int = 100
    """gradient steps between two sweeps over the data, for objectives that need them"""
    first_sweep: int = 0
    """gradient steps before the first sweep"""

    def sizes(self, encoder: Sizes) -> Sizes:
        """The encoder's sizes (`latent` its own output), with this method's latent.

        And with how far its views reach and how slowly its target follows, so that no
        objective has to be told twice.

        Raises:
            ValueError: such views of such images there cannot be.
        """
        reach = encoder.reach
        if encoder.image is not None:
            reach = self.build_views(encoder.image).reach
        return replace(
            encoder,
            rep=encoder.latent,
            latent=self.projector.outputs(encoder.latent),
            reach=reach,
            decay=self.decay,
        )

    def build(
        self,
        encoder: nn.Module,
        sizes: Sizes,
        precision: Precision = Precision.FLOAT32,
    ) -> Branches:
        """Put the method around an encoder.

        Args:
            encoder: what is to be trained.
            sizes: of the encoder and the data; `sizes.latent` is the encoder's output.
            precision: what heads compute in.

        Raises:
            ValueError: the objective needs something that is not there.
        """
        inner = self.sizes(sizes)
        return Branches(
            encoder,
            self.projector.build(sizes.latent),
            None if self.predictor is None else self.predictor.build(inner.latent),
            self.objective.build(inner),
            self.decay,
            sizes.steps,
            type(self.objective).__name__.removesuffix("Config"),
            precision,
        )

    def build_views(self, image_shape: tuple[int, int, int]) -> ViewMaker:
        """The maker of views, for images of shape (C, H, W)."""
        return self.views.build(image_shape)
