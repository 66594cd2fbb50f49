import io
from dataclasses import replace

import ale_py
import numpy as np
import pytest
import torch

from envs.atari.emulator import EmulatedAtari
from envs.atari.native import NativeAtari
from envs.atari.protocol import (
    HINDSIGHT,
    MACHADO,
    RND_PAPER,
    AtariProtocol,
    rom_path,
)
from envs.atari.ram import SILENCE, SOUND_SAMPLES, AtariFact
from envs.check import check_env, random_action
from envs.seeds import env_seeds

EVERYTHING = tuple(AtariFact)
PICTURES = (AtariFact.RAM, AtariFact.COLOUR, AtariFact.EXPLORATION)


def plain_ale(game: str, seed: int) -> ale_py.ALEInterface:
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", 0.25)
    ale.setBool("sound_obs", True)
    ale.setInt("random_seed", seed)
    ale.loadROM(rom_path(game))
    ale.reset_game()
    return ale


@pytest.mark.parametrize(
    ("game", "protocol", "steps", "ends"),
    [
        ("MontezumaRevenge", replace(MACHADO, max_frames=702), 400, 4),
        ("Breakout", MACHADO, 230, 1),
        (
            "Breakout",
            replace(RND_PAPER, life_ends_episode=True, noop_max=30, fire_on_reset=True),
            100,
            3,
        ),
        (
            "KingKong",  # a taller screen
            replace(
                HINDSIGHT,
                frame_skip=3,
                max_frames=62,
                height=64,
                width=72,
                grayscale=False,
                max_pool=False,
            ),
            50,
            2,
        ),
        ("Freeway", replace(MACHADO, frame_skip=1, max_frames=30), 60, 2),
    ],
)
def test_both_backends_give_the_same_bytes(
    game: str,
    protocol: AtariProtocol,
    steps: int,
    ends: int,
    generator: torch.Generator,
) -> None:
    """Across sticky actions, game overs, frame limits, and resets of only some envs."""
    fast, slow = NativeAtari(game, protocol, 2), EmulatedAtari(game, protocol, 2)
    assert fast.spec == slow.spec
    row, other, seen = fast.reset(seed=5), slow.reset(seed=5), 0
    for t in range(steps):
        if t == steps // 2:
            mask = torch.tensor([False, True])
            row, other = fast.reset(mask=mask), slow.reset(mask=mask)
        else:
            action = random_action(fast, generator)
            row, other = fast.step(action), slow.step(action)
        for name in ("obs", "reward", "terminated", "truncated", "first"):
            assert torch.equal(getattr(row, name), getattr(other, name)), (t, name)
        seen += int((row.terminated | row.truncated).sum())
    fast.close()
    assert seen >= ends


@pytest.mark.parametrize("facts", [PICTURES, (AtariFact.SOUND,)])
def test_contract(facts: tuple[AtariFact, ...]) -> None:
    protocol = replace(MACHADO, max_frames=32)
    check_env(
        lambda: EmulatedAtari("MontezumaRevenge", protocol, 2, facts), num_steps=20
    )


def test_facts_are_what_the_bare_emulator_shows(generator: torch.Generator) -> None:
    """Memory and colours after the step; every sample of its frames, in order."""
    game, seed, limit = "montezuma_revenge", 2, 250
    env = EmulatedAtari(game, replace(MACHADO, max_frames=limit), 1, EVERYTHING)
    ale = plain_ale(game, int(env_seeds(seed, 1)[0]))
    row, played, loud, shorter = env.reset(seed=seed), 0, 0, 0
    for _ in range(130):
        action = random_action(env, generator)
        row = env.step(action)
        samples = np.full((4, SOUND_SAMPLES), SILENCE, np.uint8)
        if row.first[0]:
            ale.reset_game()
            played = 0
        else:
            for i in range(min(4, limit - played)):
                ale.act(int(action[0]))
                samples[i] = ale.getAudio()
                played += 1
            shorter += int(played == limit)
        sound = row.facts["sound"][0].numpy()
        assert np.array_equal(sound, samples.ravel())
        loud += int((sound != SILENCE).any())
        assert np.array_equal(row.facts["ram"][0].numpy(), ale.getRAM())
        colour = row.facts["colour"][0].permute(1, 2, 0).numpy()
        assert np.array_equal(colour, ale.getScreenRGB())
        place = [int(row.facts[name][0]) for name in ("room", "x", "y")]
        assert place == ale.getRAM()[[3, 42, 43]].tolist()
    assert loud > 20
    assert shorter == 2  # 250 is no multiple of 4: those steps end in silence


