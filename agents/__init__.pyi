# Public names: for type checkers, and for `public_names` (ssl_objectives/face.py).

from agents.actor import Actor as Actor
from agents.build import AgentConfig as AgentConfig
from agents.build import ReplayConfig as ReplayConfig
from agents.check.curiosity import CuriosityContractError as CuriosityContractError
from agents.check.curiosity import check_curiosity as check_curiosity
from agents.curiosity.normalize import AboveMean as AboveMean
from agents.curiosity.normalize import EmaStdScale as EmaStdScale
from agents.curiosity.normalize import ReturnStdScale as ReturnStdScale
from agents.curiosity.normalize import RunningMoments as RunningMoments
from agents.curiosity.prediction_error import PredictionError as PredictionError
from agents.curiosity.prediction_error import (
    PredictionErrorConfig as PredictionErrorConfig,
)
from agents.curiosity.rnd import RandomNetworkDistillation as RandomNetworkDistillation
from agents.curiosity.rnd import RndConfig as RndConfig
from agents.curiosity.signal import Curiosity as Curiosity
from agents.curiosity.signal import CuriosityConfig as CuriosityConfig
from agents.curiosity.signal import IntrinsicReward as IntrinsicReward
from agents.curious_agent import CuriousAgent as CuriousAgent
from agents.experience import Experience as Experience
from agents.policy.actor_critic import ActorCritic as ActorCritic
from agents.policy.ppo import PpoConfig as PpoConfig
from agents.policy.ppo import RewardStream as RewardStream
from agents.policy.returns import continuing_advantage as continuing_advantage
from agents.policy.returns import episodic_advantage as episodic_advantage
