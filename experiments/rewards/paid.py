"""A learned reward as what an agent is paid: `--curiosity perceptual`."""

from dataclasses import dataclass
from pathlib import Path

from agents.curiosity.demonstrated import DemonstratedReward, Shaping
from agents.curiosity.signal import Surroundings
from agents.rewards.reward_model import RewardModel
from experiments.rewards.saved import SavedRewardError, load_reward


@dataclass(frozen=True)
class PerceptualConfig:
    """Reward frames for how far demonstrations had come when they looked like that."""

    path: Path | None = None
    """the folder that `curious reward fit` wrote, or the file in it"""

    def build(self, surroundings: Surroundings) -> DemonstratedReward:
        """Load it.

        Raises:
            SavedRewardError, ConfigError: see `load_reward`.
            ValueError: see `DemonstratedReward.within`.
        """
        return DemonstratedReward.within(surroundings, _loaded(self.path))


@dataclass(frozen=True)
class PerceptualShapingConfig:
    """The same as a potential, which leaves the best policy for the world's reward."""

    path: Path | None = None
    """the folder that `curious reward fit` wrote, or the file in it"""

    def build(self, surroundings: Surroundings) -> Shaping:
        """Load it.

        Raises:
            SavedRewardError, ConfigError: see `load_reward`.
            ValueError: see `Shaping.within`.
        """
        return Shaping.within(surroundings, _loaded(self.path))


def _loaded(path: Path | None) -> RewardModel:
    if path is None:
        raise SavedRewardError(
            "Which learned reward? Give the folder that `curious reward fit` wrote, or "
            "the file in it: --curiosity.path FOLDER."
        )
    return load_reward(path)
