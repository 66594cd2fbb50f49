"""Probing world models: what they see, what they remember, and what they predict."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import final

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.evaluating import evaluating
from ssl_objectives.refusal import ConfigError, TrainingDiverged
from world_models.actions import DiscreteEmbedding
from world_models.frames import stack_frames
from world_models.latent_dynamics import LatentDynamics
from world_models.probing.footage import Footage
from world_models.probing.images import OfImages
from world_models.probing.subject import Latents, Subject
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorEncoder

ENCODED, BELIEVED, PROJECTED = "encoded", "believed", "projected"
PREDICTED, IMAGINED = "predicted", "imagined"
_SEEN = (ENCODED, BELIEVED, PROJECTED)
_AHEAD = (PREDICTED, IMAGINED)
_INSIDE = "encoder."

_Part = tuple[Tensor, Tensor, Tensor]  # latents, rows, steps ahead


@final
class OfModel(Subject):
    """A world model, along whole episodes.

    | layer | rows |
    |---|---|
    | `encoded` | the encoder's latents |
    | `believed` | beliefs, where they differ: what a policy reads |
    | `projected` | latents behind the projector, where there is one |
    | `predicted` | open-loop beliefs 1 … K steps ahead: what every predictor reads |
    | `imagined` | predictions themselves, in the space that they aim at |
    | `encoder.…` | a module of the encoder |

    What lies ahead is predicted from every K-th row of an episode over the actions that
    followed, without looking. So each row but the first is predicted once, over 1 … K
    steps.

    Args:
        model: the world model.
        fresh: builds it untrained; default: nobody can tell.
        horizon: K, steps ahead; default: as many as it learned to predict.
    """

    def __init__(
        self,
        model: LatentDynamics,
        fresh: Callable[[], LatentDynamics] | None = None,
        horizon: int | None = None,
    ) -> None:
        self.model, self.fresh = model, fresh
        self.horizon = horizon or model.horizon
        encoder, core = model.belief.encoder, model.belief.core
        remembers = core.memory_size > 0
        projects = not isinstance(model.projector, nn.Identity)
        inside: list[str] = []
        if not isinstance(encoder, VectorEncoder):
            inside = [_INSIDE + x for x, _ in encoder.named_modules() if x]
        self.layers = (
            ENCODED,
            BELIEVED,
            *((PROJECTED,) if projects else ()),
            *_AHEAD,
            *inside,
        )
        self.usual = (ENCODED, *((BELIEVED,) if remembers else ()), PREDICTED)

    def look(self, footage: Footage, layers: Sequence[str]) -> dict[str, Latents]:
        """See `Subject.look`.

        Raises:
            ConfigError: frames or actions of another kind than the model takes.
        """
        self._check(footage)
        self._check_actions(footage)
        parts: dict[str, list[_Part]] = {x: [] for x in layers}
        with torch.no_grad(), evaluating(self.model):
            past = self.model.belief.num_frames - 1
            for traj, row, there in footage.seen_from(past):
                for name, made in self._look(traj, row, there, layers):
                    parts[name].append(made)
        return {k: _joined(k, x) for k, x in parts.items()}

    def _check(self, footage: Footage) -> None:
        encoder, frames = self.model.belief.encoder, self.model.belief.num_frames
        channels, height, width = footage.obs.shape[1:]
        stacked = (frames * channels, height, width)
        if isinstance(encoder, Encoder) and not encoder.takes(stacked):
            raise ConfigError(
                f"The world model sees frames of shape {_one(encoder, frames)} "
                "(channels, height, width), and those of "
                f"{footage.about} are {(channels, height, width)}. Give the world or "
                "the data that it was trained on: --world NAME, or --data FOLDER"
            )

    def _check_actions(self, footage: Footage) -> None:
        embedding, done = self.model.belief.embedding, footage.action
        if done is None or not len(done):
            return
        told = embedding.none(1)
        alike = told.shape[1:] == done.shape[1:]
        if isinstance(embedding, DiscreteEmbedding):
            knows = f"{embedding.table.num_embeddings} actions"
            whole = alike and not done.is_floating_point()
            alike = whole and int(done.max()) < embedding.table.num_embeddings
            theirs = f"number {int(done.max())}" if whole else "real numbers"
        else:
            knows = f"actions of {told.shape[-1]} real numbers"
            theirs = f"{done.shape[-1]} real numbers" if done.ndim > 1 else "numbered"
        if not alike:
            raise ConfigError(
                f"The world model knows {knows}, and those of {footage.about} are "
                f"others ({theirs}). Give the world or the data that it was trained "
                "on: --world NAME, or --data FOLDER"
            )

    def _look(
        self,
        traj: Trajectory,
        row: Int64[Tensor, "R B"],
        there: Bool[Tensor, "R B"],
        layers: Sequence[str],
    ) -> Iterator[tuple[str, _Part]]:
        model = self.model
        device = next(model.parameters()).device
        moved, carry = traj.to(device), model.start(row.shape[1])
        seen = model.belief.throughout(moved, carry)
        made: dict[str, Callable[[], Tensor]] = {
            ENCODED: lambda: seen.latent,
            BELIEVED: lambda: seen.belief,
            PROJECTED: lambda: model.projector(seen.latent),
        }
        for name in (x for x in layers if x in made):
            rows = made[name]().cpu()[there]
            yield name, (rows, row[there], torch.zeros_like(row[there]))
        inside = [x.removeprefix(_INSIDE) for x in layers if x.startswith(_INSIDE)]
        if inside:
            images, _ = stack_frames(moved.obs, moved.first, carry.frames)
            eyes = OfImages(model.belief.encoder, device=device)
            found: dict[str, list[Tensor]] = {x: [] for x in inside}
            for some in images[there.to(device)].split(256):
                for name, x in eyes.of_images(some, inside).items():
                    found[name].append(x)
            for name, parts in found.items():
                rows = torch.cat(parts)
                none = torch.zeros_like(row[there])
                yield _INSIDE + name, (rows, row[there], none)
        for name in (x for x in layers if x in _AHEAD):
            yield name, self._ahead(name, seen.belief, moved.action, row, there)

    def _ahead(
        self,
        name: str,
        belief: Float32[Tensor, "R B S"],
        action: Tensor,
        row: Int64[Tensor, "R B"],
        there: Bool[Tensor, "R B"],
    ) -> _Part:
        """Predictions from every K-th row, of those that land inside the episode."""
        last = len(action)
        steps = min(self.horizon, last)
        start = torch.arange(0, last, steps)
        lands = start + 1 + torch.arange(steps).unsqueeze(1)  # [K starts]
        beyond = lands > last
        lands = lands.clamp(max=last)
        predict = self.model.ahead if name == PREDICTED else self.model.imagine
        device = belief.device
        made = predict(belief[start.to(device)], action[(lands - 1).to(device)])
        inside = there[lands] & ~beyond.unsqueeze(-1)  # [K starts B]
        ahead = torch.arange(1, steps + 1)[:, None, None].expand_as(inside)
        return made.cpu()[inside], row[lands][inside], ahead[inside]

    def encode(self, images: UInt8[Tensor, "n C H W"]) -> Float32[Tensor, "n D"] | None:
        """What the encoder makes of them; None where it stacks frames, or sees none."""
        belief = self.model.belief
        if belief.num_frames > 1 or isinstance(belief.encoder, VectorEncoder):
            return None
        device = next(self.model.parameters()).device
        return OfImages(belief.encoder, device=device).encode(images)

    def untrained(self) -> "OfModel | None":
        """With the weights of another seed, where somebody can build it."""
        if self.fresh is None:
            return None
        return OfModel(self.fresh(), None, self.horizon)


def _joined(name: str, parts: Iterable[_Part]) -> Latents:
    latent, row, ahead = (torch.cat(x) for x in zip(*parts, strict=True))
    if not latent.isfinite().all():
        raise TrainingDiverged(
            f"What is {name} is not finite, so that nothing can be measured on it: "
            "training has diverged. Try a smaller learning rate."
        )
    order = (
        row * (int(ahead.max()) + 1) + ahead
    ).argsort()  # episodes together, in order
    ahead = ahead[order]
    return Latents(latent[order].float(), row[order], ahead if ahead.any() else None)


def _one(encoder: Encoder, frames: int) -> tuple[int, int, int]:
    """The shape of a single frame, of which the encoder sees several at once."""
    channels, height, width = encoder.image_shape
    return channels // frames, height, width
