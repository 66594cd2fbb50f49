"""The TV: one action more, a picture that answers to it alone, and its controls."""

import pytest
import torch

from envs.noise.noisy_env import NoisyVectorEnv
from envs.noise.pictures import (
    ChannelsConfig,
    FreshPixelsConfig,
    NoPictureConfig,
    PictureConfig,
    StillConfig,
)
from envs.noise.tv import TvConfig
from envs.vector_env import ContinuousActions, DiscreteActions, Step
from tests.envs.noise.echo import echo

B, STEPS, TV, NO_OP = 6, 80, 4, 3


def play(
    config: TvConfig, generator: torch.Generator
) -> tuple[NoisyVectorEnv, torch.Tensor, list[Step]]:
    world = echo(B)
    env = NoisyVectorEnv(world, config.build(world.spec))
    chosen = torch.randint(5, (STEPS, B), generator=generator)
    return env, chosen, [env.reset(seed=1), *map(env.step, chosen)]


@pytest.mark.parametrize(
    ("picture", "changes"),
    [
        (FreshPixelsConfig(), True),
        (ChannelsConfig(3), True),
        (StillConfig(), False),
        (NoPictureConfig(), False),
    ],
)
def test_the_world_takes_the_action_for_its_no_op(
    picture: PictureConfig, changes: bool, generator: torch.Generator
) -> None:
    """And facts say who switched: never in rows of resets."""
    env, chosen, rows = play(TvConfig(picture, no_op=NO_OP), generator)
    assert env.spec.actions == DiscreteActions(5, ("a", "b", "c", "d", "tv"))
    ignored = 0
    for action, row in zip(chosen, rows[1:], strict=True):
        for i in range(B):
            if row.first[i]:
                ignored += int(action[i] == TV)
                assert row.facts["tv"][i] == row.facts["noise"][i] == 0
                continue
            did = NO_OP if action[i] == TV else action[i]
            assert row.facts["did"][i] == did
            assert row.facts["tv"][i] == (action[i] == TV)
            assert row.facts["noise"][i] == (changes and action[i] == TV)
    assert ignored > 0


def test_the_picture_answers_to_the_action_alone(generator: torch.Generator) -> None:
    """It covers the upper right quarter; around it the world is as it was."""
    _, _, rows = play(TvConfig(), generator)
    seen = torch.stack([x.obs for x in rows])
    tv = seen[:, :, :, :3, 4:].clone()
    seen[:, :, :, :3, 4:] = 100
    assert (seen == 100).all()
    changed = (tv[1:] != tv[:-1]).flatten(2).any(2)
    switched = torch.stack([x.facts["tv"] for x in rows[1:]]).bool()
    assert torch.equal(changed, switched)
    shown = torch.cat([tv[0], tv[1:][switched]]).flatten(1)
    assert len(shown.unique(dim=0)) == len(shown)  # by env and time
    mean, num = shown.float().mean(), shown.numel()
    assert abs(mean - 127.5) < 5 * (256**2 / 12 / num) ** 0.5
    assert shown.min() < 5
    assert shown.max() > 250


def test_a_few_channels_are_zapped_through(generator: torch.Generator) -> None:
    _, _, rows = play(TvConfig(ChannelsConfig(3)), generator)
    tv = torch.stack([x.obs for x in rows])[:, :, :, :3, 4:]
    assert len(tv.flatten(0, 1).flatten(1).unique(dim=0)) == 3
    switched = torch.stack([x.facts["tv"] for x in rows[1:]]).bool()
    stays = (tv[1:] == tv[:-1]).flatten(2).all(2)
    assert stays[~switched].all()
    assert not stays[switched].all()


def test_the_controls_show_one_picture_and_none(generator: torch.Generator) -> None:
    _, _, rows = play(TvConfig(StillConfig(seed=2)), generator)
    seen = torch.stack([x.obs for x in rows]).flatten(0, 1)
    assert len(seen.flatten(1).unique(dim=0)) == 1
    assert len(seen[0, :, :3, 4:].unique()) > 10
    _, _, rows = play(TvConfig(NoPictureConfig()), generator)
    assert (torch.stack([x.obs for x in rows]) == 100).all()


def test_it_stands_where_it_is_put() -> None:
    world = echo(1)
    config = TvConfig(height=0.34, width=0.25, top=1.0, left=0.5)
    row = NoisyVectorEnv(world, config.build(world.spec)).reset(seed=0)
    where = (row.obs[0] != 100).any(0).nonzero()
    assert where.min(0).values.tolist() == [4, 3]
    assert where.max(0).values.tolist() == [5, 4]
    tiny = TvConfig(height=0.0, width=0.0).build(world.spec)
    assert (NoisyVectorEnv(world, tiny).reset(seed=0).obs[0] != 100).any(0).sum() == 1


def test_refusals() -> None:
    world = echo(2)
    with pytest.raises(ValueError, match="no_op must be an action of the world, 0 … 3"):
        TvConfig(no_op=4).build(world.spec)
    with pytest.raises(ValueError, match="height must be 0 … 1, not 2"):
        TvConfig(height=2.0)
    with pytest.raises(ValueError, match="channels must be at least 2"):
        ChannelsConfig(1)
    with pytest.raises(ValueError, match="A TV asks which action was chosen"):
        TvConfig().build(echo(2, actions=ContinuousActions((-1.0,), (1.0,))).spec)
    one = NoisyVectorEnv(world, TvConfig().build(world.spec))
    with pytest.raises(ValueError, match="tells the fact 'tv' already"):
        NoisyVectorEnv(one, TvConfig().build(one.spec))
