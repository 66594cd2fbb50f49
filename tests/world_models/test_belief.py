"""Beliefs and carries, against one-row-at-a-time versions."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from envs.vector_env import ContinuousActions, DiscreteActions
from ssl_objectives.encoders.cnn import NatureConfig, nature_cnn
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from world_models.actions import embedding_of
from world_models.belief import BeliefModel, Carry, build_belief
from world_models.cores.frame_stack import FeedForwardCore
from world_models.cores.recurrent import RecurrentConfig, RecurrentCore
from world_models.trajectory import Trajectory

R, B, C, H, W = 9, 3, 1, 40, 44


def rows(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    obs = torch.randint(0, 256, (R, B, C, H, W), generator=generator)
    first = torch.rand(R, B, generator=generator) < 0.3
    first[0] = torch.tensor([True, False, False])
    action = torch.randint(0, 5, (R - 1, B), generator=generator)
    return obs.to(torch.uint8), first, action


def model(num_frames: int, recurrent: bool) -> BeliefModel:
    torch.manual_seed(0)
    shape = (num_frames * C, H, W)
    encoder = Encoder(nature_cnn(shape[0]), shape, 24, Precision.FLOAT32)
    embedding = embedding_of(DiscreteActions(5), 6)
    core = RecurrentCore(24, 6, 17) if recurrent else FeedForwardCore(24)
    return BeliefModel(encoder, core, embedding, num_frames)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("num_frames", [1, 3])
def test_a_sequence_equals_its_rows_one_by_one(
    generator: torch.Generator, recurrent: bool, num_frames: int
) -> None:
    obs, first, action = rows(generator)
    belief = model(num_frames, recurrent)
    start = belief.start(B).acted(torch.tensor([4, 2, 3]))
    start = Carry(
        torch.randint_like(start.frames, 256),
        torch.randn_like(start.memory),
        start.action,
    )
    whole = belief.observe(obs, action, first, start)
    carry = start
    for t in range(R):
        one = belief.observe(obs[t : t + 1], action[:0], first[t : t + 1], carry)
        torch.testing.assert_close(one.belief[0], whole.belief[t], rtol=1e-4, atol=1e-5)
        carry = one.carry.acted(action[t]) if t < R - 1 else one.carry
    torch.testing.assert_close(carry.memory, whole.carry.memory, rtol=1e-4, atol=1e-5)
    assert torch.equal(carry.frames, whole.carry.frames)


@pytest.mark.parametrize("recurrent", [False, True])
def test_nothing_passes_a_first_row(
    generator: torch.Generator, recurrent: bool
) -> None:
    """Beliefs from a first row on do not depend on anything before it."""
    obs, first, action = rows(generator)
    first[4] = True
    belief = model(3, recurrent)
    full = belief.observe(obs, action, first, belief.start(B))
    fresh = belief.observe(obs[4:], action[4:], first[4:], belief.start(B))
    torch.testing.assert_close(full.belief[4:], fresh.belief, rtol=1e-4, atol=1e-5)


def test_previous_action_and_memory_matter_inside_an_episode(
    generator: torch.Generator,
) -> None:
    obs, first, action = rows(generator)
    first[:] = False
    belief = model(1, recurrent=True)
    one = belief.observe(obs, action, first, belief.start(B))
    other = belief.observe(obs, (action + 1) % 5, first, belief.start(B))
    assert torch.equal(one.belief[0], other.belief[0])
    assert not torch.allclose(one.belief[1], other.belief[1])


def test_recurrent_core_is_torchs_gru(generator: torch.Generator) -> None:
    core = RecurrentCore(5, 2, 7)
    reference = torch.nn.GRU(7, 7)
    cell = core.cell
    reference.load_state_dict(
        {
            "weight_ih_l0": cell.from_input.weight,
            "weight_hh_l0": cell.from_memory.weight,
            "bias_ih_l0": cell.from_input.bias,
            "bias_hh_l0": cell.from_memory.bias,
        }
    )
    latent = torch.randn(6, 3, 5, generator=generator)
    action = torch.randn(6, 3, 2, generator=generator)
    memory = torch.randn(3, 7, generator=generator)
    first = torch.zeros(6, 3, dtype=torch.bool)
    got, last = core(latent, action, first, memory)
    want, end = reference(torch.cat([latent, action], -1), memory[None])
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(last, end[0])


@pytest.mark.parametrize("num_frames", [1, 3])
def test_configs_make_the_belief_model_they_describe(num_frames: int) -> None:
    belief = build_belief(
        NatureConfig(size=24),
        RecurrentConfig(17, num_frames),
        (2, H, W),
        DiscreteActions(5),
        action_size=6,
    )
    assert belief.num_frames == num_frames
    assert belief.encoder.image_shape == (2 * num_frames, H, W)
    assert belief.start(B).frames.shape == (num_frames - 1, B, 2, H, W)
    assert (belief.encoder.size, belief.size) == (24, 17)
    table = belief.embedding(torch.arange(5))
    assert table.shape == (5, 6)
    assert isinstance(belief.core, RecurrentCore)
    assert belief.core.cell.from_input.in_features == 24 + 6


def test_an_embedding_has_as_many_rows_or_inputs_as_there_are_actions() -> None:
    table = embedding_of(DiscreteActions(5), 6)
    assert table.state_dict()["table.weight"].shape == (5, 6)
    linear = embedding_of(ContinuousActions((-1.0,) * 4, (1.0,) * 4), 6)
    assert linear.state_dict()["linear.weight"].shape == (6, 4)


def trajectory(generator: torch.Generator, vector_size: int = 0) -> Trajectory:
    obs, first, action = rows(generator)
    no = torch.zeros(R - 1, B, dtype=torch.bool)
    vector = 5 * torch.randn(R, B, vector_size, generator=generator) + 3
    return Trajectory(
        action,
        torch.zeros(R - 1, B),
        no,
        no,
        obs,
        first,
        vector=vector if vector_size else None,
    )


def same_carry(one: Carry, two: Carry) -> None:
    assert torch.equal(one.frames, two.frames)
    assert torch.equal(one.action, two.action)
    torch.testing.assert_close(one.memory, two.memory, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cut", [1, 3, R - 2])
def test_along_a_trajectory_the_carry_leads_into_the_next(
    generator: torch.Generator, cut: int
) -> None:
    """Two parts, one behind the other, are the whole."""
    belief, traj = model(3, recurrent=True), trajectory(generator)
    start = belief.start(B).acted(torch.tensor([4, 2, 3]))
    whole = belief.along(traj, start)
    assert whole.belief.shape == (R - 1, B, belief.size)
    one = belief.along(traj.steps(0, cut), start)
    assert torch.equal(one.carry.action, traj.action[cut - 1])
    two = belief.along(traj.steps(cut, R - 1), one.carry)
    both = torch.cat([one.belief, two.belief])
    torch.testing.assert_close(both, whole.belief, rtol=1e-4, atol=1e-5)
    same_carry(two.carry, whole.carry)


def test_throughout_has_the_last_row_too(generator: torch.Generator) -> None:
    belief, traj = model(3, recurrent=True), trajectory(generator)
    start = belief.start(B)
    along, whole = belief.along(traj, start), belief.throughout(traj, start)
    torch.testing.assert_close(whole.belief[:-1], along.belief, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(whole.latent[:-1], along.latent, rtol=1e-4, atol=1e-5)
    last = belief.observe(traj.obs[-1:], traj.action[:0], traj.first[-1:], along.carry)
    torch.testing.assert_close(whole.belief[-1], last.belief[0], rtol=1e-4, atol=1e-5)
    same_carry(whole.carry.acted(traj.action[-1]), last.carry.acted(traj.action[-1]))


def with_vector(vector_size: int) -> BeliefModel:
    torch.manual_seed(0)
    return build_belief(
        NatureConfig(size=24, precision=Precision.FLOAT32),
        RecurrentConfig(17),
        (C, H, W),
        DiscreteActions(5),
        action_size=6,
        vector_size=vector_size,
    )


def test_a_vector_observation_reaches_the_belief_beside_the_latent(
    generator: torch.Generator,
) -> None:
    belief, traj = with_vector(4), trajectory(generator, 4)
    assert isinstance(belief.core, RecurrentCore)
    assert belief.core.cell.from_input.in_features == 24 + 32 + 6
    start = belief.start(B)
    seen = belief.along(traj, start)
    assert traj.vector is not None
    moved = traj.vector.clone()
    moved[3, 1] += 1
    other = belief.along(replace(traj, vector=moved), start)
    assert torch.equal(seen.latent, other.latent)
    changed = (seen.belief != other.belief).any(-1)
    assert changed[3, 1]
    assert not changed[:3].any()
    assert not changed[:, [0, 2]].any()
    for blind in (replace(traj, vector=None), trajectory(generator)):
        with pytest.raises(ValueError, match="reads a vector besides pixels"):
            belief.along(blind, start)


def test_beliefs_follow_the_moments_of_the_vector_only_when_told(
    generator: torch.Generator,
) -> None:
    belief, traj = with_vector(4), trajectory(generator, 4)
    start = belief.start(B)
    before = belief.along(traj, start).belief
    assert torch.equal(belief.along(traj, start).belief, before)
    belief.follow(traj)
    assert belief.vector_input is not None
    assert traj.vector is not None
    # row 0 is the last one of the rollout before, and was counted there
    assert belief.vector_input.moments.count == (R - 1) * B
    mean = traj.vector[1:].flatten(0, 1).mean(0)
    torch.testing.assert_close(belief.vector_input.moments.mean.float(), mean)
    assert not torch.allclose(belief.along(traj, start).belief, before, atol=1e-2)
    model(1, recurrent=True).follow(traj)  # one that reads none has nothing to follow
