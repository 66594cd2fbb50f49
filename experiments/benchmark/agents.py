"""What can be measured: the world alone, our agents, and parts of an encoder.

How our agents compare with Stable-Baselines3 is explained in `sb3_arm`.

All arms of the Atari suite use the same encoder, and the recurrent ones the same core:
`byol-explore` and `rnd` differ in where their reward comes from and in nothing else. In
both, PPO's gradient reaches the encoder, and both train for the same epochs. What they
do per update beside PPO: `rnd` runs two more Nature CNNs on the rollout and trains one
of them on a quarter of the rows; `byol-explore` runs its target encoder on the rollout
once, and its open loop over K = 8 steps from every row of every minibatch.
`gamma-progress` and `delta-progress` do the same and pay by what the model has learned:
old weights see each rollout, too, and frozen features are the yardstick of both.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from agents.collect import Collector, Happened
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import CuriosityConfig
from agents.experience import Experience
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from envs.vector_env import DiscreteActions, VectorEnv
from experiments.benchmark.config import ArmName
from experiments.benchmark.timing import Arm, Split, wait_for
from ssl_objectives.encoders.cnn import (
    ImpalaConfig,
    NatureConfig,
    PatchConfig,
    nature_cnn,
)
from ssl_objectives.encoders.encoder import Encoder, num_outputs
from ssl_objectives.encoders.precision import Precision
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig
from world_models.presets import byol_explore

OurEncoder = NatureConfig | ImpalaConfig | PatchConfig
NUM_FRAMES = 4
HORIZON = 8


ABOUT = {
    ArmName.PPO: "our PPO, 4 stacked frames",
    ArmName.PPO_RND: "our PPO + RND, 4 stacked frames",
    ArmName.RND: "our PPO + RND, recurrent",
    ArmName.BYOL_EXPLORE: f"our PPO + BYOL-Explore, recurrent, K = {HORIZON}",
    ArmName.GAMMA_PROGRESS: "the same model, paid by γ-Progress",
    ArmName.DELTA_PROGRESS: "the same model, paid by δ-Progress, δ = 1",
}
# of those that have BYOL-Explore's model; old weights are compared from the start
SIGNALS: Mapping[ArmName, CuriosityConfig] = {
    ArmName.BYOL_EXPLORE: PredictionErrorConfig(),
    ArmName.GAMMA_PROGRESS: GammaProgressConfig(warm_start=1, gamma=0.998),
    ArmName.DELTA_PROGRESS: DeltaProgressConfig(warm_start=1),
}


class WorldArm(Arm):
    """The world stepped with random actions: the limit of all agents in it."""

    about = "the world alone, random actions"

    def __init__(self, env: VectorEnv, num_steps: int, seed: int) -> None:
        self.name = ArmName.WORLD.value
        self.env, self.num_steps = env, num_steps
        self.units = env.spec.num_envs * num_steps
        self._generator = torch.Generator(env.spec.device).manual_seed(seed)
        env.reset(seed)

    def update(self) -> None:
        """As many steps as a rollout has."""
        spec = self.env.spec
        assert isinstance(spec.actions, DiscreteActions)
        actions = torch.randint(
            spec.actions.n,
            (self.num_steps, spec.num_envs),
            generator=self._generator,
            device=spec.device,
        )
        for action in actions:
            self.env.step(action)

    def close(self) -> None:
        """End the world."""
        self.env.close()


class AgentArm(Arm):
    """One of our agents, as `curious train` runs it."""

    def __init__(self, name: str, about: str, agent: PpoAgent) -> None:
        self.name, self.about = name, about
        self.agent = agent
        self._collector = _TimedCollector(agent.collector)
        agent.collector = self._collector
        self.units = agent.env.spec.num_envs * agent.ppo.num_steps
        trained = [p for p in agent.modules.parameters() if p.requires_grad]
        self.num_parameters = sum(p.numel() for p in trained)
        agent.begin()

    def update(self) -> Split:
        """Collect, be surprised, learn."""
        begin = time.perf_counter()
        self.agent.train_step()
        wait_for(self.agent.env.spec.device)
        seconds = time.perf_counter() - begin
        return Split(self._collector.seconds, seconds - self._collector.seconds)

    def close(self) -> None:
        """End the world."""
        self.agent.env.close()


class _TimedCollector(Collector):
    """The agent's own collector, with a clock around it."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(
            collector.env,
            collector.policy,
            collector.num_steps,
            collector.overlap,
        )
        self.seconds = 0.0

    def collect(self) -> tuple[Experience, Happened]:
        """Collect, and remember how long it took."""
        begin = time.perf_counter()
        collected = super().collect()
        wait_for(self.env.spec.device)
        self.seconds = time.perf_counter() - begin
        return collected


