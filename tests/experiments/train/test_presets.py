import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.object_features import ChangeOfObjectsConfig
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.own_model import OwnModelConfig
from agents.curiosity.rnd import RndConfig
from agents.off_policy.build import OffPolicyAgentConfig
from agents.policy.dqn import DqnConfig
from envs.atari.native import AtariConfig
from envs.tiles.key_door import KeyDoorConfig
from experiments.config.json import from_json, to_json
from experiments.train.command import COMMAND
from experiments.train.presets import CHOICES, from_choices, train_config
from experiments.train.size import SIZES
from experiments.train.tables import CURIOSITY
from experiments.train.task import build_agent
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.refusal import ConfigError
from tests.experiments.train.ppo_agents import ppo_agent
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.history import HistoryConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import LatentDynamicsConfig
from world_models.objects.latents import ObjectLatentsConfig
from world_models.presets import jepa_objects

_ENCODER: dict[str, Any] = {"nature": NatureConfig, "impala": ImpalaConfig}
NAMES = {choice.name: list(choice.table.rows) for choice in CHOICES}
_OTHERS = ("pretrained", "vector", "heading", "objects", "object-latents")
# what some parts are parts of
_APART = {
    "eyes": {"policy": "dqn"},
    "measured-encoder": {"measured": "jepa-vicreg"},
    "signal-encoder": {"curiosity": "rnd"},
}
_EYES = ("NatureConfig", "ImpalaConfig", "PatchConfig")
_OF_PIXELS = [x for x in NAMES["encoder"] if x not in _OTHERS]


def test_every_name_on_offer_makes_a_config_that_can_be_written() -> None:
    default = {x.name: x.default for x in CHOICES if x.default is not None}
    for part, names in NAMES.items():
        for name in names:
            chosen = {**default, **_APART.get(part, {}), part: name}
            config = from_choices(chosen)
            assert from_json(to_json(config)) == config


def test_presets_are_what_they_are_called() -> None:
    config = train_config("byol-explore")
    assert isinstance(config.world, AtariConfig)
    assert isinstance(config.agent.core, RecurrentConfig)
    assert isinstance(config.model, LatentDynamicsConfig)
    assert isinstance(config.curiosity, PredictionErrorConfig)
    config = train_config("rnd", core="frame-stack", world="key-door")
    assert isinstance(config.world, KeyDoorConfig)
    assert isinstance(config.agent.core, FrameStackConfig)
    assert isinstance(config.curiosity, RndConfig)
    assert config.model is None
    for name, kind in (
        ("gamma-progress", GammaProgressConfig),
        ("delta-progress", DeltaProgressConfig),
    ):
        config = train_config(name, yardstick="own-loss")
        assert isinstance(config.model, LatentDynamicsConfig)
        assert config.model.name == "byol-explore"
        assert isinstance(config.curiosity, kind)
        assert config.curiosity.yardstick == OwnLossConfig()
    curiosity = train_config(yardstick="own-loss").curiosity  # no signal is named
    assert curiosity == GammaProgressConfig(yardstick=OwnLossConfig())
    config = train_config("ppo")
    assert (config.model, config.curiosity) == (None, None)
    config = train_config("ppo", model="byol-explore", curiosity="rnd")
    assert isinstance(config.model, LatentDynamicsConfig)
    assert isinstance(config.curiosity, RndConfig)


