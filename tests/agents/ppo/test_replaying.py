"""Replay through the agent: what is stored, what comes back, and what it trains."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from agents.ppo.agent import PpoAgent
from agents.ppo.build import ReplayConfig
from envs.counting import decode
from tests.agents.coded import SMALL, B, T, coded_agent
from world_models.belief import Carry
from world_models.model_loss import ModelLoss
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory

MODEL = byol_explore(horizon=4, predictor=LatentHeadConfig(13))
COEFF = 3.0


def replaying(**changes: Any) -> PpoAgent:
    replay = ReplayConfig(capacity=3, updates_per_rollout=5, burn_in=2)
    return coded_agent(
        replace(SMALL, replay=replace(replay, **changes), model_coeff=COEFF), MODEL
    )


def test_rollouts_are_kept_with_the_carry_they_began_with() -> None:
    agent = replaying()
    assert agent.replay is not None
    agent.train_step()
    for slot in (1, 2):
        carry = agent.collector.carry
        assert carry.memory.any()
        assert carry.action.any()
        agent.train_step()
        column = torch.full((B,), slot)
        begin = torch.zeros(B, dtype=torch.int64)
        kept = agent.replay.buffer.window(column, torch.arange(B), begin, T)
        torch.testing.assert_close(kept.carry.memory, carry.memory)
        assert torch.equal(kept.carry.action, carry.action)
        assert decode(kept.traj.obs[0]).env.tolist() == list(range(B))


def test_replayed_updates_see_all_rollouts_and_weigh_like_fresh_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = replaying()
    model = agent.world_model
    assert model is not None
    assert model.target is not None
    network, loss, step = model.target.network, model.loss, agent.learner.step
    shown: list[Trajectory] = []
    given: list[ModelLoss] = []

    def spied(traj: Trajectory, carry: Carry, burn_in: int) -> ModelLoss:
        assert burn_in == 2
        shown.append(traj)
        given.append(loss(traj, carry, burn_in=burn_in))
        return given[-1]

    def stepped(total: torch.Tensor, *losses: ModelLoss) -> None:
        before = [p.clone() for p in network.parameters()]
        step(total, *losses)
        pairs = zip(network.parameters(), before, strict=True)
        assert all(not torch.equal(now, was) for now, was in pairs)
        if given and losses[0] is given[-1]:
            torch.testing.assert_close(total, COEFF * losses[0].mean())

    agent.learner.step = stepped  # type: ignore[method-assign]
    starts = []
    for _ in range(3):
        starts.append(begins(agent))
        agent.train_step()
    monkeypatch.setattr(model, "loss", spied)
    starts = [*starts[1:], begins(agent)]
    agent.train_step()
    assert len(shown) == 5
    columns = torch.cat([torch.stack(decode(x.obs[0]), 1) for x in shown]).tolist()
    found = [sum(tuple(c) in s for c in columns) for s in starts]
    assert sum(found) == len(columns) == 5 * B // 3
    assert all(found)  # every rollout that is kept has been drawn


def begins(agent: PpoAgent) -> set[tuple[int, ...]]:
    """Env, episode and step of the rows in which the next rollout begins."""
    row = agent.collector.row
    assert row is not None
    return {tuple(x) for x in torch.stack(decode(row.obs), 1).tolist()}
