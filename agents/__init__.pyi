# Public names: for type checkers, and for lazy_loader in `__init__.py`.

from .actor import Actor as Actor
from .build import AgentConfig as AgentConfig
from .build import ReplayConfig as ReplayConfig
from .check.curiosity import CuriosityContractError as CuriosityContractError
from .check.curiosity import check_curiosity as check_curiosity
from .curiosity.normalize import AboveMean as AboveMean
from .curiosity.normalize import EmaStdScale as EmaStdScale
from .curiosity.normalize import ReturnStdScale as ReturnStdScale
from .curiosity.normalize import RunningMoments as RunningMoments
from .curiosity.prediction_error import PredictionError as PredictionError
from .curiosity.prediction_error import (
    PredictionErrorConfig as PredictionErrorConfig,
)
from .curiosity.rnd import RandomNetworkDistillation as RandomNetworkDistillation
from .curiosity.rnd import RndConfig as RndConfig
from .curiosity.signal import Curiosity as Curiosity
from .curiosity.signal import CuriosityConfig as CuriosityConfig
from .curiosity.signal import IntrinsicReward as IntrinsicReward
from .curious_agent import CuriousAgent as CuriousAgent
from .policy.actor_critic import ActorCritic as ActorCritic
from .policy.advantages import continuing_advantage as continuing_advantage
from .policy.advantages import episodic_advantage as episodic_advantage
from .policy.ppo import PpoConfig as PpoConfig
from .policy.ppo import RewardStream as RewardStream
from .rollout import Rollout as Rollout
