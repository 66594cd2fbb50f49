"""Steps of lightly's methods, put together as its examples do.

Each is a module whose call is the loss of some views; before and behind it comes what
the examples have in a step (`update_momentum`, normalising prototypes). The backbone is
the encoder that is given.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from peers.lightly_losses import loss, module, tool
from torch import Tensor, nn

Criterion = Callable[[Tensor, Tensor], Tensor]
DECAY = 0.9


class Siamese(nn.Module):
    """Two views through backbone and head, then a loss of both (SimCLR, VICReg, …)."""

    def __init__(self, backbone: nn.Module, head: nn.Module, criterion: Criterion):
        super().__init__()
        self.backbone, self.head, self.criterion = backbone, head, criterion

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of two views."""
        first, second = (self.head(self.backbone(x)) for x in views)
        return self.criterion(first, second)


class DirectClr(nn.Module):
    """Both views as one batch, and no head."""

    def __init__(self, backbone: nn.Module, dims: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.criterion = loss("directclr_loss", "DirectCLRLoss")(dims, temperature=0.1)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of two views."""
        first, second = self.backbone(torch.cat(list(views))).chunk(2)
        told: Tensor = self.criterion(first, second)
        return told


class SimSiam(nn.Module):
    """A predictor, and the projections stopped."""

    def __init__(self, backbone: nn.Module, head: nn.Module, predictor: nn.Module):
        super().__init__()
        self.backbone, self.head, self.predictor = backbone, head, predictor
        self.criterion = negative_cosine()

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of two views, both ways."""
        z = [self.head(self.backbone(x)) for x in views]
        p = [self.predictor(x) for x in z]
        z = [x.detach() for x in z]
        told: Tensor = self.criterion(z[0], p[1]) + self.criterion(z[1], p[0])
        return 0.5 * told


class Momentum(nn.Module):
    """Backbone and head with slow copies, both ways (MoCo, BYOL, TiCo).

    The examples of MoCo and TiCo go one way, which is half of it.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        criterion: Criterion,
        predictor: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.criterion = backbone, head, criterion
        self.predictor = predictor or nn.Identity()
        self.slow_backbone, self.slow_head = slow(backbone), slow(head)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of two views, both ways."""
        tool("update_momentum")(self.backbone, self.slow_backbone, m=DECAY)
        tool("update_momentum")(self.head, self.slow_head, m=DECAY)
        p = [self.predictor(self.head(self.backbone(x))) for x in views]
        t = [self.slow_head(self.slow_backbone(x)).detach() for x in views]
        return 0.5 * (self.criterion(p[0], t[1]) + self.criterion(p[1], t[0]))


class Swav(nn.Module):
    """Scores of prototypes, and queues of features where they are wanted."""

    def __init__(
        self, backbone: nn.Module, head: nn.Module, prototypes: int, queue: int = 0
    ) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.prototypes = module("SwaVPrototypes")(128, prototypes)
        self.criterion = loss("swav_loss", "SwaVLoss")()
        bank = module("MemoryBankModule", "memory_bank")
        number = 2 if queue else 0
        self.queues = nn.ModuleList(bank(size=(queue, 128)) for _ in range(number))

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of two views."""
        self.prototypes.normalize()
        features = [
            nn.functional.normalize(self.head(self.backbone(x)), dim=1) for x in views
        ]
        scores = [self.prototypes(x) for x in features]
        told: Tensor = self.criterion(scores, [], self._queued(features))
        return told

    @torch.no_grad()
    def _queued(self, features: Sequence[Tensor]) -> list[Tensor] | None:
        if not self.queues:
            return None
        pairs = zip(self.queues, features, strict=True)
        past = [queue(x, update=True)[1].permute(1, 0) for queue, x in pairs]
        return [self.prototypes(x) for x in past]


class Dino(nn.Module):
    """A student and a slow teacher, both with the prototypes as their last layer."""

    def __init__(
        self, backbone: nn.Module, heads: Sequence[nn.Module], prototypes: int
    ) -> None:
        super().__init__()
        self.backbone, self.slow_backbone = backbone, slow(backbone)
        self.head, self.slow_head = heads
        self.slow_head.requires_grad_(False)
        self.criterion = loss("dino_loss", "DINOLoss")(prototypes, teacher_temp=0.04)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of two views."""
        tool("update_momentum")(self.backbone, self.slow_backbone, m=DECAY)
        tool("update_momentum")(self.head, self.slow_head, m=DECAY)
        said = [self.slow_head(self.slow_backbone(x)) for x in views]
        learned = [self.head(self.backbone(x)) for x in views]
        told: Tensor = self.criterion(said, learned)
        return told


class VicRegL(nn.Module):
    """Images and their places; where these lie is given, as by lightly's transform."""

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        local: nn.Module,
        grids: Sequence[Tensor],
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.local = backbone, head, local
        self.grids = grids
        self.criterion = loss("vicregl_loss", "VICRegLLoss")(num_matches=(20, 4))

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Of two views."""
        features = []
        for x in views:
            latent, maps = self.backbone.with_maps(x)
            features.append((self.head(latent), self.local(maps.permute(0, 2, 3, 1))))
        told: Tensor = self.criterion(features, self.grids)
        return told.squeeze()


class LeJepa(nn.Module):
    """Two views, and no small ones."""

    def __init__(self, backbone: nn.Module, head: nn.Module, directions: int) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.sigreg = loss("lejepa_loss", "SIGReg")(num_vectors=directions)
        self.near = loss("lejepa_loss", "lejepa_invariance_loss")

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """`LeJEPALoss` of global views alone, which that asks local ones of."""
        made = torch.stack([self.head(self.backbone(x)) for x in views])
        told: Tensor = 0.02 * self.sigreg(made)
        return told + 0.98 * self.near(all_proj=made, global_proj=made)


def negative_cosine() -> Criterion:
    """BYOL's and SimSiam's."""
    file = "negative_cosine_similarity"
    made: Criterion = loss(file, "NegativeCosineSimilarity")()
    return made


def slow(network: nn.Module) -> nn.Module:
    """A copy that learns nothing by itself."""
    return deepcopy(network).requires_grad_(False)
