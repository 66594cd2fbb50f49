"""RotNet: predict by which of four rotations an image was turned."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32


class RotNet(Objective):
    """RotNet (arXiv 1803.07728): `-log softmax(g(h_k))_k` of the view turned k times.

    Views are those of `FourRotations`: all four turns of an image, in order; with one
    random turn per image the method is clearly worse. They are one batch for the
    encoder, as in the official code: the batch norm of batches with a single turn each
    would take away, in training alone, what tells turns apart. Scale of the official
    code: the mean over the four, so that a guess costs ln 4. Reads the encoder's output
    h; a projector has nothing to do. Deviation: the official network ends in its
    classifier; here a small head on h can be as deep as one likes.

    What has an upright (digits on a screen, a floor) is solved by that shortcut, and on
    some data (Fashion-MNIST) the pretext is learned while neighbours get worse.

    Args:
        head: from h to 4 logits; treats rows apart.
    """

    needs = Needs(views=(4, 4), rep=True, one_batch=True)

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, views: Views) -> Loss:
        """`rotnet/accuracy`: the share of valid views whose turn is told."""
        rep = torch.stack([at_least_float32(x) for x in views.rep if x is not None], 1)
        if views.valid is not None:
            rep = rep.masked_fill(~views.valid[:, None, None], 0.0)
        logits: Tensor = self.head(rep)
        turn = torch.arange(4, device=rep.device).expand(len(rep), 4)
        loss = nn.functional.cross_entropy(logits.mT, turn, reduction="none").mean(1)
        right = (logits.argmax(-1) == turn).float().mean(1)
        weight = torch.ones_like(right)
        if views.valid is not None:
            loss = loss.masked_fill(~views.valid, 0.0)
            weight = views.valid.float()
        accuracy = (right * weight).sum() / weight.sum().clamp(min=1)
        return Loss(loss, loss.new_zeros(()), {"rotnet/accuracy": accuracy})


@dataclass(frozen=True)
class RotNetConfig:
    """RotNet: say by how many quarters an image was turned."""

    hidden: int = 0
    """numbers between two linear layers of the head; 0: a single layer"""

    def __post_init__(self) -> None:
        if self.hidden < 0:
            raise ValueError(f"hidden must be at least 0, not {self.hidden}")

    def build(self, sizes: Sizes) -> RotNet:
        """Build the objective for `sizes.rep`.

        Raises:
            ValueError: the size of the encoder's output is not known.
        """
        if not sizes.rep:
            raise ValueError("RotNet reads the encoder's output; give its size as rep")
        if not self.hidden:
            return RotNet(nn.Linear(sizes.rep, 4))
        layers = (nn.Linear(sizes.rep, self.hidden), nn.ReLU())
        return RotNet(nn.Sequential(*layers, nn.Linear(self.hidden, 4)))