def test_progress_may_be_measured_on_a_model_of_its_own() -> None:
    """It sees and remembers as the agent does, unless it is said how."""
    config = train_config("gamma-progress", measured="jepa-vicreg", encoder="patch")
    assert isinstance(config.curiosity, GammaProgressConfig)
    own = config.curiosity.model
    assert own is not None
    assert isinstance(config.model, LatentDynamicsConfig)
    assert config.model.name == "byol-explore"
    assert isinstance(own.model, LatentDynamicsConfig)
    assert own.model.name == "jepa-vicreg"
    assert (own.encoder, own.core) == (config.agent.encoder, config.agent.core)
    read = COMMAND.read(
        [
            *("delta-progress", "--world", "attention", "--model", "grouped"),
            *("--encoder", "objects", "--core", "history", "--policy", "dqn"),
            *("--eyes", "vector", "--yardstick", "object-change"),
            *("--measured", "jepa-objects", "--measured-encoder", "object-latents"),
            *("--curiosity.model.encoder.size", "8"),
            *("--curiosity.model.core.num-rows", "3"),
        ]
    )
    assert isinstance(read.curiosity, DeltaProgressConfig)
    assert read.curiosity.yardstick == ChangeOfObjectsConfig()
    assert read.curiosity.model == OwnModelConfig(
        jepa_objects(), ObjectLatentsConfig(size=8), HistoryConfig(3)
    )
    assert from_json(to_json(read)) == read
    curiosity = train_config(measured="spr").curiosity  # no signal is named
    assert isinstance(curiosity, GammaProgressConfig)


@pytest.mark.parametrize("name", list(CURIOSITY.rows))
def test_signals_see_as_they_are_told_and_are_as_large_as_before(name: str) -> None:
    """Every encoder in a config, wherever it stands, but those of world models."""
    plain = train_config("byol-explore", curiosity=name)
    before = encoders_in(to_json(plain)["curiosity"])
    if not before:
        with pytest.raises(ConfigError, match="signals with networks of their own"):
            train_config("byol-explore", curiosity=name, signal_encoder="impala")
        return
    config = train_config("byol-explore", curiosity=name, signal_encoder="impala")
    after = encoders_in(to_json(config)["curiosity"])
    assert after.keys() == before.keys()
    for path, encoder in after.items():
        assert encoder["type"] == "ssl_objectives.encoders.cnn:ImpalaConfig"
        assert encoder["size"] == before[path]["size"]
    same = replace(config, curiosity=plain.curiosity)
    assert same == plain


@pytest.mark.parametrize("name", list(CURIOSITY.rows))
def test_signals_read_the_vector_where_they_are_told(name: str) -> None:
    """No encoder of frames is left, but those of yardsticks, which read both."""
    plain = train_config("byol-explore", curiosity=name)
    old = to_json(plain)["curiosity"]
    reads = any("yardstick" not in x for x in encoders_in(old))
    if not reads and "counts" not in name:
        with pytest.raises(ConfigError, match="signals with networks of their own"):
            train_config("byol-explore", curiosity=name, signal_encoder="vector")
        return
    config = train_config("byol-explore", curiosity=name, signal_encoder="vector")
    after = to_json(config)["curiosity"]
    assert not encoders_in(after)
    assert from_json(to_json(config)) == config
    assert replace(config, curiosity=plain.curiosity) == plain
    if "counts" in name:
        assert after["sight"]["type"] == "agents.curiosity.sight:NumbersConfig"


