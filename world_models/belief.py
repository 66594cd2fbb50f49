"""The belief model: frame stack, encoder and core make one vector of the history."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from world_models.actions import ActionEmbedding, ActionSpace, embedding_of

T = TypeVar("T")


@dataclass(frozen=True)
class Carry:
    """Recurrent (hidden) state, last action and stacked frames before a first row.

    Attributes:
        frames: the P = n-1 frames before it; zero where they are of an earlier episode.
        memory: state of the recurrent core (M = 0 for feed-forward cores).
        action: the action that led into the row.
    """

    frames: UInt8[Tensor, "P B C H W"]
    memory: Float32[Tensor, "B M"]
    action: Shaped[Tensor, "B ..."]

    def acted(self, action: Shaped[Tensor, "B ..."]) -> "Carry":
        """The carry of the next row, once `action` was taken."""
        return replace(self, action=action)

    def envs(self, index: Shaped[Tensor, "b"]) -> "Carry":
        """The carry of some envs."""
        return Carry(self.frames[:, index], self.memory[index], self.action[index])


class BeliefCore(nn.Module, ABC):
    """The core: turns latents and previous actions into beliefs, row by row."""

    size: int
    memory_size: int

    @abstractmethod
    def forward(
        self,
        latent: Float32[Tensor, "T B D"],
        action: Float32[Tensor, "T B E"],
        first: Bool[Tensor, "T B"],
        memory: Float32[Tensor, "B M"],
    ) -> tuple[Float32[Tensor, "T B S"], Float32[Tensor, "B M"]]:
        """Beliefs of all rows, and the memory after the last of them.

        Memory is zeroed at rows with `first`; `action` arrives zeroed there.
        """


@runtime_checkable
class CoreConfig(Protocol):
    """Describes a core: what an agent remembers, and how many frames it stacks."""

    @property
    def num_frames(self) -> int:
        """Frames the encoder sees at once, stacked as channels."""

    def build(self, encoder: Encoder, embedding: ActionEmbedding) -> BeliefCore:
        """Build the core."""


class Observed(NamedTuple):
    """Beliefs, latents and the next carry, from `BeliefModel.observe`."""

    latent: Float32[Tensor, "R B D"]
    belief: Float32[Tensor, "R B S"]
    carry: Carry


class BeliefModel(nn.Module):
    """Frame stack (n ≥ 1) → encoder → core. Policies and world models share one.

    Args:
        encoder: reads the n stacked frames as n·C channels, oldest first.
        core: feed-forward or recurrent.
        embedding: embeds previous actions for the core.
        num_frames: n; 1 means the current frame alone.
    """

    def __init__(
        self,
        encoder: Encoder,
        core: BeliefCore,
        embedding: ActionEmbedding,
        num_frames: int = 1,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.core = core
        self.embedding = embedding
        self.num_frames = num_frames

    @property
    def size(self) -> int:
        """S, size of a belief."""
        return self.core.size

    def start(self, num_envs: int) -> Carry:
        """The carry before the first row of all."""
        device = next(self.parameters()).device
        channels, height, width = self.encoder.image_shape
        shape = (num_envs, channels // self.num_frames, height, width)
        return Carry(
            frames=torch.zeros(
                (self.num_frames - 1, *shape), dtype=torch.uint8, device=device
            ),
            memory=torch.zeros(num_envs, self.core.memory_size, device=device),
            action=self.embedding.none(num_envs),
        )

    def observe(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        action: Shaped[Tensor, "R-1 B ..."],
        first: Bool[Tensor, "R B"],
        carry: Carry,
    ) -> Observed:
        """Beliefs of R rows; `action[i]` leads from row i to row i+1.

        The returned carry lacks the action taken at the last row: see `Carry.acted`.
        """
        images, frames = stack_frames(obs, first, carry.frames)
        latent = self.encoder(images)
        before = torch.cat([carry.action.unsqueeze(0), action])
        embedded = self.embedding(before) * (~first).unsqueeze(-1)
        belief, memory = self.core(latent, embedded, first, carry.memory)
        return Observed(latent, belief, Carry(frames, memory, carry.action))


def build_belief(
    encoder: EncoderConfig,
    core: CoreConfig,
    obs_shape: tuple[int, int, int],
    actions: ActionSpace,
    action_size: int = 32,
) -> BeliefModel:
    """The belief model of some configs, for one world's frames and actions.

    Args:
        encoder: turns stacked frames into latents.
        core: turns latents into beliefs, and says how many frames are stacked.
        obs_shape: (C, H, W) of a single frame.
        actions: what the world accepts.
        action_size: E, size of an action's embedding.

    Raises:
        ValueError: a config builds something else than it should, or refuses.
    """
    channels, height, width = obs_shape
    shape = (core.num_frames * channels, height, width)
    eyes = checked(encoder.build(shape), Encoder, encoder)
    embedding = embedding_of(actions, action_size)
    memory = checked(core.build(eyes, embedding), BeliefCore, core)
    return BeliefModel(eyes, memory, embedding, core.num_frames)


def checked(built: T, kind: type, config: object) -> T:
    """What a part's config built, refused where it is of another kind.

    Raises:
        ValueError: it is no `kind`.
    """
    if isinstance(built, kind):
        return built
    raise ValueError(
        f"{type(config).__name__}.build gave a {type(built).__name__} where a "
        f"{kind.__name__} is needed"
    )


def stack_frames(
    obs: UInt8[Tensor, "R B C H W"],
    first: Bool[Tensor, "R B"],
    before: UInt8[Tensor, "P B C H W"],
) -> tuple[UInt8[Tensor, "R B nC H W"], UInt8[Tensor, "P B C H W"]]:
    """The last n frames of each row as channels, oldest first, zero before `first`.

    Also returns the n-1 frames to stack in front of the row that follows.
    """
    history = len(before)
    if history == 0:
        return obs, before
    rows = torch.cat([before, obs])
    layers, usable = [obs], torch.ones_like(first)
    for back in range(1, history + 1):
        # a frame `back` rows ago counts while no episode began since
        began = torch.zeros_like(first)
        began[back - 1 :] = first[: max(0, len(first) - back + 1)]
        usable = usable & ~began
        older = rows[history - back : len(rows) - back]
        layers.append(older * usable.view(*usable.shape, 1, 1, 1))
    stacked = torch.cat(layers[::-1], dim=2)
    # the newest row's stack, less its oldest frame, precedes the next row
    following = stacked[-1].unflatten(1, (history + 1, -1))[:, 1:].transpose(0, 1)
    return stacked, following.contiguous()
