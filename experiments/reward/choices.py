"""What `curious reward fit` lets be chosen by name."""

from collections.abc import Mapping
from functools import partial

from agents.rewards.goal_distance import GoalDistanceConfig, TemporalRewardConfig
from agents.rewards.perceptual import PerceptualRewardConfig
from agents.rewards.reward_model import RewardConfig
from agents.rewards.segmentation import ExactSegmentation, MeanSpread
from agents.rewards.selection import AgainstRest
from agents.rewards.temporal.cycles import CycleConsistency
from agents.rewards.temporal.time_contrast import TimeContrast
from agents.rewards.temporal.vip import ValueImplicit
from experiments.config.choices import Choice, Row, Table
from experiments.encoders.table import ENCODERS as _ENCODERS
from experiments.reward.eyes import WorldModelEncoderConfig
from experiments.reward.fit_config import FitConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.raw_pixels import PixelsConfig

METHODS: Table[RewardConfig] = Table(
    "method",
    RewardConfig,
    {
        "perceptual": Row(PerceptualRewardConfig),
        "perceptual-published": Row(
            partial(
                PerceptualRewardConfig,
                selection=AgainstRest(),
                segmentation=ExactSegmentation(2, MeanSpread()),
            ),
            "The same, with the paper's own choices (arXiv 1612.06699)",
        ),
        "goal": Row(GoalDistanceConfig),
        "tcn": Row(
            partial(TemporalRewardConfig, TimeContrast()),
            "Distance to the end, embedded by time contrast (arXiv 1704.06888)",
        ),
        "vip": Row(
            partial(TemporalRewardConfig, ValueImplicit()),
            "The same, by value-implicit pre-training (arXiv 2210.00030)",
        ),
        "xirl": Row(
            partial(TemporalRewardConfig, CycleConsistency()),
            "The same, by cycles between demonstrations (arXiv 2106.03911)",
        ),
    },
)
"""how a reward is learned"""

_OF_FRAMES = _ENCODERS.only(
    "nature", "impala", "patch", "small", "menet", "resnet", "vit", "pretrained"
)

ENCODERS: Table[EncoderConfig] = Table(
    "encoder",
    EncoderConfig,
    {
        **_OF_FRAMES.rows,
        "world-model": Row(WorldModelEncoderConfig),
        "pixels": Row(PixelsConfig),
    },
)
"""what is seen in frames"""

CHOICES = (
    Choice(METHODS, "How it is learned.", default="perceptual"),
    Choice(ENCODERS, "What is seen in frames, untrained or trained.", default="nature"),
)


def from_choices(chosen: Mapping[str, str]) -> FitConfig:
    """The config that names stand for.

    Raises:
        ConfigError: no such part.
    """
    return FitConfig(
        method=METHODS.make(chosen["method"]), encoder=ENCODERS.make(chosen["encoder"])
    )