def encoders_in(node: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(node, dict):
        return {}
    found = {path: node} if str(node.get("type", "")).endswith(_EYES) else {}
    for name, value in node.items():
        found |= encoders_in(value, f"{path}.{name}")
    return found


def test_also_the_second_signal_sees_as_it_is_told() -> None:
    config = train_config("ppo", also="rnd", signal_encoder="patch")
    [second] = config.also
    assert isinstance(second.curiosity, RndConfig)
    assert second.curiosity.encoder == PatchConfig(512)


def test_curiosity_outlives_episodes_and_the_reward_does_not() -> None:
    for size in NAMES["size"]:
        agent = train_config(size=size).agent
        assert (agent.extrinsic.episodic, agent.intrinsic.episodic) == (True, False)


def test_encoders_follow_the_size_unless_named() -> None:
    assert isinstance(train_config(size="laptop").agent.encoder, NatureConfig)
    assert isinstance(train_config(size="gpu").agent.encoder, ImpalaConfig)
    for name, kind in {"nature": NatureConfig, "patch": PatchConfig}.items():
        encoder = train_config(size="gpu", encoder=name).agent.encoder
        assert isinstance(encoder, kind)
        assert encoder == kind(size=512)


def test_the_dial_makes_runs_larger() -> None:
    sizes = [train_config(size=x) for x in NAMES["size"]]
    for quantity in ("num_envs", "env_steps", "checkpoint_every"):
        values = [getattr(x, quantity) for x in sizes]
        assert values == sorted(set(values)), quantity


def test_the_dial_sets_what_it_says() -> None:
    """Each number of a size arrives, also where the config has a default for it."""
    for size in NAMES["size"]:
        scale = SIZES.make(size)
        config = train_config(size=size)
        steps = ("env_steps", "checkpoint_every", "evaluate_every", "video_steps")
        for quantity in ("num_envs", *steps):
            assert getattr(config, quantity) == getattr(scale, quantity), quantity
        assert ppo_agent(config).ppo == scale.ppo
        assert isinstance(config.agent.core, RecurrentConfig)
        assert config.agent.core.size == scale.belief
        assert isinstance(config.model, LatentDynamicsConfig)
        assert config.model.horizon == scale.horizon
        assert isinstance(config.curiosity, PredictionErrorConfig)
        assert config.curiosity.ema_decay == scale.reward_decay
        assert config.agent.encoder == _ENCODER[scale.encoder](size=scale.latent)
        rnd = train_config("rnd", size).curiosity
        assert isinstance(rnd, RndConfig)
        assert rnd.size == scale.latent


def test_worlds_that_a_gpu_draws_are_thousands() -> None:
    for world in NAMES["world"]:
        many = world in ("pixel-maze", "key-door")
        assert (train_config(size="gpu", world=world).num_envs == 4096) is many
        assert train_config(size="laptop", world=world).num_envs < 100


@pytest.mark.parametrize("size", NAMES["size"])
@pytest.mark.parametrize("world", NAMES["world"])
def test_defaults_fit_together(size: str, world: str) -> None:
    config = train_config("byol-explore", size, world)
    ppo = ppo_agent(config).ppo
    assert config.num_envs % ppo.num_minibatches == 0
    assert isinstance(config.model, LatentDynamicsConfig)
    assert config.model.horizon - 1 <= ppo.num_steps
    assert config.env_steps >= 10 * ppo.num_steps * config.num_envs
    # Dimensions that are equal hide mistakes about which is which.
    minibatch = config.num_envs // ppo.num_minibatches
    assert len({ppo.num_steps, config.num_envs, minibatch, config.model.horizon}) >= 3
    assert ppo.num_steps != config.num_envs


@pytest.mark.parametrize("preset", NAMES["preset"])
@pytest.mark.parametrize(
    ("core", "encoder"),
    [("history", "nature"), *product(["recurrent", "frame-stack"], _OF_PIXELS)],
)
def test_every_agent_learns_at_debug_size(preset: str, core: str, encoder: str) -> None:
    config = train_config(preset, "debug", "key-door", core, encoder)
    ppo = replace(ppo_agent(config).ppo, num_steps=5)
    config = replace(config, num_envs=2, agent=replace(ppo_agent(config), ppo=ppo))
    if isinstance(config.curiosity, RndConfig):
        config = replace(config, curiosity=replace(config.curiosity, warm_up_steps=2))
    if isinstance(config.curiosity, GammaProgressConfig):
        config = replace(config, curiosity=replace(config.curiosity, gamma=0.9))
    trained = build_agent(config)
    try:
        trained.begin()
        metrics = trained.train_step().metrics
    finally:
        trained.env.close()
    played = 2 * 2 if preset == "rnd" else 0
    assert trained.env_steps == 10 + played
    assert all(bool(torch.isfinite(x)) for x in metrics.values())


def test_a_history_of_latents_stacks_no_frames_to_compare() -> None:
    with pytest.raises(ConfigError, match="take --core recurrent or frame-stack"):
        train_config(core="history", encoder="change")


@pytest.mark.parametrize("part", sorted(NAMES))
def test_unknown_names_are_refused_with_a_suggestion(part: str) -> None:
    wrong = NAMES[part][0] + "x"
    with pytest.raises(
        ConfigError, match=re.escape(f"Did you mean {NAMES[part][0]!r}?")
    ):
        train_config(**{part.replace("-", "_"): wrong})


PARTS_OF_MY_OWN = """
from dataclasses import dataclass, field

from world_models.cores.recurrent import RecurrentConfig
from agents.curiosity.prediction_error import PredictionErrorConfig
from envs.counting import CountingConfig
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from world_models.presets import byol_explore

world = CountingConfig()
encoder = NatureConfig(size=33)
curiosity = PredictionErrorConfig(ema_decay=0.75)
core = RecurrentConfig(size=19, num_frames=2)

def model():
    return byol_explore(horizon=3)

@dataclass  # need not be frozen
class objective:
    weight: float = 2.0

    def build(self, sizes):
        return ByolConfig().build(sizes)

@dataclass(frozen=True)
class Closed:
    def build(self, belief):
        return byol_explore().build(belief)

@dataclass(frozen=True)
class Empty:
    pass
"""


def test_parts_of_ones_own(importable: Callable[[str, str], Path]) -> None:
    importable("own_parts", PARTS_OF_MY_OWN)
    kinds = ("world", "core", "encoder", "model", "objective", "curiosity")
    config = train_config(**{x: f"own_parts:{x}" for x in kinds})
    assert type(config.world).__name__ == "CountingConfig"
    assert config.agent.encoder == NatureConfig(size=33)
    assert config.agent.core == RecurrentConfig(size=19, num_frames=2)
    assert isinstance(config.model, LatentDynamicsConfig)
    assert config.model.horizon == 3
    assert type(config.model.objective).__module__ == "own_parts"
    assert config.curiosity == PredictionErrorConfig(ema_decay=0.75)
    assert from_json(to_json(config)) == config
    with pytest.raises(ConfigError, match="no 'modle' in 'own_parts'"):
        train_config(model="own_parts:modle")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"world": "own_parts:encoder"},
            r"is no world. .*build\(self, num_envs, device\)",
        ),
        (
            {"encoder": "own_parts:world"},
            r"is no encoder. .*build\(self, image_shape\)",
        ),
        ({"encoder": "own_parts:Closed"}, "is no encoder"),
        ({"objective": "own_parts:model"}, "is no objective"),
        ({"model": "own_parts:curiosity"}, r"is no model. .*build\(self, belief\)"),
        ({"curiosity": "own_parts:Empty"}, "is no curiosity"),
        (
            {"core": "own_parts:Empty"},
            "latent_size, action_size.*, and num_frames: see world_models.cores.core",
        ),
        ({"eyes": "nature"}, "leave --eyes out, or add --policy dqn"),
        (
            {"policy": "own_parts:encoder"},
            r"is no policy. .*build\(self, spec, begin\)",
        ),
        ({"objective": "byol", "preset": "rnd"}, "--objective is a world model's"),
        (
            {"yardstick": "change", "curiosity": "rnd"},
            "--yardstick and --measured say .*: add --curiosity gamma-progress",
        ),
        ({"measured": "spr", "curiosity": "none"}, "or leave them out"),
        ({"measured": "none", "preset": "gamma-progress"}, "there is no 'none'"),
        ({"measured": "own_parts:curiosity"}, r"is no measured. .*build\(self, belief"),
        (
            {"signal_encoder": "patch", "curiosity": "exact-counts"},
            "there is none: add --curiosity rnd, or leave it out",
        ),
        ({"signal_encoder": "pach"}, "there is no 'pach'. Did you mean 'patch'"),
        ({"measured_encoder": "patch"}, "say which, --measured jepa-vicreg, or leave"),
        (
            {"yardstick": "own_parts:encoder", "preset": "gamma-progress"},
            r"is no yardstick. .*build\(self, surroundings, model\)",
        ),
        (
            {"objective": "byol", "model": "own_parts:Closed"},
            "Closed brings its own and takes no other",
        ),
    ],
)
def test_parts_that_cannot_stand_there_are_refused(
    importable: Callable[[str, str], Path], chosen: dict[str, str], message: str
) -> None:
    importable("own_parts", PARTS_OF_MY_OWN)
    with pytest.raises(ConfigError, match=message):
        train_config(**chosen)


