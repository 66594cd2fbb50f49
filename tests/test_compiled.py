"""Compiled paths, without shape hooks: `pytest -m compiled -p no:jaxtyping`."""

from collections.abc import Iterator

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.policy.ppo import PpoConfig
from agents.ppo.build import PpoAgentConfig
from envs.counting import CountingConfig
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from world_models.presets import byol_explore

pytestmark = pytest.mark.compiled


@pytest.fixture(params=[1, 2])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads")
def test_compiled_training_equals_eager_training() -> None:
    """Two train steps of BYOL-Explore, compiled and not, agree to float32 accuracy.

    With two threads, chunks of images are compiled and run side by side.
    """
    metrics = []
    for compiled in (False, True):
        config = PpoAgentConfig(
            encoder=NatureConfig(size=24, precision=Precision.FLOAT32),
            ppo=PpoConfig(num_steps=9, num_epochs=1, num_minibatches=2),
            compile=compiled,
        )
        env = CountingConfig().build(6, "cpu")
        model = byol_explore(horizon=3)
        agent = config.build(env, model, PredictionErrorConfig(), seed=0)
        agent.begin()
        for _ in range(2):
            report = agent.train_step()
        metrics.append(report.metrics)
        names = set(agent.modules.state_dict())
        assert not any("_orig_mod" in name for name in names)
    eager, fast = metrics
    for name, value in eager.items():
        torch.testing.assert_close(fast[name], value, rtol=1e-3, atol=1e-4)
