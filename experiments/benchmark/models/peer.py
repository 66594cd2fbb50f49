"""torch-world's LeWorldModel as a yardstick, and how fair the comparison is.

Equal: the number of trajectories and of transitions in each, the size of frames and of
latents, the number of actions; float32 weights; AdamW with the norm of the gradient
clipped at 10, in the order of torch-world's own experiments (loss, gradients to zero,
backward, clip, step); the process, its threads, its device and its time. `jepa-sigreg`
is the same recipe (arXiv 2603.19312): squared error to latents that carry gradient, and
SIGReg.

Not equal, because it is what each library gives its users:

- Prediction. Theirs: a causal transformer reads up to T latents and predicts one step
  from each, teacher forced. Ours: a GRU predicts K steps open loop from each.
- Number format. Ours encodes in bf16 where the hardware multiplies it fast; theirs is
  float32 throughout.
- Frames. Ours are bytes and become floats within the step; theirs are floats already.
- Sizes. "LeWM" is what torch-world's README begins with: a ViT of six layers on 4 × 4
  patches, a predictor of six layers, SIGReg on 1,024 directions. "LeWM, same eyes" has
  the layers of our encoder, the predictor's sizes of torch-world's own experiments (two
  layers of 4 × 8, no dropout) and 64 directions, as many as ours.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, final

import torch
from torch import Tensor, nn

from experiments.benchmark.models.floor import CountedArm, Work
from experiments.benchmark.models.operations import count_operations
from experiments.benchmark.models.shapes import NUM_ACTIONS, Batch

_FAIRNESS = __doc__
PACKAGE = "torch-world"
PLAIN, SAME_EYES = f"{PACKAGE} LeWM", f"{PACKAGE} LeWM, same eyes"


def is_installed() -> bool:
    """Whether there is anything to compare with."""
    return find_spec("torch_world") is not None


@final
class PeerStep(CountedArm):
    """A training step of torch-world's model, as its own experiments take it."""

    unit = "transitions"
    fairness = _FAIRNESS

    def __init__(
        self,
        name: str,
        model: nn.Module,
        batch: Batch,
        pixels: Tensor,
        actions: Tensor,
    ) -> None:
        self.name, self.units = name, batch.transitions
        self.about = "LeWorldModel: forward, backward, clip, AdamW"
        self.num_parameters = sum(x.numel() for x in model.parameters())
        self._model, self._batch = model, batch
        self._pixels, self._actions = pixels, actions
        self._optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
        operations = count_operations(self.update)
        self.work = Work.step(operations, batch.frame_bytes, model)

    def update(self) -> None:
        """One step."""
        loss = self._model(self._pixels, self._actions)["loss"]
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), 10)
        self._optimizer.step()

    def details(self) -> dict[str, Any]:
        """Sizes, version, operations and bytes."""
        return {
            **self._batch.to_json(),
            "encodes_in": "float32",
            "compile": False,
            "package": f"{PACKAGE} {version(PACKAGE)}",
            **self.work.to_json(),
        }


def peers(
    label: str, batch: Batch, device: torch.device, seed: int
) -> Iterator[PeerStep]:
    """A model with the eyes of torch-world's README, and one with our encoder's.

    Args:
        label: of the batch, in front of the names.
        batch: what they learn from.
        device: where.
        seed: of weights and frames.
    """
    lewm = import_module("torch_world.models").LeWM
    eyes = import_module("torch_world.nn").CLSEncoder
    sigreg = import_module("torch_world.losses").SIGReg
    size, (channels, height, _) = batch.encoder.size, batch.image
    traj = batch.draw(device, seed)
    pixels = traj.obs.transpose(0, 1).float() / 255
    actions = torch.cat([traj.action, traj.action[-1:]]).T
    told = nn.functional.one_hot(actions, NUM_ACTIONS).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vit = eyes(height, height // 4, embed_dim=size, in_chans=channels)
        plain = lewm(vit, NUM_ACTIONS, embed_dim=size, history=batch.num_steps)
        small = lewm(
            _same_eyes(batch),
            NUM_ACTIONS,
            embed_dim=size,
            history=batch.num_steps,
            depth=2,
            num_heads=4,
            head_dim=8,
            mlp_dim=64,
            proj_dim=64,
            dropout=0.0,
            sigreg=sigreg(num_slices=64),
        )
    for name, model in ((PLAIN, plain), (SAME_EYES, small)):
        model.to(device).train()
        yield PeerStep(f"{label}, {name}", model, batch, pixels, told)


def _same_eyes(batch: Batch) -> nn.Module:
    """The layers of our encoder, without what makes them fast."""
    encoder = batch.encoder.build(batch.image)
    eyes = nn.Sequential(encoder.body, nn.Flatten(), encoder.head)
    eyes.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch has no types for it
    return eyes
