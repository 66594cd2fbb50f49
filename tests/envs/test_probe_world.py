import torch
from torch import Tensor

from envs.check import check_env, random_action
from envs.native_env import NativeVectorEnv
from envs.vector_env import Step
from tests.envs.probe_world import LONGEST, SHORTEST, ProbeConfig, ProbeWorld


def probes(num: int) -> NativeVectorEnv:
    return ProbeConfig().build(num, "cpu")


def test_contract() -> None:
    check_env(lambda: probes(6))


def test_rows_show_the_action_within_its_bounds(generator: torch.Generator) -> None:
    env = probes(5)
    row = env.reset(seed=1)
    for _ in range(60):
        action = 3 * torch.randn(5, 2, generator=generator)
        before, row = row, env.step(action)
        ahead = ~row.first
        held = action.clamp(-1, 1)
        low, high = torch.tensor([-0.5, 0.0]), torch.tensor([0.5, 3.0])
        applied = low + (held + 1) / 2 * (high - low)
        torch.testing.assert_close(row.facts["applied"][ahead], applied[ahead])
        way = (before.facts["place"] + held).clamp(-4, 4)
        torch.testing.assert_close(row.facts["place"][ahead], way[ahead])
        assert row.vector is not None
        torch.testing.assert_close(row.vector[ahead, 2], applied[ahead, 1])
        bright = (255 * (applied[:, 1] / 3)).byte()
        difference = row.obs[:, 3, 0, 0].int() - bright.int()
        assert difference[ahead].abs().max() <= 1  # a rounding
        away = 4 * row.vector[:, :2].norm(dim=1)
        torch.testing.assert_close(row.reward[ahead], -away[ahead] / 8)


def lengths(env: NativeVectorEnv, steered: bool) -> tuple[list[int], float, float]:
    """Lengths of episodes, the share that terminated, and the mean reward."""
    generator = torch.Generator().manual_seed(0)

    def act(row: Step) -> Tensor:
        assert row.vector is not None
        return 4 * row.vector[:, :2] if steered else random_action(env, generator)

    row, found, terminated, rewards = env.reset(seed=0), [], 0, []
    for _ in range(200):
        row = env.step(act(row))
        ended = row.terminated | row.truncated
        found += row.facts["step"][ended].tolist()
        terminated += int(row.terminated.sum())
        rewards.append(row.reward[~row.first])
    return found, terminated / len(found), float(torch.cat(rewards).mean())


def test_who_reads_the_dials_reaches_the_target_and_who_draws_seldom_does() -> None:
    by_chance, reached, reward = lengths(probes(8), steered=False)
    assert min(by_chance) >= SHORTEST
    assert max(by_chance) <= LONGEST
    assert 0.1 < reached < 0.9  # both ends occur
    steered, all_reached, better = lengths(probes(8), steered=True)
    assert all_reached == 1
    assert set(steered) == {SHORTEST}
    assert better > reward + 0.1


def test_nothing_is_drawn_during_an_episode() -> None:
    """Two states that differ in the stream alone go on alike until the end."""
    env, twin = probes(4), probes(4)
    env.reset(seed=2)
    state = env.state_dict()
    twin.reset(seed=3)
    stream = torch.Generator().manual_seed(99).get_state()
    twin.load_state_dict({**state, "generator": stream})
    for _ in range(SHORTEST):
        action = torch.full((4, 2), 0.3)
        assert torch.equal(env.step(action).obs, twin.step(action).obs)


def test_frames_have_five_channels_that_differ() -> None:
    env = probes(3)
    env.reset(seed=0)
    row = env.step(torch.tensor([0.5, -0.5]).expand(3, 2))
    assert row.obs.shape == (3, *ProbeWorld.obs_shape)
    assert row.vector is not None
    assert row.vector.shape == (3, 3)
    assert len({x.numpy().tobytes() for x in row.obs[0]}) == 5
