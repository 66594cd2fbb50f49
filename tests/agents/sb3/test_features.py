"""Our encoders in SB3's policies: exactly theirs, at their pace, never drawn anew."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.preprocessing import preprocess_obs
from stable_baselines3.common.vec_env import VecFrameStack
from torch import nn

from agents.sb3.features import EncoderFeatures
from agents.sb3.worlds import WorldVecEnv
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.refusal import ConfigError

SHAPE = (3, 24, 18)


@cache
def trained() -> Encoder:
    """Weights that nobody would draw, and a batch norm that has seen something."""
    torch.manual_seed(3)
    encoder = ResNetConfig(4, precision=Precision.FLOAT32).build(SHAPE)
    for x in encoder.parameters():
        nn.init.normal_(x, std=0.2)
    encoder.train()
    encoder(images(16))
    return encoder.eval()


def images(count: int, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(256, (count, *shape), dtype=torch.uint8, generator=generator)


def room() -> WorldVecEnv:
    config = KeyDoorConfig(size=5, max_episode_steps=6)
    return WorldVecEnv(config.build(2, "cpu"))


def eyes_for(envs: WorldVecEnv) -> Encoder:
    shape = envs.observation_space.shape
    assert shape is not None
    torch.manual_seed(5)
    channels, height, width = shape
    encoder = PatchConfig(6, 5, 4, precision=Precision.FLOAT32).build(
        (channels, height, width)
    )
    for x in encoder.parameters():
        nn.init.normal_(x, std=0.3)
    return encoder


def box(shape: tuple[int, ...]) -> spaces.Box:
    return spaces.Box(0, 255, shape, np.uint8)


@pytest.mark.parametrize("normalized", [True, False])
def test_features_are_the_encoders_latents_to_the_bit(normalized: bool) -> None:
    space, encoder = box(SHAPE), trained()
    features = EncoderFeatures(space, encoder, scaled=normalized)
    assert features.features_dim == encoder.size
    seen = preprocess_obs(images(7), space, normalize_images=normalized)
    assert isinstance(seen, torch.Tensor)
    assert torch.equal(features(seen), encoder(images(7)))


def test_stacks_are_encoded_frame_by_frame_the_oldest_first() -> None:
    space, encoder = box((9, 24, 18)), trained()
    features = EncoderFeatures(space, encoder)
    stacked = images(4, (9, 24, 18))
    expected = torch.cat(
        [encoder(stacked[:, 3 * i : 3 * i + 3]) for i in range(3)], dim=1
    )
    seen = preprocess_obs(stacked, space)
    assert isinstance(seen, torch.Tensor)
    assert features.features_dim == 3 * encoder.size
    assert torch.equal(features(seen), expected)


def test_what_is_shown_beside_images_lies_behind_them() -> None:
    vector = spaces.Box(-1, 1, (4,), np.float32)
    space = spaces.Dict({"image": box(SHAPE), "vector": vector})
    encoder = trained()
    features = EncoderFeatures(space, encoder)
    beside = torch.linspace(-1, 1, 12).view(3, 4)
    seen = preprocess_obs({"image": images(3), "vector": beside}, space)
    found = features(seen)
    assert features.features_dim == encoder.size + 4
    assert torch.equal(found, torch.cat([encoder(images(3)), beside], 1))


def test_the_order_of_a_dictionary_tells_nothing() -> None:
    """Whoever asks a policy may name what is shown in any order."""
    vector = spaces.Box(-1, 1, (2,), np.float32)
    space = spaces.Dict({"a": vector, "image": box(SHAPE), "z": vector})
    features = EncoderFeatures(space, trained())
    a, z = torch.ones(3, 2), torch.zeros(3, 2)
    seen = images(3) / 255
    expected = torch.cat([trained()(images(3)), a, z], 1)
    assert torch.equal(features({"a": a, "image": seen, "z": z}), expected)
    assert torch.equal(features({"z": z, "image": seen, "a": a}), expected)


def weights(encoder: nn.Module) -> dict[str, torch.Tensor]:
    return {key: x.clone() for key, x in encoder.state_dict().items()}


def inside(model: Any) -> EncoderFeatures:
    found: EncoderFeatures = getattr(model.policy, "features_extractor", None) or (
        model.policy.q_net.features_extractor
    )
    assert isinstance(found, EncoderFeatures)
    return found


MODELS: dict[str, Callable[..., Any]] = {
    "ppo": lambda envs, **kw: PPO("CnnPolicy", envs, 1e-3, 8, 8, 1, **kw),
    "a2c": lambda envs, **kw: A2C("CnnPolicy", envs, n_steps=8, **kw),
    "dqn": lambda envs, **kw: DQN(
        "CnnPolicy", envs, 1e-3, 200, 8, 8, train_freq=2, **kw
    ),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rate", [0.0, 0.1, 1.0])
def test_weights_are_kept_then_frozen_or_tuned(name: str, rate: float) -> None:
    """SB3 draws linear and convolutional weights anew; not those that were learned."""
    envs = room()
    encoder = eyes_for(envs)
    before = weights(encoder)
    policy = EncoderFeatures.policy(encoder, rate)
    model = MODELS[name](envs, policy_kwargs=policy, seed=0, device="cpu")
    mine = inside(model).encoder
    for key, x in before.items():
        assert torch.equal(mine.state_dict()[key], x), key
    model.learn(32)
    after = mine.state_dict()
    equal = [torch.equal(after[key], x) for key, x in before.items()]
    assert not any(equal) if rate else all(equal)
    for key, x in before.items():
        assert torch.equal(encoder.state_dict()[key], x), "the user's own changed"
    if name == "dqn":
        target = model.policy.q_net_target.features_extractor.encoder
        assert target is not mine


def test_further_keywords_of_a_policy_go_before_ours() -> None:
    own: dict[str, Any] = {"optimizer_class": torch.optim.SGD, "net_arch": [7]}
    told = EncoderFeatures.policy(trained(), 0.5, **own)
    assert {key: told[key] for key in own} == own
    assert told["features_extractor_kwargs"]["rate"] == 0.5


def test_a_frozen_encoder_stays_in_evaluation_mode() -> None:
    features = EncoderFeatures(box(SHAPE), trained())
    features.train()
    seen = images(3).float() / 255
    assert torch.equal(features(seen), trained()(images(3)))
    assert not any(x.requires_grad for x in features.parameters())
    again = EncoderFeatures(box(SHAPE), features.encoder, rate=1.0)
    assert all(x.requires_grad for x in again.parameters())
    assert again.encoder.training
    assert features.encoder.frozen


def test_the_pace_survives_a_schedule_of_sb3() -> None:
    """Adam's first step moves each weight by its rate, whatever the gradient is."""
    for rate in (0.01, 0.5):
        envs = room()
        policy = EncoderFeatures.policy(eyes_for(envs), rate)
        model = PPO(
            "CnnPolicy",
            envs,
            lambda left: 1e-3 * left,
            n_steps=8,
            batch_size=16,
            n_epochs=1,
            max_grad_norm=1e9,
            seed=0,
            device="cpu",
            policy_kwargs=policy,
        )
        before = weights(inside(model).encoder)
        heads = weights(model.policy.action_net)
        model.learn(32)  # two steps: SB3's rate is 5e-4, and 0 behind it
        assert moved(before, inside(model).encoder) == pytest.approx(
            rate * 5e-4, rel=0.02
        )
        assert moved(heads, model.policy.action_net) == pytest.approx(5e-4, rel=0.02)
        assert {x["lr"] for x in model.policy.optimizer.param_groups} == {0.0}


