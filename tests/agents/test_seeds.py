"""No two runs share a stream of random numbers."""

import torch

from agents.policy.ppo import PpoConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from agents.seeds import Seeds
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.cnn import PatchConfig
from world_models.cores.frame_stack import FrameStackConfig

B = 8


def test_no_stream_of_a_run_is_that_of_another() -> None:
    """Nor is one of its own streams another, in 201 neighbouring runs."""
    streams = [stream for seed in range(201) for stream in Seeds.of(seed)]
    assert len(set(streams)) == len(streams) == 201 * len(Seeds._fields)
    assert all(0 <= x < 2**31 for x in streams)
    # a run that goes on in new worlds does not meet those of before, or of another
    resumed = [Seeds.resumed(seed, steps) for seed in range(50) for steps in (64, 128)]
    assert len(set(resumed)) == 100
    assert not set(resumed) & set(streams)


def test_a_seed_gives_the_same_streams_again() -> None:
    assert Seeds.of(7) == Seeds.of(7) != Seeds.of(8)
    assert Seeds.resumed(7, 64) == Seeds.resumed(7, 64) != Seeds.resumed(7, 65)


def test_processes_have_worlds_of_their_own_and_share_all_else() -> None:
    every = [Seeds.of(seed, process) for seed in range(20) for process in range(4)]
    assert len({x.worlds for x in every}) == len(every)
    assert all(0 <= x.worlds < 2**31 for x in every)
    for seed, process in ((3, 1), (3, 2)):
        alone, own = Seeds.of(seed), Seeds.of(seed, process)
        assert own._replace(worlds=alone.worlds) == alone == Seeds.of(seed, 0)
    resumed = {Seeds.resumed(3, steps, p) for steps in (64, 128) for p in range(4)}
    assert len(resumed) == 8
    assert not resumed & {x.worlds for x in every}


def build(seed: int) -> PpoAgent:
    config = PpoAgentConfig(
        encoder=PatchConfig(16),
        core=FrameStackConfig(1),
        ppo=PpoConfig(num_steps=12, num_minibatches=4, num_epochs=1),
    )
    env = KeyDoorConfig(varied_layouts=True).build(B, "cpu")
    return config.build(env, None, None, seed)


def test_agents_of_other_seeds_differ_in_worlds_actions_and_minibatches() -> None:
    """Also where all weights are the same, so that nothing differs because of them."""
    drawn = []
    for seed in (3, 4, 3):
        agent = build(seed)
        agent.modules.load_state_dict(build(0).modules.state_dict())
        agent.begin()
        assert agent.collector.row is not None
        worlds = agent.collector.row.obs
        actions = agent.collector.collect()[0].traj.action
        drawn.append((worlds, actions, torch.stack([*agent._minibatches()])))
    one, other, again = drawn
    for a, b, c in zip(one, other, again, strict=True):
        assert not torch.equal(a, b)
        assert torch.equal(a, c)


def test_initial_weights_are_drawn_apart_from_all_that_is_drawn_later() -> None:
    one, other, again = (build(x).modules.state_dict() for x in (3, 4, 3))
    assert all(torch.equal(x, again[name]) for name, x in one.items())
    name = "actor.model.encoder.head.weight"
    assert not torch.equal(one[name], other[name])
