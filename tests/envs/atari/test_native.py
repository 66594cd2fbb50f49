from dataclasses import fields, replace
from typing import Any

import ale_py
import cv2
import numpy as np
import pytest
import torch
import tyro

from envs.atari.emulator import EmulatedAtari
from envs.atari.native import AtariConfig, NativeAtari
from envs.atari.protocol import (
    ATARI_ARI,
    HINDSIGHT,
    MACHADO,
    RND_PAPER,
    AtariProtocol,
    NamedProtocol,
    find_game,
    list_games,
    rom_path,
)
from envs.atari.ram import AtariFact
from envs.check import check_env, random_action
from envs.seeds import env_seeds
from envs.vector_env import DiscreteActions, Step

SHORT = replace(MACHADO, max_frames=120)


def num_actions(env: NativeAtari | EmulatedAtari) -> int:
    assert isinstance(env.spec.actions, DiscreteActions)
    return env.spec.actions.n


def plain_ale(game: str, seed: int, sticky: float) -> Any:
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", sticky)
    ale.setInt("random_seed", seed)
    ale.loadROM(rom_path(game))
    ale.reset_game()
    return ale


@pytest.mark.parametrize(
    ("game", "protocol"),
    [
        ("Pong", SHORT),
        ("Breakout", replace(RND_PAPER, life_ends_episode=True, fire_on_reset=True)),
    ],
)
def test_contract(game: str, protocol: AtariProtocol) -> None:
    check_env(lambda: NativeAtari(game, protocol, num_envs=2), num_steps=65)


def test_frames_are_those_of_the_bare_emulator_under_the_recorded_actions(
    generator: torch.Generator,
) -> None:
    """Proof of the data path, past two truncations and a game over."""
    game, seed, num = "breakout", 11, 2
    protocol = replace(MACHADO, max_frames=602)
    env = NativeAtari(game, protocol, num)
    emulators = [plain_ale(game, int(s), 0.25) for s in env_seeds(seed, num)]
    row, counter = env.reset(seed=seed), [0] * num
    ends = {"terminated": 0, "truncated": 0}
    for _ in range(330):
        action = random_action(env, generator)
        row = env.step(action)
        for i, ale in enumerate(emulators):
            if row.first[i]:
                ale.reset_game()
                frames, reward, counter[i] = [ale.getScreenGrayscale()], 0, 0
            else:
                frames, reward = [], 0
                for _ in range(4):
                    reward += ale.act(int(action[i]))
                    frames.append(ale.getScreenGrayscale())
                    counter[i] += 1
                    if ale.game_over() or counter[i] == 602:
                        break
            assert ale.getEpisodeFrameNumber() == counter[i]
            assert row.reward[i] == reward
            assert row.terminated[i] == ale.game_over()
            assert row.truncated[i] == (counter[i] == 602 and not ale.game_over())
            if not (row.terminated[i] or row.truncated[i]):
                brightest = np.maximum(frames[-1], frames[-2 if frames[1:] else -1])
                small = cv2.resize(brightest, (84, 84), interpolation=cv2.INTER_AREA)
                assert np.array_equal(row.obs[i, 0].numpy(), small)
        for name in ends:
            ends[name] += int(getattr(row, name).sum())
    env.close()
    assert ends["terminated"] > 0
    assert ends["truncated"] > 0


def test_rewards_are_the_raw_score(generator: torch.Generator) -> None:
    env = NativeAtari("SpaceInvaders", MACHADO, num_envs=1)
    env.reset(seed=0)
    rewards = torch.stack(
        [env.step(random_action(env, generator)).reward for _ in range(200)]
    )
    env.close()
    assert set(rewards.unique().tolist()) <= {5.0 * i for i in range(13)}
    assert rewards.max() >= 5


def test_the_frame_limit_truncates() -> None:
    env = NativeAtari("Pong", replace(MACHADO, max_frames=40), num_envs=1)
    env.reset(seed=0)
    rows = [env.step(torch.zeros(1, dtype=torch.int64)) for _ in range(12)]
    env.close()
    assert [bool(r.truncated.all()) for r in rows] == [False] * 9 + [True, False, False]
    assert [bool(r.first.all()) for r in rows] == [False] * 10 + [True, False]
    assert not torch.stack([r.terminated for r in rows]).any()


def test_an_end_outside_the_mask_stays_pending() -> None:
    env = NativeAtari("Pong", replace(MACHADO, max_frames=8), num_envs=2)
    env.reset(seed=0)
    still = torch.zeros(2, dtype=torch.int64)
    env.step(still)
    assert env.step(still).truncated.all()
    row = env.reset(mask=torch.tensor([True, False]))
    assert row.first.tolist() == [True, False]
    assert not row.truncated.any()
    row = env.step(still)
    env.close()
    assert row.first.tolist() == [False, True]


