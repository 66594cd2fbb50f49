"""A small world for every method: images, an encoder, and training step by step."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.encoders.heads import HeadConfig, Mlp
from ssl_objectives.encoders.patches import at_places, blackened, spread
from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.source import ArrayImages, to_be_viewed
from ssl_objectives.method import Method
from ssl_objectives.objective import Sizes

IMAGE = (3, 16, 16)
ROWS, BATCH = 64, 12
EPISODES = Episodes(torch.tensor([0, 9, 30, 41]), ROWS)
SIZES = Sizes(latent=16, maps=(8, 4, 4), image=IMAGE, rows=ROWS, classes=3, steps=40)


class SmallEncoder(nn.Module):
    """Bytes of any height and width to 16 numbers, in the type of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(IMAGE[0], 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1)
        )
        self.head = nn.Linear(8, SIZES.latent)

    def with_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.body(images.to(self.head.weight.dtype) / 255)
        return self.head(maps.relu().mean((2, 3))), maps

    def with_visible(self, images: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        grid = (4, 4)
        _, maps = self.with_maps(blackened(images, kept, grid))
        tokens = at_places(maps.flatten(2).mT, kept)
        return self.head(tokens.relu().mean(1)), spread(tokens, kept, grid)

    def forward(self, images: Tensor) -> Tensor:
        return self.with_maps(images)[0]


def narrow(method: Method) -> Method:
    """The method with less to compute between the layers of its heads."""
    projector = _narrow(method.projector)
    predictor = None if method.predictor is None else _narrow(method.predictor)
    return replace(method, projector=projector, predictor=predictor)


def _narrow(head: HeadConfig) -> HeadConfig:
    if not isinstance(head, Mlp):
        return head
    return replace(head, hidden=min(head.hidden, 32))


class Run:
    """A method in training on random images; few of them have labels."""

    def __init__(self, method: Method, seed: int = 0) -> None:
        draw = torch.Generator().manual_seed(9)
        self.images = torch.randint(
            256, (ROWS, *IMAGE), dtype=torch.uint8, generator=draw
        )
        self.source = ArrayImages(self.images, episodes=EPISODES)
        self.labels = torch.arange(ROWS) % SIZES.classes
        self.labels[ROWS // 4 :] = -1
        torch.manual_seed(seed)
        self.branches: Branches = narrow(method).build(SmallEncoder(), SIZES)
        self.make = method.build_views(IMAGE)
        self.generator = torch.Generator().manual_seed(seed)
        trained = [p for p in self.branches.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, 1e-3, fused=True)

    def batch(self) -> dict[str, Any]:
        """Arguments for `Branches.views` and `Branches.loss`, all with rows first."""
        row = torch.randperm(ROWS, generator=self.generator)[:BATCH]
        images = to_be_viewed(self.source, row, self.make.apart)
        drawn = self.make(images, self.generator)
        extra = {"label": self.labels[row], "params": drawn.params}
        if "image" in self.branches.objective.needs.extra:
            extra["image"] = torch.stack(drawn.images, 1)
        return {
            "images": drawn.images,
            "row": row,
            "num_targets": drawn.num_targets,
            "extra": extra,
        }

    def step(self) -> Tensor:
        """Train on one batch; its loss."""
        loss, _ = self.branches.loss(**self.batch())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.branches.after_update()
        return loss.detach()

    def sweep(self) -> None:
        """Show the objective the whole data set, if it asks for that."""
        if not self.branches.objective.needs.sweep:
            return
        ids = torch.arange(ROWS).split(40)
        self.branches.objective.refresh(
            (part, self.branches.project(self.images[part])) for part in ids
        )

    def train(self, steps: int) -> list[Tensor]:
        """Steps, with a sweep before every third of them."""
        losses = []
        for _ in range(steps):
            if self.branches.counter.steps % 3 == 0:
                self.sweep()
            losses.append(self.step())
        return losses

    def state(self) -> dict[str, Any]:
        """All that a checkpoint would hold, copied."""
        state = {
            "branches": self.branches.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }
        copied: dict[str, Any] = torch.utils._pytree.tree_map_only(
            Tensor, torch.clone, state
        )
        return copied

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.branches.load_state_dict(state["branches"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])


def rows_of(batch: dict[str, Any], rows: Tensor | slice) -> dict[str, Any]:
    """Some rows of a batch."""
    kept = {name: batch[name][rows] for name in ("row", "valid") if name in batch}
    return (
        batch
        | kept
        | {
            "images": tuple(x[rows] for x in batch["images"]),
            "extra": {name: x[rows] for name, x in batch["extra"].items()},
        }
    )
