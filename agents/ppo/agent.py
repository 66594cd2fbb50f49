"""The PPO agent: collects rollouts, rewards curiosity, trains policy and model."""

from collections.abc import Iterator, Mapping
from typing import Any, final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from agents.agent import Agent, TrainStepResult
from agents.appraiser import Appraiser
from agents.collect import Collector
from agents.curiosity.scored import Scored
from agents.curiosity.signal import IntrinsicReward, Signal
from agents.events import of_events
from agents.experience import Experience
from agents.learner import Learner
from agents.metrics import Metrics, mean_of, of_rewards, of_surprise
from agents.policy.ppo import (
    Mixed,
    PpoConfig,
    RewardStream,
    mix_advantages,
    ppo_loss,
)
from agents.ppo.actor import Actor, ActorPolicy
from agents.ppo.fits import check_fits
from agents.ppo.head_start import HeadStartConfig, RandomActor
from agents.ppo.minibatch import Minibatch, drawn_envs
from agents.ppo.replaying import Replaying
from agents.seeds import Seeds
from agents.streams import reward_scales
from envs.vector_env import VectorEnv
from ssl_objectives.distributed import (
    gathered_rows,
    num_processes,
    of_each_process,
    own_of,
    rank,
)
from ssl_objectives.parts.generators import generator_on
from world_models.model_loss import ModelLoss

Taught = tuple[Scored, Mapping[str, IntrinsicReward], list[Metrics]]
"""a rollout, what was paid for it, and what was told of each gradient step"""