@dataclass(frozen=True)
class AgentArms:
    """Our agents for one world, with everything that they share."""

    agent: PpoAgentConfig
    make_env: Callable[[], VectorEnv]
    seed: int

    def build(self, name: ArmName) -> AgentArm:
        """Build one of them in worlds of its own."""
        stacked = name in (ArmName.PPO, ArmName.PPO_RND)
        core = FrameStackConfig(NUM_FRAMES) if stacked else RecurrentConfig()
        config = replace(self.agent, core=core)
        model: ModelConfig | None = None
        curiosity: CuriosityConfig | None = None
        if name in SIGNALS:
            model, curiosity = byol_explore(HORIZON), SIGNALS[name]
        elif name in (ArmName.RND, ArmName.PPO_RND):
            encoder = config.encoder
            assert isinstance(encoder, OurEncoder)
            curiosity = RndConfig(encoder, encoder.size)
        agent = config.build(self.make_env(), model, curiosity, self.seed)
        return AgentArm(name.value, ABOUT[name], agent)


class EncoderArm(Arm):
    """An encoder on one batch of images, forward alone or forward and backward."""

    unit = "images"

    def __init__(
        self,
        name: str,
        about: str,
        network: nn.Module,
        encode: Callable[[Tensor], Tensor],
        images: Tensor,
        backward: bool,
    ) -> None:
        self.name, self.about, self.units = name, about, len(images)
        self._network, self._encode = network, encode
        self._images, self._backward = images, backward
        self.num_parameters = sum(p.numel() for p in network.parameters())

    def update(self) -> None:
        """One batch."""
        with torch.set_grad_enabled(self._backward):
            latent = self._encode(self._images)
        if self._backward:
            self._network.zero_grad(set_to_none=True)
            latent.square().mean().backward()


def encoder_arms(
    config: OurEncoder, num_images: int, device: torch.device, seed: int
) -> Iterator[tuple[EncoderArm, str]]:
    """Each way to encode, with the name of the arm that it is compared with.

    `plain` is the Nature CNN as most code bases have it: channels first, float32, the
    whole batch at once. `whole` is our encoder on the whole batch, `chunks` our encoder
    as agents call it; on a GPU they are the same.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (num_images, NUM_FRAMES, 84, 84)
    images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    images = images.to(device)
    encoders = {
        Precision.FLOAT32: replace(config, precision=Precision.FLOAT32),
        Precision.BFLOAT16: replace(config, precision=Precision.BFLOAT16),
    }
    for backward in (False, True):
        what = "forward+backward" if backward else "forward"
        plain = _Plain(config.size).to(device)
        baseline = f"{what}, plain"
        about = "Nature CNN, float32, channels first, whole batch"
        arm = EncoderArm(baseline, about, plain, plain, images, backward)
        yield arm, baseline
        for precision, each in encoders.items():
            encoder = each.build(shape[1:]).to(device)

            def whole(images: Tensor, encoder: Encoder = encoder) -> Tensor:
                with encoder.precision.autocast(images.device):
                    maps = encoder.feature_map(images)
                    latent: Tensor = encoder.head(maps.permute(0, 2, 3, 1).flatten(1))
                return latent.float()

            for name, encode in (("whole", whole), ("chunks", encoder)):
                label = f"{what}, {precision.value}, {name}"
                about = f"{type(config).__name__}, {precision.value}, {name}"
                arm = EncoderArm(label, about, encoder, encode, images, backward)
                yield arm, baseline


class _Plain(nn.Module):
    """The Nature CNN without anything that makes it fast."""

    def __init__(self, size: int) -> None:
        super().__init__()
        body = nature_cnn(NUM_FRAMES)
        inputs = num_outputs(body, (NUM_FRAMES, 84, 84))
        self.layers = nn.Sequential(body, nn.Flatten(), nn.Linear(inputs, size))

    def forward(self, images: Tensor) -> Tensor:
        """Encode, dividing by 255 first."""
        latent: Tensor = self.layers(images.float() / 255)
        return latent
