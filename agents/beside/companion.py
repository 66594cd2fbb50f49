"""A world model and signals that pay for rollouts of anybody's, and learn from them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from agents.appraiser import Appraiser
from agents.curiosity.signal import IntrinsicReward, Signal
from agents.curiosity.signals import check_signals_fit
from agents.experience import Experience
from agents.metrics import Metrics, mean_of, of_rewards
from agents.off_policy.onlooker import Onlooker
from agents.off_policy.study import Study, StudyConfig
from agents.streams import weighted_sum
from envs.vector_env import EnvSpec
from ssl_objectives.parts.generators import generator_on
from world_models.belief import Carry
from world_models.context import Context
from world_models.data.replay import ReplayBuffer
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory


@final
class Companion:
    """Curiosity for an agent that is not ours: it is shown what happened, and pays.

    A rollout is paid for by the weights that have not learned from it; then it is kept,
    and world model and signals learn from windows of those that are.

    Args:
        spec: of the worlds.
        model: the world model, if signals want one.
        signals: by name, each with the weight and the clipping of what it pays.
        study: how they learn.
        seed: of the windows that they learn from.

    Attributes:
        modules: all networks and statistics.
        metrics: what was told of the latest rollout, for people.
        env_steps: transitions inside episodes so far.
    """

    def __init__(
        self,
        spec: EnvSpec,
        model: LatentDynamics | None,
        signals: Mapping[str, Signal],
        study: StudyConfig,
        seed: int = 0,
    ) -> None:
        check_signals_fit(signals, model)
        self.spec, self.model, self.signals = spec, model, dict(signals)
        self.appraiser = Appraiser(model, signals)
        parts: dict[str, nn.Module] = {"signals": nn.ModuleDict(self.appraiser.curious)}
        if model is not None:
            parts["model"] = model
        self.modules = nn.ModuleDict(parts).to(spec.device)
        generator = generator_on(spec.device).manual_seed(seed)
        self.study = Study(study, self.appraiser, generator) if self.learns else None
        self.replay = ReplayBuffer(study.capacity, spec.device)
        self.onlooker = None if model is None else Onlooker(model, spec.num_envs)
        self.overlap = 0 if model is None else model.horizon - 1
        self.context: Context | None = None
        self.env_steps, self.warm = 0, False
        self.metrics: Metrics = {}

    @property
    def learns(self) -> bool:
        """Whether any of it can be trained."""
        return self.appraiser.learns

    def rollout(self, traj: Trajectory) -> Float32[Tensor, "T B"]:
        """What is paid for a rollout; then learn from it.

        Row T of a rollout is row 0 of the next: show each once, in their order.

        Raises:
            ValueError: it is shorter than what the model predicts ahead of, less one.
        """
        if traj.num_steps < self.overlap:
            raise ValueError(
                f"a world model that predicts {self.overlap + 1} steps ahead wants "
                f"rollouts of {self.overlap} at least, not {traj.num_steps}: make them "
                "longer, or lower its horizon"
            )
        self.warm_up(traj)
        experience, belief = self._seen(traj)
        reward, paid = self.pay(experience, belief)
        self.learn(traj, experience.carry)
        self.metrics |= of_rewards(paid, traj.valid)
        return reward

    def warm_up(self, traj: Trajectory) -> None:
        """Let signals see the very first rollout before they pay for it."""
        if self.warm:
            return
        for signal in self.appraiser.curious.values():
            if signal.warm_up_steps:
                signal.warm_up(traj.obs, traj.vector)
        self.warm = True

    def _seen(self, traj: Trajectory) -> tuple[Experience, Tensor | None]:
        """With the model's memory along it, and what came before."""
        nothing = self.nothing(traj)
        experience = Experience(traj, nothing, nothing, {}, self.context, self.overlap)
        if self.onlooker is None:
            return experience, None
        experience, belief = self.onlooker.see(experience)
        if self.overlap:
            tail = traj.steps(traj.num_steps - self.overlap, traj.num_steps)
            self.context = Context(tail.copy(), self.onlooker.handed_on)
        return experience, belief

    def nothing(self, traj: Trajectory) -> Carry:
        """The carry of who has neither memory nor frames."""
        return Carry(traj.obs[:0], traj.reward[0, :, None][:, :0], traj.action[0])

    @torch.no_grad()
    def pay(
        self, experience: Experience, belief: Float32[Tensor, "rows B S"] | None
    ) -> tuple[Float32[Tensor, "T B"], dict[str, IntrinsicReward]]:
        """The weighted sum of what signals pay, and what each of them does.

        Args:
            experience: with the model's own carries.
            belief: the model's, of rows 0 … T-1, or of the context's rows too.
        """
        scored = self.appraiser.score(experience, belief, aims=False)
        paid = self.appraiser.rewards(scored)
        streams = [x.stream for x in self.signals.values()]
        rewards = [x.reward for x in paid.values()]
        return weighted_sum(streams, rewards, scored.valid), paid

    def learn(self, traj: Trajectory, carry: Carry) -> None:
        """Keep a rollout, and take gradient steps on windows of those that are kept."""
        if self.study is None:
            return
        kept = replace(carry, memory=carry.memory[:, :0])
        self.replay.add(traj, kept)
        self.env_steps += int(traj.valid.sum())
        self.metrics = {}
        fits = len(self.replay) * traj.num_steps >= self.study.num_steps
        if fits and self.env_steps >= self.study.config.learning_starts:
            updates = self.study.config.updates_per_rollout
            self.metrics = mean_of(
                [self.study.step(self.replay) for _ in range(updates)]
            )
        if self.model is not None:
            self.model.belief.follow(traj)

    def state_dict(self) -> dict[str, Any]:
        """Networks, statistics, optimiser, rollouts, memories and draws."""
        return {
            "modules": dict(self.modules.state_dict()),
            "study": self.study and self.study.state_dict(),
            "replay": self.replay.state_dict(),
            "onlooker": self.onlooker and self.onlooker.state_dict(),
            "context": None if self.context is None else _tree(self.context),
            "env_steps": self.env_steps,
            "warm": self.warm,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, bit for bit on a CPU."""
        device = self.spec.device
        self.modules.load_state_dict(state["modules"])
        if self.study is not None:
            self.study.load_state_dict(state["study"])
        self.replay.load_state_dict(state["replay"])
        if self.onlooker is not None:
            self.onlooker.load_state_dict(state["onlooker"], device)
        self.context = None
        if state["context"] is not None:
            traj, carry = state["context"]["traj"], state["context"]["carry"]
            of_carry = {name: x.to(device) for name, x in carry.items()}
            self.context = Context(Trajectory(**traj).to(device), Carry(**of_carry))
        self.env_steps, self.warm = state["env_steps"], state["warm"]


def _tree(context: Context) -> dict[str, Any]:
    traj = {name: x for name, x in vars(context.traj).items() if name != "facts"}
    return {"traj": traj, "carry": dict(vars(context.carry))}
