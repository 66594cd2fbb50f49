"""Compiled paths, without shape hooks: `pytest -m compiled -p no:jaxtyping`."""

from collections.abc import Iterator

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.policy.ppo import PpoConfig
from agents.ppo.build import PpoAgentConfig
from envs.counting import CountingConfig
from ssl_objectives.compiling import compile_whole
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.zoo import ZOO
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


@pytest.mark.parametrize("config", [NatureConfig(), ImpalaConfig(), SmallCnnConfig()])
def test_an_encoders_body_is_one_graph(config: EncoderConfig) -> None:
    """Also where it is a chain of torch's own layers."""
    torch._dynamo.reset()
    graphs = CompileCounter()
    body = config.build((3, 64, 64)).body
    compile_whole(body, backend=graphs)
    body(torch.zeros(2, 3, 64, 64))
    assert graphs.frame_count == 1


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's own, tracing
def test_a_compiled_pretrainer_equals_an_eager_one() -> None:
    """Encoder, projector, predictor and target; names of weights stay as they are."""
    found = []
    for compiled in (False, True):
        pixels = torch.arange(24 * 256).view(24, 1, 16, 16).remainder(251).byte()
        made = Pretrainer(
            ZOO["byol"],
            ImpalaConfig(24, (4, 6, 8), Precision.FLOAT32),
            ArrayImages(pixels),
            None,
            Shuffled(24, 24, 0),
            AdamWConfig(),
            steps=4,
            device=torch.device("cpu"),
            seed=0,
            compiled=compiled,
        )
        losses = [float(made.step()["pretrain/loss"]) for _ in range(3)]
        found.append((losses, list(made.branches.state_dict())))
    assert found[0][1] == found[1][1]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-3)