def apart(**chosen: str) -> OffPolicyAgentConfig:
    agent = train_config(**chosen).agent
    assert isinstance(agent, OffPolicyAgentConfig)
    return agent


def test_a_policy_apart_has_eyes_and_a_memory_of_its_own() -> None:
    agent = apart(policy="dqn", size="laptop")
    assert isinstance(agent.policy, DqnConfig)
    assert isinstance(agent.core, RecurrentConfig)
    assert isinstance(agent.policy.core, FrameStackConfig)
    assert agent.encoder == agent.policy.encoder == NatureConfig(size=512)
    assert agent.study == SIZES.make("laptop").off_policy.study
    agent = apart(policy="dqn", core="recurrent", encoder="patch", eyes="impala")
    assert isinstance(agent.policy, DqnConfig)
    assert isinstance(agent.core, RecurrentConfig)
    assert isinstance(agent.policy.core, RecurrentConfig)
    assert agent.encoder == PatchConfig(size=512)
    assert agent.policy.encoder == ImpalaConfig(size=512)
    agent = apart(policy="dqn", encoder="change", eyes="nature")
    assert isinstance(agent.policy, DqnConfig)
    assert (agent.core.num_frames, agent.policy.core.num_frames) == (2, 4)
    agent = apart(policy="dqn", eyes="change")
    assert isinstance(agent.policy, DqnConfig)
    assert (agent.core.num_frames, agent.policy.core.num_frames) == (1, 2)


