# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .demonstration import Demonstration as Demonstration
from .goal_distance import GoalDistance as GoalDistance
from .goal_distance import GoalDistanceConfig as GoalDistanceConfig
from .goal_distance import TemporalRewardConfig as TemporalRewardConfig
from .perceptual import PerceptualReward as PerceptualReward
from .perceptual import PerceptualRewardConfig as PerceptualRewardConfig
from .reward_model import RewardConfig as RewardConfig
from .reward_model import RewardModel as RewardModel
from .segmentation import ExactSegmentation as ExactSegmentation
from .segmentation import GreedySegmentation as GreedySegmentation
from .segmentation import MeanSpread as MeanSpread
from .segmentation import SquaredDeviation as SquaredDeviation
from .selection import AgainstEach as AgainstEach
from .selection import AgainstRest as AgainstRest
from .temporal.cycles import CycleConsistency as CycleConsistency
from .temporal.learning import EmbeddingConfig as EmbeddingConfig
from .temporal.time_contrast import TimeContrast as TimeContrast
from .temporal.vip import ValueImplicit as ValueImplicit
