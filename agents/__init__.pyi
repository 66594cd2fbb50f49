# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .acting import Acted as Acted
from .acting import ActingPolicy as ActingPolicy
from .acting import RandomPolicy as RandomPolicy
from .acting import nothing_carried as nothing_carried
from .agent import Agent as Agent
from .agent_config import AgentConfig as AgentConfig
from .beside.companion import Companion as Companion
from .beside.config import CompanionConfig as CompanionConfig
from .beside.shown import Moved as Moved
from .beside.shown import Shown as Shown
from .beside.stepwise import Stepwise as Stepwise
from .check.curiosity import CuriosityContractError as CuriosityContractError
from .check.curiosity import check_curiosity as check_curiosity
from .collect import Collector as Collector
from .curiosity.counts.counts import Counts as Counts
from .curiosity.counts.counts import ExactCountsConfig as ExactCountsConfig
from .curiosity.counts.counts import HashCountsConfig as HashCountsConfig
from .curiosity.demonstrated import DemonstratedReward as DemonstratedReward
from .curiosity.demonstrated import Shaping as Shaping
from .curiosity.embeddings.dynamics import DynamicsConfig as DynamicsConfig
from .curiosity.embeddings.inverse import InverseEmbedding as InverseEmbedding
from .curiosity.episodic.e3b import E3bConfig as E3bConfig
from .curiosity.episodic.memory import EpisodicMemory as EpisodicMemory
from .curiosity.episodic.ngu import NguConfig as NguConfig
from .curiosity.episodic.noveld import NoveldConfig as NoveldConfig
from .curiosity.episodic.ride import RideConfig as RideConfig
from .curiosity.errors.ama import AmaConfig as AmaConfig
from .curiosity.errors.critic import CuriosityCriticConfig as CuriosityCriticConfig
from .curiosity.errors.lpm import LpmConfig as LpmConfig
from .curiosity.hindsight import HindsightError as HindsightError
from .curiosity.hindsight import HindsightErrorConfig as HindsightErrorConfig
from .curiosity.icm import IcmConfig as IcmConfig
from .curiosity.normalize import AboveMean as AboveMean
from .curiosity.normalize import EmaRmsScale as EmaRmsScale
from .curiosity.normalize import EmaStdScale as EmaStdScale
from .curiosity.normalize import ReturnStdScale as ReturnStdScale
from .curiosity.particles.apt import AptConfig as AptConfig
from .curiosity.particles.re3 import Re3Config as Re3Config
from .curiosity.prediction_error import ErrorConfig as ErrorConfig
from .curiosity.prediction_error import PredictionError as PredictionError
from .curiosity.prediction_error import (
    PredictionErrorConfig as PredictionErrorConfig,
)
from .curiosity.progress.config import DeltaProgressConfig as DeltaProgressConfig
from .curiosity.progress.config import GammaProgressConfig as GammaProgressConfig
from .curiosity.progress.frozen_features import ChangeOfFeatures as ChangeOfFeatures
from .curiosity.progress.frozen_features import (
    ChangeOfFeaturesConfig as ChangeOfFeaturesConfig,
)
from .curiosity.progress.frozen_features import FeaturesThemselves as FeaturesThemselves
from .curiosity.progress.frozen_features import (
    FeaturesThemselvesConfig as FeaturesThemselvesConfig,
)
from .curiosity.progress.kept_carry import KeptCarry as KeptCarry
from .curiosity.progress.object_features import (
    ChangeOfObjectsConfig as ChangeOfObjectsConfig,
)
from .curiosity.progress.object_features import (
    ObjectsThemselvesConfig as ObjectsThemselvesConfig,
)
from .curiosity.progress.old_weights import GeometricMean as GeometricMean
from .curiosity.progress.old_weights import OldWeights as OldWeights
from .curiosity.progress.old_weights import StepsAgo as StepsAgo
from .curiosity.progress.own_loss import OwnLoss as OwnLoss
from .curiosity.progress.own_loss import OwnLossConfig as OwnLossConfig
from .curiosity.progress.own_model import OwnModelConfig as OwnModelConfig
from .curiosity.progress.progress import Progress as Progress
from .curiosity.progress.yardstick import Measured as Measured
from .curiosity.progress.yardstick import Yardstick as Yardstick
from .curiosity.progress.yardstick import YardstickConfig as YardstickConfig
from .curiosity.rnd import RandomNetworkDistillation as RandomNetworkDistillation
from .curiosity.rnd import RndConfig as RndConfig
from .curiosity.scored import Learning as Learning
from .curiosity.scored import Scored as Scored
from .curiosity.sight import FramesConfig as FramesConfig
from .curiosity.sight import NumbersConfig as NumbersConfig
from .curiosity.signal import Curiosity as Curiosity
from .curiosity.signal import CuriosityConfig as CuriosityConfig
from .curiosity.signal import IntrinsicReward as IntrinsicReward
from .curiosity.signal import Signal as Signal
from .curiosity.signal import Surroundings as Surroundings
from .curiosity.signals import SignalConfig as SignalConfig
from .curiosity.weighted_sum import WeightedConfig as WeightedConfig
from .curiosity.weighted_sum import WeightedSum as WeightedSum
from .curiosity.weighted_sum import WeightedSumConfig as WeightedSumConfig
from .experience import Experience as Experience
from .expert import Expert as Expert
from .off_policy.agent import OffPolicyAgent as OffPolicyAgent
from .off_policy.build import OffPolicyAgentConfig as OffPolicyAgentConfig
from .off_policy.study import StudyConfig as StudyConfig
from .player import Player as Player
from .policy.actor_critic import ActorCritic as ActorCritic
from .policy.advantages import continuing_advantage as continuing_advantage
from .policy.advantages import episodic_advantage as episodic_advantage
from .policy.dqn import DqnConfig as DqnConfig
from .policy.off_policy import Lessons as Lessons
from .policy.off_policy import OffPolicy as OffPolicy
from .policy.off_policy import OffPolicyConfig as OffPolicyConfig
from .policy.off_policy import PolicyLoss as PolicyLoss
from .policy.ppo import PpoConfig as PpoConfig
from .policy.ppo import RewardStream as RewardStream
from .policy.wanderer import DwellConfig as DwellConfig
from .policy.wanderer import UniformConfig as UniformConfig
from .ppo.actor import Actor as Actor
from .ppo.actor import ActorPolicy as ActorPolicy
from .ppo.agent import PpoAgent as PpoAgent
from .ppo.build import PpoAgentConfig as PpoAgentConfig
from .ppo.build import ReplayConfig as ReplayConfig
from .ppo.cloning import Cloning as Cloning
from .ppo.replaying import Replaying as Replaying
from .proportion import wilson_interval as wilson_interval
from .random_seeker import RandomSeeker as RandomSeeker
from .seeking import Seeker as Seeker
from .seeking import Sought as Sought
from .seeking import seek as seek
from .trajectories import rollout as rollout
