"""A signal with an old copy of the world model, and a carry of its own."""

import torch

from agents.check.curiosity import check_curiosity
from agents.ppo.agent import PpoAgent
from ssl_objectives.methods.contrast.info_nce import InfoNceConfig
from tests.agents.progress import Progress, ProgressConfig
from tests.agents.resuming import goes_on_exactly
from tests.agents.small import B, K, small
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore, jepa_vicreg
from world_models.trajectory import Trajectory


def build(seed: int) -> PpoAgent:
    return small(
        seed, byol_explore(K, predictor=LatentHeadConfig(13)), ProgressConfig()
    )


def progress_of(agent: PpoAgent) -> Progress:
    signal = agent.signals["progress"].curiosity
    assert isinstance(signal, Progress)
    return signal


def test_it_keeps_the_contract() -> None:
    check_curiosity(ProgressConfig().build)


def test_it_trains_and_goes_on_exactly() -> None:
    agent = goes_on_exactly(build, 2)
    told = agent.train_step().metrics
    assert told["intrinsic/progress/raw_std"] > 0
    # a model that has just been trained on these worlds predicts better than it did
    late = [agent.train_step().metrics["intrinsic/progress/raw_mean"] for _ in range(8)]
    assert torch.stack(late).mean() > 0


def joined(parts: list[Trajectory]) -> Trajectory:
    """Consecutive rollouts as one: the last row of each is the first of the next."""

    def transitions(name: str) -> torch.Tensor:
        return torch.cat([getattr(x, name) for x in parts])

    def rows(name: str) -> torch.Tensor:
        each = [getattr(x, name) for x in parts]
        return torch.cat([*(x[:-1] for x in each[:-1]), each[-1]])

    return Trajectory(
        action=transitions("action"),
        reward=transitions("reward"),
        terminated=transitions("terminated"),
        truncated=transitions("truncated"),
        obs=rows("obs"),
        first=rows("first"),
    )


def test_the_old_model_sees_one_stream_without_seams() -> None:
    """Brute force: its loss on all rollouts as one trajectory, from the start."""
    agent = build(5)
    signal, model = progress_of(agent), agent.world_model
    assert model is not None
    with torch.no_grad():
        for p in signal.old.belief.parameters():
            p.mul_(0.5)  # unlike the model
    agent.begin()
    experiences = [agent.collector.collect()[0] for _ in range(4)]
    raw = []
    for experience in experiences:
        raw.append(signal.reward(agent._score(experience, describe=False)).raw)
    whole = joined([x.traj for x in experiences])
    start = model.start(B)
    target = model.targets(whole, start)
    with torch.no_grad():
        old = signal.old.loss(whole, start, target).arrival()
        new = model.loss(whole, start, target).arrival()
    want = (old - new).masked_fill(~whole.valid, 0.0)
    assert want.std() > 0.05
    torch.testing.assert_close(torch.cat(raw), want, rtol=1e-3, atol=1e-4)


def test_an_old_copy_is_no_part_of_what_is_trained() -> None:
    agent = build(5)
    old = {id(p) for p in progress_of(agent).old.parameters()}
    groups = agent.learner.descent.optimizer.param_groups
    assert not old & {id(p) for group in groups for p in group["params"]}
    model = agent.world_model
    assert model is not None
    assert not old & {id(p) for p in model.parameters()}


def test_a_copy_pays_as_it_is_older() -> None:
    """One that is the same at once pays next to nothing, one that stays behind much.

    Not nothing: the policy's memory at row 0 was made by the weights of before.
    """
    paid = []
    for decay in (0.0, 1.0):
        agent = small(
            5, byol_explore(K, predictor=LatentHeadConfig(13)), ProgressConfig(decay)
        )
        agent.begin()
        told = [agent.train_step().metrics for _ in range(3)]
        first, _, last = (x["intrinsic/progress/raw_std"] for x in told)
        assert first < 1e-6  # nothing was learned yet
        paid.append(last.item())
    assert paid[0] < 0.2 * paid[1]


def test_without_a_target_network_it_is_measured_by_the_models_latents() -> None:
    agent = small(5, jepa_vicreg(K, predictor=LatentHeadConfig(13)), ProgressConfig())
    agent.begin()
    told = [agent.train_step().metrics for _ in range(2)][-1]
    assert told["intrinsic/progress/raw_std"] > 0


def test_a_copy_compares_as_many_rows_as_the_model_does() -> None:
    """So one that is the same makes no progress, whatever the objective compares."""
    contrastive = jepa_vicreg(
        K, predictor=LatentHeadConfig(13), objective=InfoNceConfig()
    )
    agent = small(5, contrastive, ProgressConfig())
    agent.begin()
    for _ in range(3):
        experience, _ = agent.collector.collect()
        scored = agent._score(experience, describe=False)
        assert scored.known.arrival().std() > 0.05
        raw = progress_of(agent).reward(scored).raw
        torch.testing.assert_close(raw, 0 * raw, rtol=0.0, atol=1e-4)


def test_a_copys_own_targets_are_of_the_frames_it_remembers() -> None:
    """Row 1 of a rollout is stacked upon the last frame of the context."""
    core = RecurrentConfig(17, num_frames=3)
    agent = small(
        5, byol_explore(K, predictor=LatentHeadConfig(13)), ProgressConfig(), core=core
    )
    agent.begin()
    model = agent.world_model
    assert model is not None
    carry = model.start(B)
    for _ in range(3):
        experience, _ = agent.collector.collect()
        scored = agent._score(experience, describe=False)
        given, _ = scored.score(model, carry, scored.target)
        own, carry = scored.score(model, carry)
        torch.testing.assert_close(own.arrival(), given.arrival(), rtol=0.0, atol=1e-4)
