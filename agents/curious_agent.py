"""The agent: collects rollouts, rewards curiosity, trains policy and world model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from agents.actor import Actor
from agents.collect import Collector, EpisodeEnds
from agents.curiosity.signal import Curiosity, IntrinsicReward
from agents.policy.actor_critic import ActorCritic
from agents.policy.ppo import (
    PpoConfig,
    RewardStream,
    masked_mean,
    mix_advantages,
    ppo_loss,
)
from agents.rollout import Minibatch, Rollout
from envs.check import random_action
from envs.vector_env import VectorEnv
from world_models.belief import BeliefModel
from world_models.data.replay import ReplayBuffer
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import ModelLoss

Metrics = dict[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class TrainStepResult:
    """Metrics and finished episodes of a training step, still on the device."""

    metrics: Mapping[str, Float[Tensor, ""]]
    ends: EpisodeEnds


class CuriousAgent:
    """PPO on a world model's beliefs, with curiosity as intrinsic reward.

    Args:
        env: B worlds; the agent resets and steps them.
        belief: shared by policy and world model.
        policy: heads on the belief, one value per reward stream.
        world_model: built around `belief`, or None.
        curiosity: intrinsic reward, or None for reward from the world alone.
        streams: the extrinsic reward's, then (with curiosity) the intrinsic one's.
        ppo: settings of the learner.
        model_coeff: weight of the world model's loss beside PPO's.
        rl_gradient: whether PPO's gradient reaches belief core and encoder.
        replay: past rollouts, and `replay_updates` model updates on them per rollout.
        seed: of actions, minibatches and worlds.

    Raises:
        ValueError: parts that do not fit together.
    """

    def __init__(
        self,
        env: VectorEnv,
        belief: BeliefModel,
        policy: ActorCritic,
        world_model: LatentDynamics | None,
        curiosity: Curiosity | None,
        streams: list[RewardStream],
        ppo: PpoConfig,
        model_coeff: float = 1.0,
        rl_gradient: bool = True,
        replay: ReplayBuffer | None = None,
        replay_updates: int = 0,
        seed: int = 0,
    ) -> None:
        num_envs = env.spec.num_envs
        if num_envs % ppo.num_minibatches:
            raise ValueError(
                f"{num_envs} envs cannot be split into {ppo.num_minibatches} "
                "minibatches; make --num-envs a multiple of "
                "--agent.ppo.num-minibatches"
            )
        if curiosity is not None and curiosity.needs_model and world_model is None:
            raise ValueError(
                f"{type(curiosity).__name__} needs a world model; add --model"
            )
        if replay_updates and (replay is None or world_model is None):
            raise ValueError(
                "--agent.replay.updates-per-rollout are a world model's, on what is "
                "kept; add --model and --agent.replay.capacity"
            )
        if len(streams) != 1 + (curiosity is not None):
            raise ValueError(
                f"{len(streams)} reward streams: give one for the world's reward and, "
                "with curiosity, one for the intrinsic reward"
            )
        if world_model is None and not rl_gradient:
            raise ValueError(
                "without a world model nothing but PPO trains the encoder; "
                "leave --agent.rl-gradient on"
            )
        device = env.spec.device
        self.env, self.belief, self.policy = env, belief, policy
        self.world_model, self.curiosity = world_model, curiosity
        self.streams, self.ppo = streams, ppo
        active = [v for v, stream in enumerate(streams) if stream.weight]
        self.active = torch.tensor(active, dtype=torch.int64, device=device)
        self.model_coeff, self.rl_gradient = model_coeff, rl_gradient
        self.replay, self.replay_updates = replay, replay_updates
        self.seed = seed
        self.env_steps = 0
        self.actor = Actor(policy, world_model or belief)
        self.modules = nn.ModuleDict({"actor": self.actor})
        if curiosity is not None:
            self.modules["curiosity"] = curiosity
        self.modules.to(device)
        # gradients are clipped apart: a signal's own loss must not damp the actor's
        groups = [
            [p for p in module.parameters() if p.requires_grad]
            for module in self.modules.values()
        ]
        self.groups = [group for group in groups if group]
        self.optimizer = torch.optim.Adam(
            [p for group in self.groups for p in group],
            ppo.learning_rate,
            eps=1e-5,
            fused=True,
        )
        self.generator = torch.Generator(device).manual_seed(seed + 1)
        overlap = world_model.horizon - 1 if world_model is not None else 0
        sampler = torch.Generator(device).manual_seed(seed + 2)
        self.collector = Collector(env, belief, policy, ppo.num_steps, overlap, sampler)

    def begin(self) -> None:
        """Reset the worlds, after whatever random play the curiosity asks for."""
        self.collector.begin(self.seed)
        if self.curiosity is None or not self.curiosity.warm_up_steps:
            return
        generator = torch.Generator().manual_seed(self.seed + 3)
        for _ in range(self.curiosity.warm_up_steps):
            row = self.env.step(random_action(self.env, generator))
            self.curiosity.warm_up(row.obs[None])
        self.collector.begin(self.seed)

    def train_step(self) -> TrainStepResult:
        """Collect one rollout and learn from it."""
        rollout, ends = self.collector.collect()
        with torch.no_grad():
            target, surprise = self._surprise(rollout)
            intrinsic = self._intrinsic(rollout, surprise)
        rewards = [rollout.traj.reward] + ([intrinsic.reward] if intrinsic else [])
        advantage, returns = mix_advantages(rollout, self.streams, rewards)

        collected: list[Metrics] = []
        for envs in self._minibatches():
            batch = Minibatch.of(rollout, advantage, returns, target, envs)
            loss, metrics = self._loss(batch)
            self._update(loss)
            collected.append(metrics)
        if self.replay is not None:
            self.replay.add(rollout.traj, rollout.carry)
            for _ in range(self.replay_updates):
                self._update(self._replayed_loss(self.replay))

        self.env_steps += rollout.log_prob.numel()
        metrics = {
            name: torch.stack([m[name] for m in collected]).mean()
            for name in collected[0]
        }
        return TrainStepResult(
            {**metrics, **self._describe(rollout, intrinsic, target)}, ends
        )

    def _surprise(
        self, rollout: Rollout
    ) -> tuple[Float32[Tensor, "R B D"] | None, ModelLoss | None]:
        """Target latents of the rollout, and the model's unreduced loss on it.

        Beliefs are the ones the policy acted on: the model has not changed since. The
        context goes in front, so that predictions made there land in the rollout.
        """
        model = self.world_model
        if model is None:
            return None, None
        traj, carry = rollout.traj, rollout.carry
        target = model.targets(traj.obs, traj.first, carry)
        belief, action, valid = rollout.belief, traj.action, traj.valid
        landed, num_unknown = target, 0
        if rollout.context is not None:
            before, start = rollout.context.traj, rollout.context.carry
            seen = model.belief.observe(
                before.obs[:-1], before.action[:-1], before.first[:-1], start
            )
            belief = torch.cat([seen.belief, belief])
            action = torch.cat([before.action, action])
            valid = torch.cat([before.valid, valid])
            # what lands inside the context itself was paid a rollout ago
            num_unknown = before.num_steps
            unused = target.new_zeros(num_unknown, *target.shape[1:])
            landed = torch.cat([unused, target])
        return target, model.prediction_loss(belief, action, valid, landed, num_unknown)

    def _intrinsic(
        self, rollout: Rollout, surprise: ModelLoss | None
    ) -> IntrinsicReward | None:
        if self.curiosity is None:
            return None
        return self.curiosity.reward(rollout, surprise)

    def _minibatches(self) -> Iterator[Int64[Tensor, "b"]]:
        """Random env subsets, `num_minibatches` per epoch."""
        device, num_envs = self.env.spec.device, self.env.spec.num_envs
        for _ in range(self.ppo.num_epochs):
            order = torch.randperm(num_envs, generator=self.generator, device=device)
            yield from order.chunk(self.ppo.num_minibatches)

    def _loss(self, batch: Minibatch) -> tuple[Float32[Tensor, ""], Metrics]:
        """PPO, world model and curiosity on one minibatch: one forward, one sum."""
        traj, model = batch.traj, self.world_model
        if model is not None:
            belief, target = model.see(traj, batch.carry, batch.target)
        else:
            belief = self.belief.observe(
                traj.obs[:-1], traj.action[:-1], traj.first[:-1], batch.carry
            ).belief
        seen = belief if self.rl_gradient else belief.detach()
        distribution, value = self.policy(seen)
        # the critic of a stream that is switched off must not shape the encoder
        active = replace(batch, returns=batch.returns.index_select(0, self.active))
        value = value.index_select(0, self.active)
        total, parts = ppo_loss(self.ppo, active, distribution, value)
        metrics = dict(parts)
        if model is not None:
            predicted = model.prediction_loss(
                belief, traj.action, traj.valid, target
            ).mean()
            total = total + self.model_coeff * predicted
            metrics["loss/world_model"] = predicted.detach()
        if self.curiosity is not None:
            own = self.curiosity.loss(traj, self.generator)
            if own is not None:
                learned = own.regularizer
                if own.per_sample is not None:
                    learned = learned + own.per_sample.mean()
                total = total + learned
                metrics["loss/curiosity"] = learned.detach()
        return total, metrics

    def _replayed_loss(self, replay: ReplayBuffer) -> Float32[Tensor, ""]:
        """World-model loss on random env columns of past rollouts."""
        assert self.world_model is not None
        num = self.env.spec.num_envs // self.ppo.num_minibatches
        loss = self.world_model.loss(*replay.sample(num, self.generator)).mean()
        return self.model_coeff * loss

    def _update(self, loss: Float32[Tensor, ""]) -> None:
        """One gradient step on everything, then move what follows it."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in self.groups:
            nn.utils.clip_grad_norm_(group, self.ppo.max_grad_norm)
        self.optimizer.step()
        if self.world_model is not None:
            self.world_model.after_update()
        if self.curiosity is not None:
            self.curiosity.after_update()

    def _describe(
        self,
        rollout: Rollout,
        intrinsic: IntrinsicReward | None,
        target: Float32[Tensor, "R B D"] | None,
    ) -> Metrics:
        """Metrics of the rollout as a whole."""
        valid = rollout.traj.valid
        metrics: Metrics = {}
        if intrinsic is not None:
            for name, values in (("reward", intrinsic.reward), ("raw", intrinsic.raw)):
                mean = masked_mean(values, valid)
                spread = masked_mean((values - mean) ** 2, valid).sqrt()
                metrics[f"intrinsic/{name}_mean"] = mean
                metrics[f"intrinsic/{name}_std"] = spread
        if self.world_model is not None and target is not None:
            metrics |= self.world_model.diagnose(target)
            metrics["world_model/updates"] = self.world_model.updates.float()
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """Everything: networks, targets, optimiser, statistics, worlds, draws."""
        return {
            "env_steps": self.env_steps,
            "modules": dict(self.modules.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "collector": self.collector.state_dict(),
            "replay": None if self.replay is None else self.replay.state_dict(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`, bit for bit where the worlds can."""
        self.env_steps = state["env_steps"]
        self.modules.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        if self.replay is not None and state["replay"] is not None:
            self.replay.load_state_dict(state["replay"])
        self.collector.load_state_dict(state["collector"], self.seed + self.env_steps)