def moved(before: dict[str, torch.Tensor], after: nn.Module) -> float:
    """How far the weight that moved most is from where it was."""
    now = after.state_dict()
    return max(float((now[key] - x).abs().max()) for key, x in before.items())


def test_it_is_saved_and_loaded_with_the_model(tmp_path: Path) -> None:
    envs = VecFrameStack(room(), 2)
    policy = EncoderFeatures.policy(eyes_for(room()), 0.1)
    model = PPO(
        "CnnPolicy", envs, 1e-3, 8, 8, 1, seed=0, device="cpu", policy_kwargs=policy
    )
    model.learn(16)
    model.save(tmp_path / "model")
    again = PPO.load(tmp_path / "model", env=envs, device="cpu")
    seen = images(3, envs.observation_space.shape or ())
    kept, loaded = inside(model), inside(again)
    assert torch.equal(loaded(seen / 255), kept(seen / 255))
    assert [x["pace"] for x in again.policy.optimizer.param_groups] == [0.1, 1.0]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Box(-1, 1, (4,), np.float32), "sees images of bytes"),
        (box((3, 24, 24)), r"takes images of shape \(3, 24, 18\).*show \(3, 24, 24\)"),
        (box((4, 24, 18)), r"show \(4, 24, 18\)"),
        (box((1, 24, 18)), r"show \(1, 24, 18\)"),
    ],
)
def test_what_it_cannot_see_is_refused(
    space: gymnasium.Space[Any], message: str
) -> None:
    encoder = PatchConfig(5, 4, 6, precision=Precision.FLOAT32).build(SHAPE)
    with pytest.raises(ConfigError, match=message):
        EncoderFeatures(space, encoder)


@pytest.mark.parametrize("rate", [-1.0, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """As it is asked for, and not when the policy is made."""
    with pytest.raises(ConfigError, match="share of the policy's: 0 keeps it"):
        EncoderFeatures.policy(trained(), rate)
    with pytest.raises(ConfigError, match=f"cannot be {rate}"):
        EncoderFeatures(box(SHAPE), trained(), rate)
