"""What came of a row is that of the next one, and of an episode's last row unknown."""

import pytest
import torch

from ssl_objectives.refusal import DatasetError
from world_models.probing.asked import asked_of
from world_models.probing.footage import Footage
from world_models.probing.images import OfImages
from world_models.probing.probing import Question, probe_latents

N, EPISODE = 12, 4
LAST = torch.arange(N) % EPISODE == EPISODE - 1


def footage(**columns: torch.Tensor | None) -> Footage:
    return Footage(
        torch.zeros(N, 1, 2, 2, dtype=torch.uint8),
        torch.arange(N) // EPISODE,
        {"place": torch.arange(N).float()},
        about="mine",
        **columns,  # type: ignore[arg-type]
    )


def test_what_was_done_is_what_led_into_the_next_row() -> None:
    action = torch.tensor([9, 0, 1, 2, 9, 1, 1, 0, 9, 2, 2, 1])
    [asked], notes = asked_of(footage(action=action), ["acted"])
    assert (asked.name, notes) == ("acted", [])
    assert torch.equal(asked.known, ~LAST)
    named = torch.tensor([int(x) for x in asked.classes])
    for row in range(N):
        if not LAST[row]:
            assert named[asked.values[row]] == action[row + 1]


def test_continuous_actions_are_numbers() -> None:
    action = torch.randn(N, 2)
    [asked], _ = asked_of(footage(action=action), ["acted"])
    assert torch.equal(asked.values[~LAST], action[1:][~LAST[:-1]])


def test_a_step_is_rewarded_by_either_sign() -> None:
    reward = torch.tensor([5.0, 0, -1, 0, 5, 2, 0, 0, 5, 0, 0, 0.5])
    asked, _ = asked_of(footage(reward=reward), ["rewarded", "place"])
    assert [x.name for x in asked] == ["rewarded", "place"]
    expected = [reward[i + 1] != 0 for i in range(N - 1) if not LAST[i]]
    told = asked[0].values[~LAST]
    assert [bool(x) for x in told] == [bool(x) for x in expected]
    assert torch.equal(asked[0].known, ~LAST)
    assert asked[1].known.all()


def test_a_fact_of_the_same_name_goes_before() -> None:
    facts = {"acted": torch.arange(N) % 2}
    mine = Footage(torch.zeros(N, 1, 2, 2, dtype=torch.uint8), torch.arange(N), facts)
    [asked], _ = asked_of(mine, ["acted"])
    assert torch.equal(asked.values, facts["acted"])


@pytest.mark.parametrize(
    ("name", "message"),
    [("acted", "tells no actions"), ("rewarded", "tells no rewards")],
)
def test_what_nobody_knows_is_refused(name: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        asked_of(footage(), [name])


def test_what_never_varies_is_refused() -> None:
    reward = torch.zeros(N)
    reward[0] = reward[EPISODE] = 1.0  # led into first rows: of other episodes
    with pytest.raises(DatasetError, match="'rewarded' never varies in mine"):
        asked_of(footage(reward=reward), ["rewarded"])


def test_an_action_that_frames_tell_is_read_and_another_is_not() -> None:
    """The frame shows what will be done; rewards are drawn apart from it."""
    torch.manual_seed(0)
    num, episode = 2_000, torch.arange(2_000) // 20
    done = torch.randint(3, (num,))
    obs = torch.zeros(num, 3, 1, 1, dtype=torch.uint8)
    obs[torch.arange(num), done] = 255
    led = torch.cat([done[:1], done[:-1]])
    reward = (torch.rand(num) < 0.4).float()
    mine = Footage(obs, episode, {}, led, reward=reward)
    encoder = OfImages(lambda x: x.flatten(1).float() / 255)
    found = probe_latents(encoder, mine, Question(facts=("acted", "rewarded")))
    assert found.score("acted", "f1", probe="softmax").value > 0.99
    assert found.score("rewarded", "accuracy", probe="softmax").value < 0.7