@final
class PpoAgent(Agent):
    """PPO on a world model's beliefs, with any number of signals as intrinsic rewards.

    Of several processes each encodes its own part of a minibatch, and all take the loss
    of all of it.

    Args:
        env: B worlds, of this process; the agent resets and steps them.
        actor: belief, policy with a value per reward stream, and world model if any.
        extrinsic: the stream of the world's own reward.
        signals: curiosity by name, each with the stream that it pays into.
        ppo: settings of the learner.
        model_coeff: weight of the world model's loss beside PPO's.
        rl_gradient: whether PPO's gradient reaches belief core and encoder.
        replay: past rollouts for the world model.
        head_start: rollouts in front that teach the world model alone.
        seed: of actions, minibatches and worlds.

    Raises:
        ValueError: parts that do not fit together.
    """

    def __init__(
        self,
        env: VectorEnv,
        actor: Actor,
        extrinsic: RewardStream,
        signals: Mapping[str, Signal],
        ppo: PpoConfig,
        model_coeff: float = 1.0,
        rl_gradient: bool = True,
        replay: Replaying | None = None,
        head_start: HeadStartConfig | None = None,
        seed: int = 0,
    ) -> None:
        num_envs, device = env.spec.num_envs, env.spec.device
        self._num_envs = num_processes() * num_envs  # of all
        self.head_start = head_start or HeadStartConfig()
        check_fits(num_envs, actor, signals, ppo, rl_gradient, replay, self.head_start)
        self.env, self.actor, self.signals, self.ppo = env, actor, dict(signals), ppo
        self.player, self.belief = actor, actor.belief
        self.appraiser = Appraiser(actor.world_model, signals, model_coeff)
        self.rl_gradient, self.replay = rl_gradient, replay
        self.streams = [extrinsic, *(x.stream for x in self.signals.values())]
        active = [v for v, stream in enumerate(self.streams) if stream.weight]
        self.active = torch.tensor(active, dtype=torch.int64, device=device)
        self.notes = {
            "belief": (self.belief.size,),
            "log_prob": (),
            "value": (len(self.streams),),
        }
        self.scales = reward_scales(self.streams, num_envs)
        curious = self.appraiser.curious
        self.modules = nn.ModuleDict(
            {"actor": actor, "signals": nn.ModuleDict(curious), "scales": self.scales}
        ).to(device)
        self.learner = Learner(
            actor,
            actor.world_model,
            list(curious.values()),
            ppo.learning_rate,
            ppo.max_grad_norm,
        )
        self.seed, self.seeds, self.env_steps = seed, Seeds.of(seed, rank()), 0
        self.generator = generator_on(device).manual_seed(self.seeds.minibatches)
        sampler = generator_on(device).manual_seed(self.seeds.actions)
        overlap = actor.world_model.horizon - 1 if actor.world_model is not None else 0
        self.acting = ActorPolicy(actor, sampler)
        self.at_random = RandomActor(self.acting, env.spec.actions)
        self.collector = Collector(env, self.acting, ppo.num_steps, overlap)
        self.rollouts = 0

    @property
    def rollouts_kept(self) -> int:
        """By the replay of the world model."""
        return 0 if self.replay is None else self.replay.buffer.capacity

    def train_step(self, describe: bool = True) -> TrainStepResult:
        """Collect one rollout, and pass over it a few times; see `Agent.train_step`."""
        early = self.rollouts < self.head_start.rollouts
        self.collector.policy = self.at_random if early else self.acting
        experience, happened = self.collector.collect()
        learn = self._teach_model if early else self._teach_all
        scored, paid, collected = learn(experience, describe)
        if self.replay is not None:
            self._remember(self.replay, experience)
        self.belief.follow(experience.traj)

        happened, valid = happened.of_all_processes(), gathered_rows(scored.valid, 1)
        self.env_steps += int(valid.sum())
        self.rollouts += 1
        metrics = mean_of(collected)
        if describe:
            paid = {name: x.of_all_processes() for name, x in paid.items()}
            metrics |= of_rewards(paid, valid)
            metrics |= of_events(paid, valid, happened.events)
            if self.world_model is not None and scored.target is not None:
                metrics |= self.world_model.diagnose(gathered_rows(scored.target, 1))
            if scored.model_loss is not None:
                metrics |= of_surprise(scored.model_loss.of_all_processes())
        return TrainStepResult(metrics, happened)

    def play_on(self) -> tuple[Experience, Mapping[str, IntrinsicReward]]:
        """See `Agent.play_on`."""
        experience, _ = self.collector.collect()
        return experience, self._appraise(experience, describe=False)[1]

    def rehearse(self, experience: Experience) -> None:
        """Appraise a rollout, and take the gradient on its first minibatch."""
        scored, _, mixed = self._appraise(experience, describe=True)
        envs = next(self._minibatches())
        batch = Minibatch.of(experience, mixed, self.active, scored.target, envs)
        self._loss(batch)[0].backward()

    def _teach_all(self, experience: Experience, describe: bool) -> Taught:
        """Pay, and pass over the rollout with policy, model and signals."""
        scored, paid, mixed = self._appraise(experience, describe)
        told = [
            self._learn(
                Minibatch.of(experience, mixed, self.active, scored.target, envs)
            )
            for envs in self._minibatches()
        ]
        return scored, paid, told

    def _teach_model(self, experience: Experience, describe: bool) -> Taught:
        """Pass over the rollout with model and signals alone, and pay nothing."""
        scored = self._score(experience, describe)
        told = []
        for envs in self._minibatches(self.head_start.epochs):
            target = None if scored.target is None else scored.target[:, envs]
            studied = self.appraiser.study(
                experience.traj.envs(envs),
                experience.carry.envs(envs),
                self.generator,
                target,
            )
            self.learner.step(studied.total, *studied.losses)
            told.append(studied.metrics)
        return scored, {}, told

    @torch.no_grad()
    def _appraise(
        self, experience: Experience, describe: bool
    ) -> tuple[Scored, dict[str, IntrinsicReward], Mixed]:
        """What surprised, what is paid for it, and what PPO learns from."""
        scored = self._score(experience, describe)
        paid = self.appraiser.rewards(scored)
        return scored, paid, self._mix(experience, paid)

    def _score(self, experience: Experience, describe: bool) -> Scored:
        """By beliefs that the policy acted on: the model has not changed since.

        Targets are computed here once, for all minibatches too.
        """
        model = self.world_model
        aims = describe or (model is not None and model.target is not None)
        at_once = self._num_envs // self.ppo.num_minibatches
        belief = experience.extras["belief"]
        return self.appraiser.score(experience, belief, aims, at_once)

    def _mix(
        self, experience: Experience, paid: Mapping[str, IntrinsicReward]
    ) -> Mixed:
        """Every stream's rewards become one advantage, and targets of its critic."""
        traj = experience.traj
        rewards = [traj.reward, *(x.reward for x in paid.values())]
        rewards = [
            scale(reward, traj.valid)
            for scale, reward in zip(self.scales, rewards, strict=True)
        ]
        last = self.actor.value(traj, experience.end)
        value = torch.cat([experience.extras["value"], last[None]]).movedim(-1, 0)
        return mix_advantages(
            self.streams,
            rewards,
            value,
            traj.terminated,
            traj.truncated,
            traj.first,
            self.ppo.least_advantage_std,
        )

    def _minibatches(self, epochs: int | None = None) -> Iterator[Int64[Tensor, "b"]]:
        """This process's envs of each minibatch; PPO's epochs if not said."""
        spec, num = self.env.spec, self.ppo.num_minibatches
        for _ in range(self.ppo.num_epochs if epochs is None else epochs):
            yield from drawn_envs(spec.num_envs, num, self.generator, spec.device)

    def _learn(self, batch: Minibatch) -> Metrics:
        """One gradient step; nothing of it is held when the next one begins."""
        total, losses, told = self._loss(batch)
        self.learner.step(total, *losses)
        return told

    def _loss(
        self, batch: Minibatch
    ) -> tuple[Float32[Tensor, ""], tuple[ModelLoss, ...], Metrics]:
        """PPO, world model and curiosity on one minibatch: one forward, one sum.

        Also the model's loss that is in it, if there is a model.
        """
        traj, carry = batch.traj, batch.carry
        belief = None
        if self.world_model is None:
            belief = self.belief.along(traj, carry).belief
        studied = self.appraiser.study(
            traj, carry, self.generator, batch.target, belief
        )
        belief = studied.belief
        assert belief is not None
        distribution, value = self.actor.policy(
            belief if self.rl_gradient else belief.detach()
        )
        # the critic of a stream that is switched off must not shape the encoder
        active = value.index_select(0, self.active)
        ppo = batch.ppo.of_all_processes()
        total, told = ppo_loss(self.ppo, ppo, distribution, active)
        metrics = {**told, **studied.metrics}
        return total + studied.total, studied.losses, metrics

    def _remember(self, replay: Replaying, experience: Experience) -> None:
        """Keep the rollout, and train the world model on columns of past ones.

        Of as many envs as a minibatch has, drawn like one.
        """
        replay.buffer.add(experience.traj, experience.carry)
        for _ in range(replay.updates):
            assert self.world_model is not None
            envs = next(self._minibatches(1))
            past = replay.buffer.sample_rollouts(envs, self.generator)
            loss = self.world_model.loss(past.traj, past.carry, burn_in=replay.burn_in)
            self.learner.step(self.appraiser.model_coeff * loss.mean(), loss)

    def state_dict(self) -> dict[str, Any]:
        """See `Agent.state_dict`."""
        return {
            "env_steps": self.env_steps,
            "rollouts": self.rollouts,
            "modules": dict(self.modules.state_dict()),
            "learner": self.learner.state_dict(),
            "own": of_each_process(self._own_state()),
            "generator": self.generator.get_state(),
        }

    def _own_state(self) -> dict[str, Any]:
        """What other processes have otherwise: worlds, and what happened there."""
        return {
            "collector": self.collector.state_dict(),
            "replay": None if self.replay is None else self.replay.buffer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Agent.load_state_dict`."""
        own = own_of(state["own"])
        self.env_steps, self.rollouts = state["env_steps"], state["rollouts"]
        self.modules.load_state_dict(state["modules"])
        self.learner.load_state_dict(state["learner"])
        self.generator.set_state(state["generator"].cpu())
        if self.replay is not None and own["replay"] is not None:
            self.replay.buffer.load_state_dict(own["replay"])
        worlds = Seeds.resumed(self.seed, self.env_steps, rank())
        self.collector.load_state_dict(own["collector"], worlds)