def test_unseeded_envs_do_not_share_their_sticky_actions() -> None:
    env = NativeAtari("Breakout", replace(MACHADO, sticky=0.5), num_envs=2)
    env.reset()
    rows: list[Step] = []
    for t in range(40):
        rows.append(env.step(torch.full((2,), 3 + (t // 3) % 2)))
    env.close()
    assert any(not torch.equal(row.obs[0], row.obs[1]) for row in rows)


def test_seeds_are_drawn_apart_and_do_not_depend_on_the_batch() -> None:
    assert env_seeds(3, 5).tolist() == env_seeds(3, 9)[:5].tolist()
    assert not set(env_seeds(3, 64)) & set(env_seeds(4, 64))
    assert env_seeds(3, 64).max() < 2**31


def test_actions_that_do_not_exist_are_refused_instead_of_hanging() -> None:
    env = NativeAtari("Pong", MACHADO, num_envs=2)
    env.reset(seed=0)
    for wrong in (18, -1):
        with pytest.raises(ValueError, match="0 … 17"):
            env.step(torch.tensor([0, wrong]))
    assert env.step(torch.tensor([0, 17])).obs.shape == (2, 1, 84, 84)
    env.close()
    env.close()


def test_games_by_any_spelling() -> None:
    names = ("MontezumaRevenge", "montezuma_revenge", "montezuma-revenge")
    assert {find_game(name) for name in names} == {"montezuma_revenge"}
    assert find_game("TicTacToe3D") == "tic_tac_toe_3d"
    with pytest.raises(ValueError, match="Did you mean montezuma_revenge") as error:
        find_game("MontezumasRevenge")
    assert "list_games" in str(error.value)
    assert len(list_games()) > 100
    assert "combat" not in list_games()  # for two players: ALE would end the process
    with pytest.raises(ValueError, match="no Atari game 'Combat'"):
        AtariConfig("Combat").build(2, "cpu")


def test_named_protocols() -> None:
    machado = AtariProtocol(
        sticky=0.25,
        full_action_space=True,
        frame_skip=4,
        max_pool=True,
        noop_max=0,
        fire_on_reset=False,
        life_ends_episode=False,
        max_frames=108_000,
        height=84,
        width=84,
        grayscale=True,
    )
    assert machado == MACHADO
    assert replace(MACHADO, full_action_space=False, max_frames=18_000) == RND_PAPER
    assert replace(MACHADO, sticky=0.1) == HINDSIGHT
    ari = replace(MACHADO, sticky=0.0, full_action_space=False)
    assert replace(ari, noop_max=31, fire_on_reset=True) == ATARI_ARI
    for name, protocol in zip(
        NamedProtocol, (MACHADO, RND_PAPER, HINDSIGHT, ATARI_ARI), strict=True
    ):
        assert name.switches == protocol


@pytest.mark.parametrize(
    "wrong", [{"sticky": 1.0}, {"frame_skip": 0}, {"noop_max": -1}]
)
def test_switches_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AtariConfig(**wrong).build(1, "cpu")


def test_action_names() -> None:
    for protocol, names in (
        (RND_PAPER, ("NOOP", "FIRE", "RIGHT", "LEFT")),
        (
            MACHADO,
            tuple(a.name for a in plain_ale("breakout", 0, 0.0).getLegalActionSet()),
        ),
    ):
        env = NativeAtari("Breakout", protocol, num_envs=1)
        assert isinstance(env.spec.actions, DiscreteActions)
        assert env.spec.actions.names == names
        assert env.spec.actions.n == len(names)
        assert env.spec.frames_per_step == 4
        env.close()


def test_every_switch_can_be_overridden() -> None:
    changed: dict[str, Any] = {
        "sticky": 0.5,
        "full_action_space": False,
        "frame_skip": 2,
        "max_pool": False,
        "noop_max": 5,
        "fire_on_reset": True,
        "life_ends_episode": True,
        "max_frames": 9,
        "height": 40,
        "width": 50,
        "grayscale": False,
    }
    assert set(changed) == {f.name for f in fields(AtariProtocol)}
    assert AtariConfig(**changed).switches == AtariProtocol(**changed)
    assert AtariConfig(protocol=NamedProtocol.RND_PAPER).switches == RND_PAPER


def test_configuration_from_the_command_line() -> None:
    config = tyro.cli(
        AtariConfig,
        args=[
            *("--protocol", "rnd-paper"),
            *("--sticky", "0"),
            *("--facts", "ram", "sound"),
            *("--game", "Pong"),
        ],
        config=(tyro.conf.EnumChoicesFromValues,),
    )
    assert config == AtariConfig(
        game="Pong",
        protocol=NamedProtocol.RND_PAPER,
        sticky=0.0,
        facts=(AtariFact.RAM, AtariFact.SOUND),
    )
    assert isinstance(config.build(1, "cpu"), EmulatedAtari)
    native = AtariConfig("Pong", num_threads=1).build(2, "cpu")
    assert isinstance(native, NativeAtari)
    native.close()
