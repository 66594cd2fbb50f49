"""The belief model: frame stack, encoder and core make one vector of the history."""

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from ssl_objectives.evaluating import evaluating
from world_models.actions import ActionEmbedding, ActionSpace, embedding_of
from world_models.cores.core import BeliefCore, CoreConfig
from world_models.frames import stack_frames
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorEncoder, VectorEncoderConfig
from world_models.vector_input import VectorInput

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


class Observed(NamedTuple):
    """Beliefs, latents and the next carry, from `BeliefModel.observe`."""

    latent: Float32[Tensor, "R B D"]
    belief: Float32[Tensor, "R B S"]
    carry: Carry


class BeliefModel(nn.Module):
    """Frame stack (n ≥ 1) → encoder → core. Policies and world models share one.

    Args:
        encoder: reads the n stacked frames as n·C channels, oldest first; or the
            vector in their place.
        core: feed-forward or recurrent.
        embedding: embeds previous actions for the core.
        num_frames: n; 1 means the current frame alone.
        vector_input: reads what is observed besides pixels; the core finds it behind
            the latent.
    """

    def __init__(
        self,
        encoder: Encoder | VectorEncoder,
        core: BeliefCore,
        embedding: ActionEmbedding,
        num_frames: int = 1,
        vector_input: VectorInput | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.core = core
        self.embedding = embedding
        self.num_frames = num_frames
        self.vector_input = vector_input

    @property
    def size(self) -> int:
        """S, size of a belief."""
        return self.core.size

    def along(self, traj: Trajectory, carry: Carry) -> Observed:
        """Beliefs of the T rows acted from, and the carry of the row behind them."""
        seen = self.observe(
            traj.obs[:-1],
            traj.action[:-1],
            traj.first[:-1],
            carry,
            None if traj.vector is None else traj.vector[:-1],
        )
        return seen._replace(carry=seen.carry.acted(traj.action[-1]))

    def throughout(self, traj: Trajectory, carry: Carry) -> Observed:
        """Beliefs of all T+1 rows; the carry lacks the action of the last."""
        return self.observe(traj.obs, traj.action, traj.first, carry, traj.vector)

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
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> Observed:
        """Beliefs of R rows; `action[i]` leads from row i to row i+1.

        The returned carry lacks the action taken at the last row: see `Carry.acted`.
        """
        images, frames = stack_frames(obs, first, carry.frames)
        latent = encoded(self.encoder, images, vector)
        before = torch.cat([carry.action.unsqueeze(0), action])
        embedded = self.embedding(before) * (~first).unsqueeze(-1)
        felt = latent
        if self.vector_input is not None:
            felt = torch.cat([latent, self.vector_input(vector)], -1)
        belief, memory = self.core(felt, embedded, first, carry.memory)
        return Observed(latent, belief, Carry(frames, memory, carry.action))

    def behind_burn_in(
        self, traj: Trajectory, carry: Carry, burn_in: int
    ) -> tuple[Trajectory, Carry]:
        """What is left of a trajectory behind its first transitions, with its carry.

        From those only the memory is brought up to date, without gradient and in
        evaluation mode (R2D2); without a memory nothing is computed.

        Raises:
            ValueError: nothing is left.
        """
        if not burn_in:
            return traj, carry
        if burn_in >= traj.num_steps:
            raise ValueError(
                f"a burn-in of {burn_in} leaves nothing of {traj.num_steps} steps"
            )
        past = traj.steps(0, burn_in)
        if self.core.memory_size:
            with torch.no_grad(), evaluating(self):
                carry = self.along(past, carry).carry
        else:
            carry = skipping(past, carry)
        return traj.steps(burn_in, traj.num_steps), carry

    def recall(self, carry: Carry) -> Carry:
        """What another model's carry tells this one: frames and action, no memory.

        Raises:
            ValueError: it holds fewer frames than this model stacks.
        """
        held, wanted = len(carry.frames), self.num_frames - 1
        if held < wanted:
            raise ValueError(f"a carry with {held} frames where {wanted} are stacked")
        memory = carry.memory.new_zeros(carry.memory.shape[0], self.core.memory_size)
        return Carry(carry.frames[held - wanted :], memory, carry.action)

    def follow(self, traj: Trajectory) -> None:
        """Let the moments of the vector observation follow a rollout.

        To be called behind learning from it, so that whoever acted and whoever learns
        read the same numbers.
        """
        if self.vector_input is not None and traj.vector is not None:
            self.vector_input.follow(traj.vector[1:])


def skipping(traj: Trajectory, carry: Carry) -> Carry:
    """The carry of the row behind a trajectory, whose memory is as it was."""
    _, frames = stack_frames(traj.obs[:-1], traj.first[:-1], carry.frames)
    return Carry(frames, carry.memory, traj.action[-1])


def encoded(
    encoder: nn.Module,
    images: UInt8[Tensor, "*batch nC H W"],
    vector: Float32[Tensor, "*batch V"] | None,
) -> Float32[Tensor, "*batch D"]:
    """Latents of what an encoder reads: images, or the vector."""
    reads_vector = isinstance(encoder, VectorEncoder)
    latent: Tensor = encoder(vector if reads_vector else images)
    return latent


def build_belief(
    encoder: EncoderConfig | VectorEncoderConfig,
    core: CoreConfig,
    obs_shape: tuple[int, int, int],
    actions: ActionSpace,
    action_size: int = 32,
    vector_size: int = 0,
) -> BeliefModel:
    """The belief model of some configs, for one world's frames and actions.

    Args:
        encoder: turns stacked frames, or the vector, into latents.
        core: turns latents into beliefs, and says how many frames are stacked.
        obs_shape: (C, H, W) of a single frame.
        actions: what the world accepts.
        action_size: E, size of an action's embedding.
        vector_size: V, numbers that are observed besides pixels.

    Raises:
        ValueError: a config builds something else than it should, or refuses.
    """
    channels, height, width = obs_shape
    shape = (core.num_frames * channels, height, width)
    eyes: Encoder | VectorEncoder
    if isinstance(encoder, VectorEncoderConfig):
        made = encoder.of_vector(vector_size, shape)
        eyes, vector_input = checked(made, VectorEncoder, encoder), None
    else:
        eyes = checked(encoder.build(shape), Encoder, encoder)
        vector_input = VectorInput(vector_size) if vector_size else None
    embedding = embedding_of(actions, action_size)
    size = eyes.size + (0 if vector_input is None else vector_input.size)
    memory = checked(core.build(size, embedding.size), BeliefCore, core)
    return BeliefModel(eyes, memory, embedding, core.num_frames, vector_input)


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
