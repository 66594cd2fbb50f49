"""The pretraining step of an encoder on images by a method, and its state."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import torch
from jaxtyping import Float, Int64, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.compiling import compile_whole
from ssl_objectives.distributed import average_gradients, num_processes
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.images.orders import RowOrder
from ssl_objectives.images.source import ImageSource, to_be_viewed
from ssl_objectives.learn.brought import batch_of, check_by_batches
from ssl_objectives.learn.coming import ComingBatches
from ssl_objectives.learn.optimizer import OptimizerConfig, follow_schedule
from ssl_objectives.learn.sizes import check_memory, sizes_for
from ssl_objectives.measure.liveliness import liveliness
from ssl_objectives.method import Method
from ssl_objectives.parts.step_counter import StepCounter
from ssl_objectives.refusal import ConfigError

SWEEP_BATCH = 512  # images of a pass over the data, at once


class Pretrainer:
    """Trains an encoder, step by step.

    All that a step draws follows from the seed, the step and the process, so that the
    state is weights, the objective's memory, the optimiser's, and the number of steps.

    Args:
        method: views, heads and objective.
        encoder: what is trained.
        images: to train on.
        labels: of the images, -1 where they are hidden from the method; None where
            there are no classes.
        order: which images are in which batch; None where all batches are given to
            `step_on`, of which `images` are then an example.
        optimizer: what turns gradients into new weights.
        steps: of the whole run, for everything that follows a schedule.
        device: where all of it is computed; `"cuda"` and its like will do.
        seed: of weights and draws.
        rate_factor: what the optimiser's learning rate is multiplied by.
        autocast: what heads compute in.
        compiled: torch.compile encoder and heads.

    Raises:
        ConfigError: the parts do not fit together, or to the images.
        DoesNotFit: the objective's memory per row would be too large.
    """

    def __init__(
        self,
        method: Method,
        encoder: EncoderConfig,
        images: ImageSource,
        labels: Int64[Tensor, "N"] | None,
        order: RowOrder | None,
        optimizer: OptimizerConfig,
        *,
        steps: int,
        device: torch.device | str,
        seed: int,
        rate_factor: float = 1.0,
        autocast: Precision = Precision.FLOAT32,
        compiled: bool = False,
    ) -> None:
        self.method, self.images, self.order = method, images, order
        device = torch.device(device)
        self.device, self.total_steps = device, steps
        self.rank = torch.distributed.get_rank() if num_processes() > 1 else 0
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.encoder = encoder.build(images.image_shape)
                sizes = sizes_for(self.encoder, images, steps)
                check_memory(method, sizes, device)
                self.branches = method.build(self.encoder, sizes, autocast).to(device)
            self.views = method.build_views(images.image_shape)
            self.counter = StepCounter(seed)
            self.labels = None if labels is None else labels.to(device)
            self._try()
        except ValueError as error:  # the parts' way of saying what does not fit
            raise ConfigError(str(error)) from error
        self.optimizer = optimizer.build(self.branches)
        self.schedule, self.max_norm = optimizer, optimizer.max_norm
        self.rate_factor = rate_factor
        if compiled:
            _compile(self.branches)
        self._coming: ComingBatches | None = None
        self.trained = [x for x in self.branches.parameters() if x.requires_grad]

    @property
    def steps(self) -> int:
        """Gradient steps so far."""
        return self.counter.steps

    def step(self, look: bool = True) -> dict[str, Float[Tensor, ""]]:
        """Sweep if it is time, then one gradient step.

        Args:
            look: also measure how alive the embeddings are, which takes an SVD.

        Returns:
            Metrics, still on the device.

        Raises:
            ConfigError: there is no order of images.
        """
        self._sweep_if_due()
        rows, images = self._comes().of(self.steps)
        labels = None if self.labels is None else self.labels[self._sent(rows)]
        return self._learn(images, rows, labels, look)

    def step_on(
        self,
        images: Shaped[Tensor, "n C H W"],
        labels: Int64[Tensor, "n"] | None = None,
        look: bool = True,
    ) -> dict[str, Float[Tensor, ""]]:
        """One gradient step on a batch that the caller brings, as of a `DataLoader`.

        Views and all other draws follow from the seed and the step as in `step`; which
        images come when is the caller's affair, and so is it when a run resumes.

        Args:
            images: bytes, or floats in [0, 1]; of each process its own part.
            labels: of the images, for methods that learn from them.
            look: see `step`.

        Returns:
            Metrics, still on the device.

        Raises:
            ConfigError: the method remembers something of each image by its number,
                passes over all of them, or wants frames that follow each other.
            DatasetError: images of other numbers, or of another shape.
        """
        check_by_batches(self.branches.objective, self.views, labels)
        images = batch_of(images, self.images.image_shape)
        rows = torch.arange(len(images))
        return self._learn(images, rows, labels, look)

    def _comes(self) -> ComingBatches:
        if self.order is None:
            raise ConfigError(
                "There is no order of images: this trainer was made to be given "
                "batches, step_on(images)."
            )
        if self._coming is None:
            self._coming = ComingBatches(
                self.images, self.order, self.rank, num_processes(), self.views.apart
            )
        return self._coming

    def _learn(
        self,
        images: UInt8[Tensor, "n *two C H W"],
        rows: Int64[Tensor, "n"],
        labels: Int64[Tensor, "n"] | None,
        look: bool,
    ) -> dict[str, Float[Tensor, ""]]:
        """A gradient step on what was read."""
        # layers that draw from PyTorch's own stream, such as dropout, repeat as well
        torch.manual_seed(self._generator(torch.device("cpu"), 1).initial_seed())
        views, given = self._draw(images, rows, labels)
        loss, metrics = self.branches.loss(views, **given)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.trained)
        norm = nn.utils.clip_grad_norm_(self.trained, self.max_norm or torch.inf)
        done = (self.steps + 0.5) / self.total_steps
        follow_schedule(self.optimizer, self.schedule, done, self.rate_factor)
        self.optimizer.step()
        metrics |= {"pretrain/loss": loss.detach(), "pretrain/gradient_norm": norm}
        if look:
            seen = self.branches.seen
            metrics |= liveliness(
                self.branches.latents, None if seen is None else seen.z[0]
            )
        self.branches.after_update()
        self.counter.advance()
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on as if nothing had happened."""
        return {
            "modules": dict(self.branches.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        self.branches.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.counter.steps = int(state["steps"])

    def sweep(self) -> None:
        """Let the objective pass over all images; every process over all of them."""
        self.branches.objective.refresh(self._projections())

    def _sweep_if_due(self) -> None:
        first, every = self.method.first_sweep, self.method.sweep_every
        since = self.steps - first
        if self.branches.objective.needs.sweep and since >= 0 and since % every == 0:
            self.sweep()

    def _projections(
        self,
    ) -> Iterator[tuple[Int64[Tensor, "n"], Float[Tensor, "n D"]]]:
        every = torch.arange(self.images.num_rows)
        parts = self.images.portions(every, SWEEP_BATCH)
        for rows, images in zip(every.split(SWEEP_BATCH), parts, strict=True):
            yield self._sent(rows), self.branches.project(self._sent(images))

    def _sent(self, x: Shaped[Tensor, "n ..."]) -> Shaped[Tensor, "n ..."]:
        """On the device; the host does not wait for the copy."""
        if self.device.type == "cuda" and x.device.type == "cpu":
            x = x.pin_memory()
        return x.to(self.device, non_blocking=True)

    def _generator(self, device: torch.device, stream: int) -> torch.Generator:
        """Draws of this step and process."""
        return self.counter.generator(device, 2 * self.rank + stream)

    def _draw(
        self,
        images: UInt8[Tensor, "n *two C H W"],
        rows: Int64[Tensor, "n"],
        labels: Int64[Tensor, "n"] | None,
    ) -> tuple[tuple[UInt8[Tensor, "n C _ _"], ...], dict[str, Any]]:
        """Views of some images, and all else that the method asks for."""
        apart, wanted = self.views.apart, self.branches.objective.needs.extra
        rows = self._sent(rows)
        drawn = self.views(self._sent(images), self._generator(self.device, 0))
        extra = {"params": drawn.params}
        if "label" in wanted:
            if apart:
                raise ValueError(
                    f"{type(self.branches.objective).__name__} learns from labels, and "
                    "a label is of one image, not of frames that follow each other. "
                    "Choose views of single images (--views two or one)."
                )
            if labels is None:
                raise ValueError(
                    f"{type(self.branches.objective).__name__} learns from labels, and "
                    "these images have none. Choose labelled images, or another method."
                )
            extra["label"] = self._sent(labels)
        if "image" in wanted:
            extra["image"] = torch.stack(drawn.images, 1)
        given = {"row": rows, "num_targets": drawn.num_targets, "extra": extra}
        return drawn.images, given

    @torch.no_grad()
    def _try(self) -> None:
        """Put two images through everything but the loss; nothing is written.

        Raises:
            ValueError: the method does not take such views, or something is missing.
        """
        rows = torch.arange(min(2, self.images.num_rows))
        images = to_be_viewed(self.images, rows, self.views.apart)
        labels = None if self.labels is None else self.labels[self._sent(rows)]
        if self.order is None and labels is None:  # they come with the batches
            labels = torch.zeros_like(rows)
        views, given = self._draw(images, rows, labels)
        self.branches.eval()
        self.branches.views(views, **given)
        self.branches.train()
        self.num_views = len(views)


def _compile(branches: Branches) -> None:
    """Compile all networks, those of the target included; names of weights stay."""
    target = branches.target
    networks = [branches.online, *([] if target is None else [target.network])]
    for encoder, projector in cast("list[nn.Sequential]", networks):
        # behind the bytes; chunks, which a graph cannot hold, are in front of it
        compile_whole(getattr(encoder, "body", encoder))
        compile_whole(projector)
    if branches.predictor is not None:
        compile_whole(branches.predictor)
