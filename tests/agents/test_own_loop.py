"""Signals in a loop that is not ours: `Scored.from_rollout`, as a reader would."""

import jaxtyping
import pytest
import torch
from torch import Tensor

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Surroundings
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import EnvSpec
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.belief import build_belief
from world_models.context import Context
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

T, B, K = 10, 6, 3
PATCHES = PatchConfig(16, precision=Precision.FLOAT32)


def rollouts(count: int) -> tuple[EnvSpec, list[tuple[Tensor, Tensor, Tensor]]]:
    """Random play: frames, actions and first rows, one rollout behind the other."""
    env = KeyDoorConfig(max_episode_steps=8, varied_layouts=True).build(B, "cpu")
    generator = torch.Generator().manual_seed(1)
    row, found = env.reset(0), []
    for _ in range(count):
        rows, actions = [row], []
        for _ in range(T):
            actions.append(torch.randint(0, 5, (B,), generator=generator))
            row = env.step(actions[-1])
            rows.append(row)
        obs, first = (
            torch.stack([getattr(x, k) for x in rows]) for k in ("obs", "first")
        )
        found.append((obs, torch.stack(actions), first))
    return env.spec, found


def small_model(spec: EnvSpec) -> LatentDynamics:
    torch.manual_seed(0)
    belief = build_belief(PATCHES, RecurrentConfig(17), spec.obs_shape, spec.actions, 6)
    return byol_explore(K, predictor=LatentHeadConfig(13)).build(belief)


def test_rnd_in_ten_lines() -> None:
    spec, played = rollouts(8)
    torch.manual_seed(1)  # how soon all is known depends on the two networks
    signal = RndConfig(PATCHES, size=8, share=1.0).build(
        Surroundings(spec, 17, 16, 0.9)
    )
    optimizer = torch.optim.Adam(signal.predictor.parameters(), 3e-3)
    generator, means = torch.Generator().manual_seed(0), []
    signal.warm_up(played[0][0])
    for obs, action, first in 20 * played:
        scored = Scored.from_rollout(obs, action, first)
        with torch.no_grad():
            paid = signal.reward(scored)
        learning = Learning(scored.traj, scored.experience.carry, generator)
        optimizer.zero_grad()
        signal.loss(learning).mean().backward()
        optimizer.step()
        means.append(paid.raw[scored.valid].mean().item())
    assert paid.reward.shape == (T, B)
    assert not paid.reward[first[1:]].any()
    assert sum(means[-8:]) < 0.5 * sum(means[:8])  # what is known pays less


def test_prediction_error_in_ten_lines() -> None:
    spec, played = rollouts(8)
    model = small_model(spec)
    around = Surroundings(spec, 17, 16, 0.9, model)
    signal = PredictionErrorConfig(prioritize=False).build(around)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    carry, means = model.start(B), []
    for obs, action, first in 5 * played:
        scored = Scored.from_rollout(obs, action, first, model, carry)
        paid = signal.reward(scored)
        loss = model.loss(scored.traj, carry)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        model.after_update(loss)
        carry = scored.experience.end
        means.append(paid.raw[scored.valid].mean().item())
    assert not paid.reward[first[1:]].any()
    assert sum(means[-8:]) < 0.5 * sum(means[:8])


def test_a_context_carries_predictions_across_the_seam() -> None:
    """Ours, made by hand: the reward is that of both rollouts as one."""
    spec, [one, two] = rollouts(2)
    model = small_model(spec)
    start = model.start(B)
    before = Scored.from_rollout(*one, model, start, overlap=K - 1)
    tail = before.traj.steps(T - K + 1, T)
    with torch.no_grad():
        split = model.belief.along(before.traj.steps(0, T - K + 1), start).carry
    end = before.experience.end
    context = Context(tail, split)
    after = Scored.from_rollout(*two, model, end, context, overlap=K - 1)
    obs, first = (torch.cat([one[i][:-1], two[i]]) for i in (0, 2))
    action = torch.cat([one[1], two[1]])
    whole = Scored.from_rollout(obs, action, first, model, start)
    got, want = after.known.arrival(), whole.known.arrival()[T:]
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
    blind = Scored.from_rollout(*two, model, end).known.arrival()
    assert not torch.allclose(blind[0], want[0], rtol=1e-2)


def test_what_is_no_rollout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # readers run without the checks of shapes that tests have
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    _, [(obs, action, first)] = rollouts(1)
    wrong = {
        "obs must be uint8 .* make bytes": (obs.float() / 255, action, first),
        "obs must be uint8": (obs[:, :, 0], action, first),
        "first must be bool .* a row for each": (obs, action, first[1:]),
        "first must be bool": (obs, action, first.to(torch.uint8)),
        "time first|first must be": (obs.transpose(0, 1), action, first),
        "action must be int64": (obs, torch.cat([action, action[:1]]), first),
        "action must be .* not torch.float32": (obs, action.float(), first),
    }
    for message, given in wrong.items():
        with pytest.raises(ValueError, match=message):
            Scored.from_rollout(*given)
    Scored.from_rollout(obs, action, first)


def test_rewards_keep_no_graph_even_where_gradient_is_on() -> None:
    spec, played = rollouts(2)
    signal = RndConfig(PATCHES, size=8).build(Surroundings(spec, 17, 16, 0.9))
    for rollout in played:
        paid = signal.reward(Scored.from_rollout(*rollout))
        assert not paid.raw.requires_grad
        assert not paid.reward.requires_grad
    assert not any(x.requires_grad for x in signal.buffers())