def test_facts_are_declared_with_the_shape_of_the_screen() -> None:
    facts = (AtariFact.COLOUR, AtariFact.SOUND)
    env = EmulatedAtari("KingKong", MACHADO, 2, facts)
    assert env.spec.facts["colour"].shape == (3, 250, 160)
    assert env.spec.facts["sound"].shape == (4 * 512,)
    row = env.reset(seed=0)
    assert row.facts["colour"].shape == (2, 3, 250, 160)
    assert set(row.facts) == {"colour", "sound"}


def test_exploration_needs_a_map() -> None:
    with pytest.raises(ValueError, match="montezuma_revenge"):
        EmulatedAtari("Pong", MACHADO, 1, (AtariFact.EXPLORATION,))


@pytest.mark.parametrize("protocol", [MACHADO, RND_PAPER, HINDSIGHT])
def test_the_emulator_holds_the_protocol(protocol: AtariProtocol) -> None:
    env = EmulatedAtari("Breakout", protocol, 1)
    ale = env._games[0].ale
    sticky = ale.getFloat("repeat_action_probability")
    assert sticky == pytest.approx(protocol.sticky)
    assert ale.getInt("frame_skip") == 1  # we skip, so that no frame goes unseen
    assert ale.getInt("max_num_frames_per_episode") == 0  # we count
    assert not ale.getBool("color_averaging")
    used = ale.getMinimalActionSet()
    legal = ale.getLegalActionSet()
    expected = legal if protocol.full_action_space else used
    assert len(env._games[0].actions) == len(expected)


def test_resumes_bit_for_bit_with_the_action_that_was_about_to_repeat(
    generator: torch.Generator,
) -> None:
    """With sticky 0.95 most frames repeat an action from before the save."""
    protocol = replace(
        MACHADO, sticky=0.95, max_frames=148, noop_max=9, life_ends_episode=True
    )

    def make() -> EmulatedAtari:
        return EmulatedAtari("Breakout", protocol, 2, (AtariFact.RAM,))

    env = make()
    assert env.state_dict() is None  # nothing has begun
    row = env.reset(seed=1)
    for save_at in (20, 17):  # the second save finds both envs at their end
        for _ in range(save_at):
            row = env.step(random_action(env, generator))
        file = io.BytesIO()
        torch.save(env.state_dict(), file)
        file.seek(0)
        twin = make()
        shown = twin.load_state_dict(torch.load(file, weights_only=True))
        assert torch.equal(shown.obs, row.obs)
        assert torch.equal(shown.facts["ram"], row.facts["ram"])
        assert not (shown.first | shown.terminated | shown.truncated).any()
        action_stream = torch.Generator().manual_seed(save_at)
        actions = [random_action(env, action_stream) for _ in range(40)]
        ahead = [twin.step(action) for action in actions]
        state = env.state_dict()
        for action, expected in zip(actions, ahead, strict=True):
            row = env.step(action)
            assert torch.equal(row.obs, expected.obs)
            assert torch.equal(row.facts["ram"], expected.facts["ram"])
            assert torch.equal(row.first, expected.first)
            assert torch.equal(row.reward, expected.reward)
        assert state is not None
        row = env.load_state_dict(state)  # back, into an emulator that has gone on
        assert torch.equal(row.obs, shown.obs)


def test_a_state_goes_on_with_other_facts() -> None:
    """So that people are shown the screen of a run that did not read it."""
    plain = EmulatedAtari("Pong", MACHADO, 2, (AtariFact.RAM,))
    shown = EmulatedAtari("Pong", MACHADO, 2, (AtariFact.COLOUR,))
    both = EmulatedAtari("Pong", MACHADO, 2, (AtariFact.RAM, AtariFact.COLOUR))
    for env in (plain, both):
        env.reset(seed=1)
    for t in range(60):
        row, _ = (env.step(torch.tensor([t % 6, 2])) for env in (plain, both))
    state = plain.state_dict()
    assert state is not None
    assert torch.equal(shown.load_state_dict(state).obs, row.obs)
    for t in range(20):
        action = torch.tensor([2, t % 6])
        one, other = shown.step(action), both.step(action)
        assert torch.equal(one.obs, other.obs)
        assert torch.equal(one.facts["colour"], other.facts["colour"])


def test_states_that_cannot_be_resumed_are_refused() -> None:
    deaf = EmulatedAtari("Pong", MACHADO, 1)
    deaf.reset(seed=0)
    state = deaf.state_dict()
    assert state is not None
    for other in (
        EmulatedAtari("Pong", MACHADO, 2),
        EmulatedAtari("Breakout", MACHADO, 1),
    ):
        with pytest.raises(ValueError, match="'pong' with 1 envs does not fit"):
            other.load_state_dict(state)
    hearing = EmulatedAtari("Pong", MACHADO, 1, (AtariFact.SOUND,))
    hearing.reset(seed=0)
    assert hearing.state_dict() is None