@pytest.mark.parametrize("eyes", ["vector", "heading", "objects", "object-latents"])
def test_nobody_stacks_frames_that_nobody_reads(eyes: str) -> None:
    agent = apart(policy="dqn", encoder=eyes, core="frame-stack")
    assert isinstance(agent.policy, DqnConfig)
    assert (agent.core.num_frames, agent.policy.core.num_frames) == (1, 1)


def test_the_dial_sets_what_policies_apart_learn_from() -> None:
    for size in NAMES["size"]:
        scale = SIZES.make(size).off_policy
        for policy in ("dqn", "random", "dwell"):
            config = train_config(size=size, policy=policy)
            agent = config.agent
            assert isinstance(agent, OffPolicyAgentConfig)
            assert (config.num_envs, config.env_steps) == (
                scale.num_envs,
                scale.env_steps,
            )
            assert (agent.num_steps, agent.study) == (scale.num_steps, scale.study)
        dqn = apart(size=size, policy="dqn").policy
        assert isinstance(dqn, DqnConfig)
        assert dqn.batch == scale.study.batch
        assert dqn.updates_per_rollout == scale.study.updates_per_rollout
        # rollouts behind the start, each with that many updates
        assert scale.env_steps > 2 * scale.study.learning_starts


def test_flags_that_slow_learning_name_every_rate() -> None:
    slower = {x: train_config(policy=x).agent.slower for x in NAMES["policy"]}
    assert slower == {
        "ppo": "--agent.ppo.learning-rate 5e-05",
        "dqn": "--agent.study.learning-rate 0.0002 --agent.policy.learning-rate 0.0002",
        "random": "--agent.study.learning-rate 0.0002",
        "dwell": "--agent.study.learning-rate 0.0002",
    }


def test_eyes_for_numbers_stack_no_frames() -> None:
    agent = apart(policy="dqn", eyes="vector")
    assert isinstance(agent.policy, DqnConfig)
    assert agent.policy.core == FrameStackConfig(1)
    agent = apart(policy="dqn", encoder="vector", core="frame-stack", eyes="nature")
    assert isinstance(agent.policy, DqnConfig)
    assert agent.core == FrameStackConfig(1)
    assert agent.policy.core == FrameStackConfig(4)
