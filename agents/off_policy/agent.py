"""The off-policy agent: everything in it learns from a replay of past rollouts."""

from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from agents.agent import Agent, TrainStepResult
from agents.appraiser import Appraiser
from agents.collect import Collector
from agents.curiosity.scored import Scored
from agents.curiosity.signal import IntrinsicReward, Signal
from agents.curiosity.signals import check_signals_fit
from agents.events import of_events
from agents.experience import Experience
from agents.metrics import Metrics, mean_of, of_rewards, of_surprise
from agents.off_policy.onlooker import Onlooker
from agents.off_policy.player import OffPolicyPlayer
from agents.off_policy.schooling import PAID, Schooling
from agents.off_policy.study import Study, StudyConfig
from agents.policy.ppo import RewardStream
from agents.seeds import Seeds
from agents.streams import reward_scales, weighted_sum
from envs.vector_env import VectorEnv
from ssl_objectives.distributed import num_processes
from ssl_objectives.parts.generators import generator_on
from world_models.belief import Carry
from world_models.data.replay import ReplayBuffer

Appraised = tuple[Scored, dict[str, IntrinsicReward], Float32[Tensor, "T B"]]


@final
class OffPolicyAgent(Agent):
    """A policy, and beside it a world model with signals; all learn from one replay.

    The policy has a belief of its own, or is scripted and learns nothing: model and
    signals learn alike in any case. What it learns from are rewards as they were paid
    when a rollout was fresh: a weighted sum of all streams.

    Args:
        env: B worlds; the agent resets and steps them.
        player: policy, and world model if there is one.
        extrinsic: the stream of the world's own reward.
        signals: curiosity by name, each with the stream that it pays into. Of a stream,
            weight, clipping and normalisation count here: the policy values the sum of
            all, with a discount of its own.
        study: how model and signals learn.
        num_steps: T, steps per env and rollout.
        seed: of actions, windows and worlds.

    Raises:
        ValueError: parts that do not fit together.
    """

    def __init__(
        self,
        env: VectorEnv,
        player: OffPolicyPlayer,
        extrinsic: RewardStream,
        signals: Mapping[str, Signal],
        study: StudyConfig,
        num_steps: int,
        seed: int = 0,
    ) -> None:
        num_envs, device = env.spec.num_envs, env.spec.device
        check_signals_fit(signals, player.world_model)
        if num_processes() > 1:
            raise ValueError(
                "policies that act apart from the world model learn in one process "
                "alone: start the run without torchrun, or take --policy ppo"
            )
        self.env, self.player, self.signals = env, player, dict(signals)
        self.policy, self.notes = player.policy, {}
        self.streams = [extrinsic, *(x.stream for x in self.signals.values())]
        self.scales = reward_scales(self.streams, num_envs)
        self.appraiser = Appraiser(player.world_model, signals)
        curious = nn.ModuleDict(self.appraiser.curious)
        self.modules = nn.ModuleDict(
            {"actor": player, "signals": curious, "scales": self.scales}
        ).to(device)
        self.seed, self.seeds, self.env_steps = seed, Seeds.of(seed), 0
        windows, lots, draws = (
            generator_on(device).manual_seed(x)
            for x in (self.seeds.minibatches, self.seeds.lessons, self.seeds.actions)
        )
        self.study = self.schooling = None
        if self.appraiser.learns:
            self.study = Study(study, self.appraiser, windows)
        if self.policy.lessons is not None:
            self.schooling = Schooling(self.policy, self.policy.lessons, lots)
        _check_windows(self.study, self.schooling, num_steps)
        self.learning_starts = study.learning_starts
        self.replay = ReplayBuffer(study.capacity, device)
        model = player.world_model
        self.onlooker = None if model is None else Onlooker(model, num_envs)
        overlap = 0 if model is None else model.horizon - 1
        acting = self.policy.exploring(draws)
        self.collector = Collector(env, acting, num_steps, overlap)

    @property
    def rollouts_kept(self) -> int:
        """By the replay; none where nobody learns from it."""
        learns = self.study is not None or self.schooling is not None
        return self.replay.capacity if learns else 0

    def train_step(self, describe: bool = True) -> TrainStepResult:
        """Collect a rollout, pay for it, keep it, and learn from all that are kept."""
        experience, happened = self.collector.collect()
        scored, paid, reward = self._appraise(experience, describe)
        kept = self._carry(experience, scored.experience)
        if self.rollouts_kept:
            self.replay.add(experience.traj, kept, {PAID: reward})
        self.env_steps += int(experience.traj.valid.sum())
        metrics: Metrics = {}
        if self.env_steps >= self.learning_starts:
            metrics = self._learn()
        self._follow(experience)
        if describe:
            metrics |= {"policy/reward": reward.mean()}
            metrics |= of_rewards(paid, scored.valid)
            metrics |= of_events(paid, scored.valid, happened.events)
            if self.world_model is not None and scored.target is not None:
                metrics |= self.world_model.diagnose(scored.target)
            if scored.model_loss is not None:
                metrics |= of_surprise(scored.model_loss)
        return TrainStepResult(metrics, happened)

    def play_on(self) -> tuple[Experience, Mapping[str, IntrinsicReward]]:
        """See `Agent.play_on`."""
        experience, _ = self.collector.collect()
        return experience, self._appraise(experience, describe=False)[1]

    def rehearse(self, experience: Experience) -> None:
        """Appraise a rollout, and take the gradients of one batch of windows each."""
        scored, _, reward = self._appraise(experience, describe=True)
        carry = self._carry(experience, scored.experience)

        def columns(num: int) -> Tensor:
            device = self.env.spec.device
            return torch.zeros(num, dtype=torch.int64, device=device)

        traj = experience.traj
        if self.study is not None:
            envs = columns(self.study.config.batch)
            window = traj.steps(0, self.study.num_steps).envs(envs)
            self.study.loss(window, carry.envs(envs)).total.backward()
        if self.schooling is not None:
            lessons = self.schooling.lessons
            envs = columns(lessons.batch)
            window = traj.steps(0, lessons.num_steps).envs(envs)
            rewards = reward[: lessons.num_steps, envs]
            self.policy.loss(window, carry.envs(envs), rewards).total.backward()

    @torch.no_grad()
    def _appraise(self, experience: Experience, describe: bool) -> Appraised:
        """What surprised the model, what signals pay, and what the policy learns from.

        By the weights of now: whatever is paid for has not been learned from.
        """
        belief = None
        if self.onlooker is not None:
            experience, belief = self.onlooker.see(experience)
        scored = self.appraiser.score(experience, belief, aims=describe)
        paid = self.appraiser.rewards(scored)
        valid = experience.traj.valid
        rewards = [experience.traj.reward, *(x.reward for x in paid.values())]
        scaled = [
            scale(reward, valid)
            for scale, reward in zip(self.scales, rewards, strict=True)
        ]
        return scored, paid, weighted_sum(self.streams, scaled, valid)

    def _carry(self, acted: Experience, seen: Experience) -> Carry:
        """What windows begin with: all frames that policy or model stack; no memory."""
        longest = max((acted.carry, seen.carry), key=lambda x: len(x.frames))
        nothing = longest.memory[:, :0]
        return Carry(longest.frames, nothing, longest.action)

    def _learn(self) -> Metrics:
        """World model and signals, then the policy."""
        studied, taught = [], []
        if self.study is not None:
            updates = self.study.config.updates_per_rollout
            studied = [self.study.step(self.replay) for _ in range(updates)]
        if self.schooling is not None:
            updates = self.schooling.lessons.updates
            taught = [self.schooling.step(self.replay) for _ in range(updates)]
        return {**mean_of(studied), **mean_of(taught)}

    def _follow(self, experience: Experience) -> None:
        """Let moments of what is observed follow, behind learning."""
        if self.world_model is not None:
            self.world_model.belief.follow(experience.traj)
        self.policy.follow(experience.traj)

    def state_dict(self) -> dict[str, Any]:
        """See `Agent.state_dict`."""
        return {
            "env_steps": self.env_steps,
            "modules": dict(self.modules.state_dict()),
            "study": self.study and self.study.state_dict(),
            "schooling": self.schooling and self.schooling.state_dict(),
            "collector": self.collector.state_dict(),
            "onlooker": self.onlooker and self.onlooker.state_dict(),
            "replay": self.replay.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Agent.load_state_dict`."""
        self.env_steps = state["env_steps"]
        self.modules.load_state_dict(state["modules"])
        if self.study is not None:
            self.study.load_state_dict(state["study"])
        if self.schooling is not None:
            self.schooling.load_state_dict(state["schooling"])
        self.replay.load_state_dict(state["replay"])
        self.collector.load_state_dict(
            state["collector"], Seeds.resumed(self.seed, self.env_steps)
        )
        if self.onlooker is not None:
            self.onlooker.load_state_dict(state["onlooker"], self.env.spec.device)


def _check_windows(
    study: Study | None, schooling: Schooling | None, num_steps: int
) -> None:
    """Refuse windows that are longer than a rollout."""
    for flag, wanted in (
        ("--agent.study.burn-in", study.num_steps if study else 0),
        ("--agent.policy.burn-in", schooling.lessons.num_steps if schooling else 0),
    ):
        if wanted > num_steps:
            raise ValueError(
                f"windows of {wanted} transitions do not fit into rollouts of "
                f"{num_steps}: raise --agent.num-steps, or lower {flag}"
            )
