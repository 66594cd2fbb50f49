"""Probing what reads images one by one: encoders, and anybody's functions."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from ssl_objectives.evaluating import evaluating
from ssl_objectives.refusal import ConfigError
from world_models.probing.footage import Footage
from world_models.probing.subject import Latents, Subject, narrowed, reset

OUTPUT = "output"
BATCH = 256  # images at once


@final
class OfImages(Subject):
    """A function from uint8 `[n, C, H, W]` to `[n, D]`; a network has layers, too.

    Layers are `output`, and the modules of a network by the names that
    `named_modules` gives them.

    Args:
        function: an encoder, or any other function.
        stack: frames that it sees at once, as channels: the one in question and those
            before it in its episode, the oldest first; where there are none, the first
            again.
        fresh: builds it untrained; default: of a network made of PyTorch's parts, a
            copy with new weights.
        name: what it is called in messages.
        device: where it lies.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Any],
        stack: int = 1,
        fresh: Callable[[], Callable[[Tensor], Any]] | None = None,
        name: str = "The encoder",
        device: torch.device | str = "cpu",
    ) -> None:
        self.function, self.stack, self.fresh = function, stack, fresh
        self.name, self.device = name, device
        inside = []
        if isinstance(function, nn.Module):
            inside = [x for x, _ in function.named_modules() if x]
        self.layers, self.usual = (OUTPUT, *inside), (OUTPUT,)

    def look(self, footage: Footage, layers: Sequence[str]) -> dict[str, Latents]:
        """See `Subject.look`."""
        rows = torch.arange(len(footage))
        begin = rows - footage.step
        parts: dict[str, list[Tensor]] = {x: [] for x in layers}
        for chosen in rows.split(BATCH):
            ages = reversed(range(self.stack))
            before = [torch.maximum(chosen - x, begin[chosen]) for x in ages]
            images = torch.cat([footage.obs[x] for x in before], 1)
            for name, x in self.of_images(images, layers).items():
                parts[name].append(x)
        return {k: Latents(torch.cat(x), rows) for k, x in parts.items()}

    def encode(self, images: UInt8[Tensor, "n C H W"]) -> Float32[Tensor, "n D"] | None:
        """The output; None where it sees several frames at once."""
        if self.stack > 1:
            return None
        made = [self.of_images(x, [OUTPUT])[OUTPUT] for x in images.split(BATCH)]
        return torch.cat(made)

    @torch.no_grad()
    def of_images(
        self, images: UInt8[Tensor, "n C H W"], layers: Sequence[str]
    ) -> dict[str, Float32[Tensor, "n D"]]:
        """What layers make of a few images, on the CPU."""
        heard: dict[str, list[Tensor]] = {x: [] for x in layers if x != OUTPUT}
        with self._evaluated(in_order=bool(heard)), self._listening(heard):
            try:
                made = self.function(images.to(self.device))
            except (ValueError, RuntimeError, TypeError) as error:
                raise ConfigError(
                    f"{self.name} cannot read frames of shape "
                    f"{tuple(images.shape[1:])} (channels, height, width): "
                    f"{type(error).__name__}: {error}"
                ) from error
        found = {OUTPUT: self._checked(made, len(images))} if OUTPUT in layers else {}
        for name, x in heard.items():
            found[name] = self._heard(name, x, len(images))
        return found

    def untrained(self) -> "OfImages | None":
        """With other weights; None of a function that is no network."""
        if self.fresh is not None:
            function = self.fresh()
        elif isinstance(self.function, nn.Module):
            function = copy.deepcopy(self.function)
            if not any(True for _ in function.parameters()) or not reset(function, 0):
                return None
        else:
            return None
        return OfImages(function, self.stack, None, self.name, self.device)

    def _checked(self, made: Any, num: int) -> Float32[Tensor, "n D"]:
        if isinstance(made, np.ndarray):
            made = torch.from_numpy(made)
        if not isinstance(made, Tensor) or made.ndim != 2 or len(made) != num:
            shape = tuple(made.shape) if isinstance(made, Tensor) else None
            what = f"a tensor of shape {shape}" if shape else type(made).__name__
            raise ConfigError(
                f"{self.name} gave {what} for {num} frames. It must take uint8 "
                f"[N, C, H, W] and return one row of numbers for each: [{num}, D]."
            )
        return self._finite(made, "")

    def _heard(self, name: str, parts: list[Tensor], num: int) -> Tensor:
        parts = [x for x in parts if isinstance(x, Tensor) and x.ndim > 1]
        if not parts or sum(map(len, parts)) != num:
            raise ConfigError(
                f"The layer {name!r} gives no row of numbers for each image, so that "
                "it cannot be probed. Choose another."
            )
        return self._finite(torch.cat([narrowed(x) for x in parts]), name)

    def _finite(self, rows: Tensor, layer: str) -> Float32[Tensor, "n D"]:
        rows = rows.float().cpu()
        bad = int((~rows.isfinite()).any(1).sum())
        if bad:
            where = f" in layer {layer!r}" if layer else ""
            raise ConfigError(
                f"{self.name} gives numbers that are not finite{where}, for {bad} of "
                f"{len(rows)} frames, and nothing can be read off those. Has its "
                "training diverged?"
            )
        return rows

    @contextmanager
    def _evaluated(self, in_order: bool) -> Iterator[None]:
        """In evaluation mode, if it has one; images in order where layers count."""
        threads = torch.get_num_threads()
        try:
            if in_order:  # encoders share images out among threads
                torch.set_num_threads(1)
            if isinstance(self.function, nn.Module):
                with evaluating(self.function):
                    yield
            else:
                yield
        finally:
            torch.set_num_threads(threads)

    @contextmanager
    def _listening(self, heard: dict[str, list[Tensor]]) -> Iterator[None]:
        hooks = []
        for name, parts in heard.items():
            assert isinstance(self.function, nn.Module)

            def hear(_: nn.Module, __: Any, out: Any, to: list[Any] = parts) -> None:
                to.append(out)

            module = self.function.get_submodule(name)
            hooks.append(module.register_forward_hook(hear))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def pixels(images: UInt8[Tensor, "n C H W"]) -> Float32[Tensor, "n D"]:
    """The baseline without an encoder: at most 1,024 pixels, 0 to 1."""
    return narrowed(images.float() / 255)
