"""Perceptual rewards against their definition, and on planted demonstrations."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from agents.rewards.demonstration import Demonstration
from agents.rewards.perceptual import PerceptualReward, PerceptualRewardConfig
from agents.rewards.segmentation import (
    ExactSegmentation,
    GreedySegmentation,
    MeanSpread,
    labels_of,
)
from agents.rewards.selection import AgainstEach, AgainstRest, Selection
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.refusal import ConfigError
from tests.agents.rewards.planted import (
    DEAD,
    SHAPE,
    TELLING,
    backwards,
    cnn,
    numbers,
    pixels,
    planted,
    several,
    truth,
)

Rows = NDArray[Any]
TRAINED, UNSEEN = range(5), range(100, 106)


def chosen_of(
    rows: Rows, label: Rows, live: Rows, step: int, config: PerceptualRewardConfig
) -> list[int]:
    """Ranked one by one: against the rest, or against each other step in turn."""

    def ranked(outside: Rows) -> list[int]:
        ins, out = rows[label == step], rows[outside]
        z = [
            5 * abs(ins[:, d].mean() - out[:, d].mean())
            - (ins[:, d].std() + out[:, d].std())
            if live[d]
            else -np.inf
            for d in range(rows.shape[1])
        ]
        order: list[int] = np.argsort(z)[::-1].tolist()
        return order

    if isinstance(config.selection, AgainstRest):
        return ranked(label != step)[: config.features]
    order = [step + 1, step - 1, step + 2, step - 2, step + 3, step - 3]
    lists = [ranked(label == x) for x in order if 0 <= x < config.steps]
    turns = [x for together in zip(*lists, strict=True) for x in together]
    return turns[: config.features]


def naive(
    demos: list[Demonstration], config: PerceptualRewardConfig
) -> dict[str, Rows]:
    """All of it with NumPy, feature by feature, from the true steps."""
    rows = np.concatenate([numbers(x).double().numpy() for x in demos])
    label = np.concatenate([truth(x).numpy() for x in demos])
    spread = rows.std(0)
    live = spread > 1e-9
    rows = (rows - rows.mean(0)) / np.where(live, spread, 1)
    steps = []
    for step in range(config.steps):
        chosen = chosen_of(rows, label, live, step, config)
        ins = rows[label == step][:, chosen]
        std = np.maximum(ins.std(0), config.floor)
        likely = -(((rows[:, chosen] - ins.mean(0)) / std) ** 2).mean(1)
        others = [x for x in range(config.steps) if x != step]
        low = max(likely[label == x].mean() for x in others)
        high = max(likely[label == step].mean(), low + 1e-3)
        steps.append(np.clip((likely - low) / (high - low), 0, 1))
    per_step = np.stack(steps, 1)
    weight = np.array([0.0] + [2.0**i for i in range(1, config.steps)])
    return {"steps": per_step, "reward": per_step @ (weight / weight.sum())}


@pytest.mark.parametrize("selection", [AgainstEach(), AgainstRest()])
def test_it_is_what_its_equations_say(selection: Selection) -> None:
    demos = several(TRAINED)
    config = PerceptualRewardConfig(4, features=5, selection=selection)
    reward = config.fit(pixels(), demos)
    told = naive(demos, config)
    frames = torch.cat([x.frames for x in demos])
    assert np.allclose(reward.step_rewards(frames), told["steps"], atol=1e-3)
    assert np.allclose(reward(frames), told["reward"], atol=1e-4)
    assert reward.weights.tolist() == pytest.approx([0, 2 / 14, 4 / 14, 8 / 14])


@pytest.mark.parametrize("kind", [ExactSegmentation, GreedySegmentation])
def test_planted_steps_and_features_are_found(
    kind: type[ExactSegmentation | GreedySegmentation],
) -> None:
    config = PerceptualRewardConfig(
        4, features=3, segmentation=kind(), selection=AgainstRest()
    )
    reward = config.fit(pixels(), several(TRAINED))
    for demo in several(UNSEEN):
        starts = reward.starts(demo.frames)
        assert torch.equal(labels_of(starts, len(demo)), truth(demo))
    for step, lit in TELLING.items():
        assert set(reward.chosen[step, : len(lit)].tolist()) == set(lit)
        spots = {(x.y * 7 + x.x) for x in reward.spots(step)[: len(lit)]}
        assert spots == set(lit)


@pytest.mark.parametrize("encoder", [pixels, cnn])
def test_it_rises_along_demonstrations_that_it_has_not_seen(
    encoder: Callable[[], Encoder],
) -> None:
    reward = PerceptualReward.fit(several(TRAINED), 4, encoder())
    for demo in several(UNSEEN):
        along, back = reward(demo.frames), reward(backwards(demo).frames)
        assert float(along.min()) >= 0
        assert float(along.max()) <= 1
        assert spearmanr(along, range(len(demo))).statistic > 0.9
        assert spearmanr(back, range(len(demo))).statistic < -0.9


def test_one_demonstration_is_enough() -> None:
    reward = PerceptualReward.fit([planted((7, 8, 6, 9), 0)], 4, cnn())
    unseen = planted((9, 6, 9, 6), 1)
    assert spearmanr(reward(unseen.frames), range(30)).statistic > 0.9


def test_against_each_other_step_what_stays_done_is_found() -> None:
    """A key that is held tells step 2 from 1, and a door that opens tells it from 3."""
    key, door = 4, range(8, 16)
    demos = []
    for seed in range(4):
        demo = planted((8, 7, 9), seed)
        pixels_of = demo.frames.view(len(demo), -1)
        for telling in TELLING.values():
            pixels_of[:, list(telling)] = 50
        pixels_of[:, key] = (50 + 150 * (truth(demo) > 0)).byte()
        opened = (50 + 150 * (truth(demo) > 1)).byte()
        pixels_of[:, list(door)] = opened[:, None]
        demos.append(demo)
    fit = {
        kind: PerceptualRewardConfig(3, features=4, selection=kind()).fit(
            pixels(), demos[:3]
        )
        for kind in (AgainstEach, AgainstRest)
    }
    each = set(fit[AgainstEach].chosen[1].tolist())
    assert key in each
    assert each & set(door)
    assert key not in fit[AgainstRest].chosen[1].tolist()
    per_step = fit[AgainstEach].step_rewards(demos[3].frames)
    assert torch.equal(per_step.argmax(1), truth(demos[3]))


def test_dead_features_are_never_chosen() -> None:
    """Even where fewer change than were asked for, and all is finite."""
    reward = PerceptualRewardConfig(4, features=64).fit(pixels(), several(TRAINED))
    used = reward.chosen[reward.there]
    assert not set(used.tolist()) & set(DEAD)
    assert reward.there.all()
    few = replace(reward.config, selection=AgainstRest()).fit(
        pixels(), several(TRAINED)
    )
    assert few.there.sum(1).tolist() == [30] * 4
    assert {len(set(few.spots(x))) for x in range(4)} == {len(few.spots(0))} == {30}
    assert few(several(UNSEEN)[0].frames).isfinite().all()
    wild = torch.randint(0, 256, (50, *SHAPE), dtype=torch.uint8)
    assert reward(wild).isfinite().all()
    assert reward.spread.min() >= 0.1


def test_a_feature_that_stands_still_in_a_step_does_not_decide_alone() -> None:
    """Its spread in the step is 0: without a floor its term would be infinite."""
    demos = [planted((6, 6, 6, 6), seed) for seed in range(3)]
    for demo in demos:
        demo.frames[:, 0, 0, 0] = (51 - 1 * (truth(demo) == 2)).byte()
    config = PerceptualRewardConfig(4, features=1, selection=AgainstRest())
    reward = config.fit(pixels(), demos)
    assert reward.chosen[2].item() == 0
    assert float(reward.spread[2]) == pytest.approx(0.1)
    assert reward(demos[0].frames).isfinite().all()


def test_batches_of_any_axes_are_the_same_frames() -> None:
    reward = PerceptualReward.fit(several(TRAINED), 4, cnn())
    frames = several(UNSEEN)[0].frames[:24]
    whole = reward(frames)
    assert torch.allclose(reward(frames.view(4, 6, *SHAPE)).flatten(), whole)
    assert torch.allclose(torch.stack([reward(x) for x in frames]), whole)
    assert not whole.requires_grad


def test_its_state_is_all_there_is() -> None:
    config = PerceptualRewardConfig(3, features=5)
    reward = config.fit(cnn(), several(TRAINED))
    other = cnn()
    with torch.no_grad():
        for x in other.parameters():
            x.mul_(0.5)
    twin = config.build(other)
    twin.load_state_dict(reward.state_dict())
    frames = several(UNSEEN)[0].frames
    assert torch.equal(twin(frames), reward(frames))
    assert torch.equal(twin.starts(frames), reward.starts(frames))


def test_steps_are_followed_by_how_they_look_and_not_by_what_changes_most() -> None:
    """Pixels that tell nothing change halfway, far more than those that tell."""
    reward = PerceptualRewardConfig(4, features=4).fit(pixels(), several(TRAINED))
    unseen = planted((5, 14, 5, 6), 100)
    assert reward.followed(unseen.frames).tolist() == [0, 5, 19, 24]
    shaken = unseen.frames.clone().flatten(1)
    silent = [x for x in range(30) if x not in sum(TELLING.values(), ())]
    shaken[12:, silent] = 255
    shaken = shaken.view_as(unseen.frames)
    assert 12 in reward.starts(shaken).tolist()
    assert reward.followed(shaken).tolist() == [0, 5, 19, 24]


def test_every_step_is_followed_even_if_nothing_looks_like_it() -> None:
    reward = PerceptualRewardConfig(4, features=4).fit(pixels(), several(TRAINED))
    skipped = torch.cat(
        [planted((6,) * 4, 100).frames[x] for x in (slice(12), slice(18, 24))]
    )
    starts = reward.followed(skipped).tolist()
    assert starts[:2] == [0, 6]
    assert starts[2] in (11, 12)
    assert starts[3] == starts[2] + 1
    with pytest.raises(ConfigError, match="3 frames cannot go through 4 steps"):
        reward.followed(skipped[:3])


def test_published_segmentation_is_a_choice() -> None:
    """Every step counts alike there: one long step, and others as short as can be."""
    published = ExactSegmentation(2, MeanSpread())
    config = PerceptualRewardConfig(4, segmentation=published)
    reward = config.fit(pixels(), several(TRAINED))
    assert len(reward.starts(several(UNSEEN)[0].frames)) == 4


def test_the_end_may_be_a_step_of_its_own() -> None:
    """Two frames are fewer than a step has at least, and to arrive is worth more."""
    demos = [planted((8, 9, 8, 2), x) for x in TRAINED]
    config = PerceptualRewardConfig(4, features=3, end=2)
    reward, unseen = config.fit(pixels(), demos), planted((9, 7, 8, 2), 100)
    assert reward.starts(unseen.frames).tolist() == [0, 9, 16, 24]
    along = reward(unseen.frames)
    assert float(along[-2:].min()) > 1.5 * float(along[:-2].max())
    usual = replace(config, end=0).fit(pixels(), demos)
    assert usual.starts(unseen.frames).tolist()[-1] < 24


def test_what_cannot_be_learned_from_is_refused() -> None:
    fit = PerceptualRewardConfig(3).fit
    still = Demonstration(torch.full((9, *SHAPE), 7, dtype=torch.uint8))
    with pytest.raises(ConfigError, match="Nothing was demonstrated"):
        fit(pixels(), [])
    with pytest.raises(ConfigError, match="all of their frames look alike"):
        fit(pixels(), [still, still])
    with pytest.raises(ConfigError, match="2 frames cannot be cut into 3 steps"):
        fit(pixels(), [Demonstration(planted((2, 2), 0).frames[:2])])
    with pytest.raises(ConfigError, match="frames of shape"):
        fit(pixels(), [Demonstration(torch.zeros(9, 1, 6, 8, dtype=torch.uint8))])
    floats = object.__new__(
        Demonstration
    )  # the tests' own checks would refuse it first
    object.__setattr__(floats, "frames", still.frames / 255)
    with pytest.raises(ConfigError, match=r"and this is torch.float32 \[9, "):
        floats.__post_init__()
    with pytest.raises(ConfigError, match="1 frames"):
        Demonstration(still.frames[:1])
    with pytest.raises(ConfigError, match="labels of steps"):
        Demonstration(still.frames, torch.zeros(8, dtype=torch.int64))
    with pytest.raises(ConfigError, match="0 frames cannot be cut into 2 steps"):
        replace(PerceptualRewardConfig(3), end=40).fit(pixels(), several(TRAINED))
    for wrong in ({"steps": 1}, {"features": 0}, {"floor": 0.0}, {"end": -1}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            replace(PerceptualRewardConfig(), **wrong)
    reward = fit(pixels(), several(TRAINED))
    with pytest.raises(ValueError, match="images of shape"):
        reward(torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
