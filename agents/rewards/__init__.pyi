# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .demonstration import Demonstration as Demonstration
from .distance_to_goal import DistanceToGoal as DistanceToGoal
from .distance_to_goal import DistanceToGoalConfig as DistanceToGoalConfig
from .distance_to_goal import TemporalRewardConfig as TemporalRewardConfig
from .measures import jaccard as jaccard
from .measures import order_in_time as order_in_time
from .measures import ordered_random_jaccard as ordered_random_jaccard
from .perceptual import PerceptualReward as PerceptualReward
from .perceptual import PerceptualRewardConfig as PerceptualRewardConfig
from .reward_model import RewardConfig as RewardConfig
from .reward_model import RewardModel as RewardModel
from .segmentation import ExactSegmentation as ExactSegmentation
from .segmentation import GreedySegmentation as GreedySegmentation
from .segmentation import MeanSpread as MeanSpread
from .segmentation import Score as Score
from .segmentation import Segmentation as Segmentation
from .segmentation import SquaredDeviation as SquaredDeviation
from .selection import AgainstEach as AgainstEach
from .selection import AgainstRest as AgainstRest
from .selection import Selection as Selection
from .temporal.cycles import CycleConsistency as CycleConsistency
from .temporal.learning import EmbeddingConfig as EmbeddingConfig
from .temporal.temporal_loss import TemporalLoss as TemporalLoss
from .temporal.time_contrast import TimeContrast as TimeContrast
from .temporal.vip import ValueImplicit as ValueImplicit
