"""Random network distillation against loops over frames and pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agents.curiosity.normalize import ReturnStdScale
from agents.curiosity.rnd import RandomNetworkDistillation, RndConfig
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.sight import FrameSight
from agents.curiosity.signal import Surroundings
from envs.vector_env import DiscreteActions, EnvSpec
from ssl_objectives.encoders.cnn import NatureConfig, PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.shapes import rounds

T, B, C, H, W = 7, 4, 1, 5, 6
D = 9


def linear_signal(share: float = 0.25) -> RandomNetworkDistillation:
    """Linear networks, so that errors can be written out."""
    torch.manual_seed(0)

    def network() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(C * H * W, D))

    return RandomNetworkDistillation(
        network(),
        network(),
        FrameSight((C, H, W)),
        ReturnStdScale(B, 0.9),
        share,
        precision=Precision.FLOAT32,
    )


def frames(generator: torch.Generator, *batch: int) -> Tensor:
    drawn = torch.randint(0, 256, (*batch, C, H, W), generator=generator)
    return drawn.to(torch.uint8)


def scored(obs: Tensor) -> Scored:
    first = torch.zeros(T + 1, B, dtype=torch.bool)
    first[3, 2] = first[7, 0] = True
    return Scored.from_rollout(obs, torch.zeros(T, B, dtype=torch.int64), first)


def around(obs_shape: tuple[int, int, int], discount: float = 0.99) -> Surroundings:
    """Worlds with such frames, and no world model."""
    spec = EnvSpec(B, obs_shape, DiscreteActions(5), torch.device("cpu"))
    return Surroundings(spec, 17, 24, discount)


def naive_error(signal: RandomNetworkDistillation, frame: Tensor) -> float:
    """Whiten each pixel, clip, embed twice, mean of squares."""
    white = torch.zeros(1, C, H, W)
    for y in range(H):
        for x in range(W):
            mean = float(signal.pixels.mean[0, y, x])
            std = float(signal.pixels.std[0, y, x])
            scaled = (float(frame[0, y, x]) - mean) / max(std, 1e-3)
            white[0, 0, y, x] = min(max(scaled, -5.0), 5.0)
    with torch.no_grad():
        gap = signal.predictor(white) - signal.target(white)
    return sum(float(g) ** 2 for g in gap[0]) / D


def test_error_is_the_written_out_one(generator: torch.Generator) -> None:
    signal = linear_signal()
    signal.warm_up(frames(generator, 3, B) // 2)
    some = frames(generator, 13)
    got = signal.error(some)
    for error, frame in zip(got, some, strict=True):
        assert error.item() == pytest.approx(naive_error(signal, frame), rel=1e-4)


def test_pixels_are_whitened_one_by_one_and_clipped(
    generator: torch.Generator,
) -> None:
    signal = linear_signal()
    seen = frames(generator, 3, B)
    seen[..., 2, 3] = 200  # constant
    signal.warm_up(seen)
    flat = seen.flatten(0, 1).numpy()
    np.testing.assert_allclose(signal.pixels.mean, flat.mean(0))
    np.testing.assert_allclose(signal.pixels.std, flat.std(0), rtol=1e-6)
    white = signal.whiten(seen)
    assert (white[..., 2, 3] == 0).all()
    others = torch.ones(C, H, W, dtype=torch.bool)
    others[0, 2, 3] = False
    each = white.flatten(0, 1)[:, others]
    torch.testing.assert_close(each.mean(0), torch.zeros(29), atol=1e-5, rtol=0)
    torch.testing.assert_close(each.std(0, correction=0), torch.ones(29))
    new = seen[0, :1].clone()
    new[..., 2, 3] = 201  # one grey level where nothing ever happened
    assert signal.whiten(new)[..., 2, 3].item() == 5
    new[..., 2, 3] = 199
    assert signal.whiten(new)[..., 2, 3].item() == -5


def test_reward_is_the_error_where_a_transition_arrives(
    generator: torch.Generator,
) -> None:
    signal, obs = linear_signal(), frames(generator, T + 1, B)
    warm = frames(generator, 2, B)
    signal.warm_up(warm)
    rollout = scored(obs)
    with torch.no_grad():
        paid = signal.reward(rollout)
    # statistics: all frames of random play and all arrived at, first rows included
    seen = np.concatenate([warm.flatten(0, 1), obs[1:].flatten(0, 1)])
    assert signal.pixels.count.item() == len(seen)
    np.testing.assert_allclose(signal.pixels.mean, seen.mean(0))
    returns, running = [], [0.0] * B
    for t in range(T):
        for b in range(B):
            if rollout.traj.first[t + 1, b]:
                assert paid.raw[t, b] == paid.reward[t, b] == 0
                continue
            error = naive_error(signal, obs[t + 1, b])
            assert paid.raw[t, b].item() == pytest.approx(error, rel=1e-4)
            running[b] = 0.9 * running[b] + error
            returns.append(running[b])
    torch.testing.assert_close(
        paid.reward, paid.raw / float(np.std(returns)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(("share", "count"), [(0.25, 7), (1.0, 28), (0.001, 1)])
def test_distillation_takes_a_random_share_of_the_frames_arrived_at(
    generator: torch.Generator, share: float, count: int
) -> None:
    signal, obs = linear_signal(share), frames(generator, T + 1, B)
    signal.warm_up(obs)
    rollout = scored(obs)
    traj, carry = rollout.traj, rollout.experience.carry
    errors = {round(e, 5) for e in signal.error(obs[1:].flatten(0, 1)).tolist()}
    drawn = []
    for seed in (1, 2, 1):
        loss = signal.loss(Learning(traj, carry, torch.Generator().manual_seed(seed)))
        assert loss.per_sample is not None
        assert loss.per_sample.shape == (count,)
        assert loss.regularizer == 0
        drawn.append([round(e, 5) for e in loss.per_sample.tolist()])
        assert set(drawn[-1]) <= errors
        assert len(set(drawn[-1])) == count  # without replacement
    assert drawn[0] == drawn[2]
    assert drawn[0] != drawn[1]


def textures(generator: torch.Generator, count: int) -> Tensor:
    """Coarse random patterns of 36 x 40 pixels."""
    coarse = torch.randint(0, 2, (count, 1, 9, 10), generator=generator) * 255
    fine = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
    return fine.to(torch.uint8)


@pytest.mark.parametrize("encoder", [NatureConfig(), PatchConfig(patch=4)])
def test_error_falls_where_trained_and_stays_elsewhere(
    generator: torch.Generator, encoder: NatureConfig | PatchConfig
) -> None:
    torch.manual_seed(3)
    config = RndConfig(replace(encoder, precision=Precision.FLOAT32), size=24)
    signal = config.build(around((1, 36, 40)))
    known, unknown = textures(generator, 14), textures(generator, 14)
    signal.warm_up(known[None])
    signal.warm_up(unknown[None])
    with torch.no_grad():
        before, other = signal.error(known).mean(), signal.error(unknown).mean()
    assert 0.5 < before / other < 2
    optimizer = torch.optim.Adam(signal.predictor.parameters(), 2e-3)
    for _ in rounds(150):
        optimizer.zero_grad()
        signal.error(known).mean().backward()
        optimizer.step()
    with torch.no_grad():
        known_now, unknown_now = (
            signal.error(known).mean(),
            signal.error(unknown).mean(),
        )
    assert known_now < 0.15 * before
    assert unknown_now > 0.2 * other
    assert unknown_now > 1.8 * known_now


def test_config_is_carried_out() -> None:
    signal = RndConfig(size=24, share=0.5, warm_up_steps=9).build(
        around((1, 36, 44), 0.97)
    )
    assert signal.share == 0.5
    assert signal.warm_up_steps == 9
    assert signal.scale.discount == 0.97
    assert signal.scale.running.shape == (B,)
    assert signal.pixels.mean.shape == (1, 36, 44)
    assert not signal.needs_model
    assert not any(p.requires_grad for p in signal.target.parameters())
    assert all(p.requires_grad for p in signal.predictor.parameters())


def test_frames_too_small_for_the_encoder_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 30, 35\) are too small"):
        RndConfig().build(around((1, 30, 35)))
    RndConfig(PatchConfig(patch=5)).build(around((1, 30, 35)))
