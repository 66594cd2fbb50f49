"""Off-policy agents in worlds that show which row it is."""

from typing import Any

from agents.off_policy.agent import OffPolicyAgent
from agents.off_policy.build import OffPolicyAgentConfig
from agents.off_policy.study import StudyConfig
from envs.counting import CountingConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.agents.lock import dqn
from world_models.cores.recurrent import RecurrentConfig

COUNTED = PatchConfig(8, precision=Precision.FLOAT32)
T = 9


def counting(policy: Any = None, curiosity: Any = None, **parts: Any) -> OffPolicyAgent:
    """In the counting world, whose frames say where they are from; begun."""
    model, also = parts.pop("model", None), parts.pop("also", ())
    study = StudyConfig(capacity=3, learning_starts=40, updates_per_rollout=1, batch=4)
    usual: dict[str, Any] = {
        "encoder": COUNTED,
        "core": RecurrentConfig(5),
        "policy": policy or dqn(encoder=COUNTED),
        "study": study,
        "num_steps": T,
    }
    config = OffPolicyAgentConfig(**(usual | parts))
    env = CountingConfig().build(4, "cpu")
    agent = config.build(env, model, curiosity, 3, also, 300)
    agent.begin()
    return agent
