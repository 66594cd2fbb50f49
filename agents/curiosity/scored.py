"""What a curiosity signal reads: a rollout with its surprise, and a minibatch."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from agents.experience import Experience
from ssl_objectives.conversion import as_bytes
from world_models.belief import Carry
from world_models.context import Context
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import ModelLoss
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Scored:
    """A fresh rollout of this process, and what the agent's world model made of it.

    Attributes:
        experience: what happened, with what the acting policy noted.
        belief: of rows 0 … T-1, as the policy saw them; None without any.
        target: latents of rows 0 … T that predictions aim at; None without a model,
            or where no signal asks for one.
        model_loss: the model's unreduced loss; None likewise.
        envs_at_once: scored together by `score`; None scores all at once.
    """

    experience: Experience
    belief: Float32[Tensor, "T B S"] | None = None
    target: Float32[Tensor, "R B D"] | None = None
    model_loss: ModelLoss | None = None
    envs_at_once: int | None = None

    @property
    def traj(self) -> Trajectory:
        """The fresh transitions."""
        return self.experience.traj

    @property
    def valid(self) -> Bool[Tensor, "T B"]:
        """True where a transition stays inside one episode, and can be paid."""
        return self.traj.valid

    @property
    def known(self) -> ModelLoss:
        """The model's loss, for signals that need one.

        Raises:
            ValueError: there is no world model.
        """
        if self.model_loss is None:
            raise ValueError(
                "this signal pays what a world model measures, and there is none: add "
                "--model byol-explore; in a loop of your own, give from_rollout a model"
            )
        return self.model_loss

    @torch.no_grad()
    def score(
        self,
        model: LatentDynamics,
        carry: Carry,
        target: Float32[Tensor, "R B D"] | None = None,
    ) -> tuple[ModelLoss, Carry]:
        """The loss of another model on the same rollout, context included.

        Args:
            model: an old copy of the agent's, say. Its own memory runs along.
            carry: its carry before the first row of the context, or of the rollout
                where there is no context: `model.start(num_envs)` at first, then
                what this function gave a rollout before.
            target: latents it shall be measured by; None: its own.

        Returns:
            Its loss, and its carry for the rollout that follows.
        """
        traj, context = self.traj, self.experience.context
        parts, past = [traj], None
        if context is not None:
            past, parts = Context(context.traj, carry), [context.traj, traj]
        # where the next context begins: in a rollout shorter than it, in this one
        left = sum(x.num_steps for x in parts) - self.experience.overlap
        beliefs, begin, handed_on = [], carry, carry
        for part in parts:
            begin = carry
            split = min(max(left, 0), part.num_steps)
            for start, stop in ((0, split), (split, part.num_steps)):
                if start == stop:
                    continue
                seen = model.belief.along(part.steps(start, stop), carry)
                carry = seen.carry
                beliefs.append(seen.belief)
                if stop == split:
                    handed_on = carry
            left -= part.num_steps
        loss = model.surprise(
            traj, begin, past, target, torch.cat(beliefs), self.envs_at_once
        )
        return loss, handed_on

    @staticmethod
    @torch.no_grad()
    def from_rollout(
        obs: UInt8[Tensor, "R B C H W"],
        action: Int64[Tensor, "R-1 B"] | Float32[Tensor, "R-1 B A"],
        first: Bool[Tensor, "R B"],
        model: LatentDynamics | None = None,
        carry: Carry | None = None,
        context: Context | None = None,
        overlap: int = 0,
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> "Scored":
        """What a signal needs to know of a rollout of your own loop.

        Args:
            obs: one frame per row; row t+1 is what `action[t]` led to.
            action: as taken.
            first: rows that begin an episode: their transition is not paid.
            model: a world model to be surprised, where the signal needs one.
            carry: of its belief at row 0; None begins without a past.
            context: the transitions before row 0, for rewards across the seam.
            overlap: how many at the end will be the context of the next rollout.
            vector: what is observed beside frames, for signals that read it.

        Raises:
            ValueError: they do not fit together, or are of another kind.
        """
        _check_rollout(obs, action, first, vector)
        never = torch.zeros_like(first[1:])
        nothing = torch.zeros(never.shape, device=obs.device)
        traj = Trajectory(action, nothing, never, never, obs, first, vector=vector)
        if model is None:
            empty = Carry(obs[:0], nothing[0, :, None][:, :0], action[0])
            return Scored(Experience(traj, empty, empty, {}, context, overlap))
        carry = model.start(first.shape[1]) if carry is None else carry
        return Scored.by(model, Experience(traj, carry, carry, {}, context, overlap))

    @staticmethod
    @torch.no_grad()
    def by(model: LatentDynamics, experience: Experience) -> "Scored":
        """A rollout as a world model sees it, beliefs included."""
        traj, carry = experience.traj, experience.carry
        seen = model.belief.along(traj, carry)
        target = model.targets(traj, carry)
        loss = model.surprise(traj, carry, experience.context, target, seen.belief)
        whole = replace(experience, end=seen.carry)
        return Scored(whole, seen.belief, target, loss)


def _check_rollout(
    obs: Tensor, action: Tensor, first: Tensor, vector: Tensor | None
) -> None:
    """Refuse what would be paid, but not for what it is."""
    if obs.dtype != torch.uint8 or obs.dim() != 5:
        raise ValueError(
            f"obs must be uint8 [T+1, B, C, H, W], time first, not {obs.dtype} "
            f"{tuple(obs.shape)}. {as_bytes(obs.dtype, 'obs')}"
        )
    rows, num_envs = obs.shape[:2]
    if first.dtype != torch.bool or first.shape != (rows, num_envs):
        raise ValueError(
            f"first must be bool {(rows, num_envs)}, a row for each of obs, not "
            f"{first.dtype} {tuple(first.shape)}"
        )
    if vector is not None and (
        vector.dtype != torch.float32
        or vector.dim() != 3
        or vector.shape[:2] != first.shape
    ):
        raise ValueError(
            f"vector must be float32 {(rows, num_envs)} and numbers, a row for each of "
            f"obs, not {vector.dtype} {tuple(vector.shape)}"
        )
    kinds = {1: torch.int64, 2: torch.float32}
    shape = tuple(action.shape)
    if shape[:2] != (rows - 1, num_envs) or kinds.get(len(shape) - 1) != action.dtype:
        raise ValueError(
            f"action must be int64 {(rows - 1, num_envs)} or float32 "
            f"{(rows - 1, num_envs)} and components, one row less than obs, not "
            f"{action.dtype} {shape}"
        )


@dataclass(frozen=True)
class Learning:
    """A minibatch, as a signal's own loss reads it: all without gradient.

    Each of several processes is shown its own part of it.

    Attributes:
        traj: all T steps of some envs of a rollout.
        carry: of the belief at row 0.
        belief: of rows 0 … T-1, under the weights of now; None without any.
        target: latents that predictions aim at; None without a model.
        model_loss: the model's unreduced loss on it, of the parts of all processes;
            None likewise.
        generator: of all draws; in the same state in all processes, and to be drawn
            from alike.
        past: the transitions that lead up to row 0, which is their last: for memories
            that are nobody else's. None where there are none, or nobody asks for them
            (`Curiosity.remembers`).
    """

    traj: Trajectory
    carry: Carry
    generator: torch.Generator
    belief: Float32[Tensor, "T b S"] | None = None
    target: Float32[Tensor, "R b D"] | None = None
    model_loss: ModelLoss | None = None
    past: Trajectory | None = None
