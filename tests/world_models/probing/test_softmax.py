"""Softmax probes: optimum, planted classes, one fact as if alone, absent classes."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

from world_models.probing.f1 import Counts, weighted_f1
from world_models.probing.rows import Rows
from world_models.probing.softmax import Majority, Softmax
from world_models.probing.tallies import estimates


def rows(generator: torch.Generator, num: int, **facts: torch.Tensor) -> Rows:
    latent = torch.randn(num, 5, generator=generator)
    return Rows(latent, facts, torch.arange(num) % 7)


def noisy(generator: torch.Generator, num: int) -> Rows:
    """Classes 3, 50 and 200 that a latent tells of, with chance; and coins."""
    made = rows(generator, num)
    weight = torch.tensor([[2.0, 0, 0, 0, 0], [0, 2.0, 0, 0, 0], [-2.0, 0, 1, 0, 0]])
    chance = (made.latent @ weight.T).softmax(-1)
    drawn = torch.multinomial(chance, 1, generator=generator).squeeze(1)
    planted = torch.tensor([3, 50, 200])[drawn]
    coin = torch.randint(2, (num,), generator=generator)
    return Rows(made.latent, {"planted": planted, "coin": coin}, made.episode)


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    """Classes that are told and do not exist, and those that are never told, too."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, 9, (300,), generator=generator)
    told = torch.randint(2 * seed, 12, (300,), generator=generator)
    told = told.where(torch.rand(300, generator=generator) < 0.5, truth)
    told[truth == 3] = 4  # never told where it is, and never at all
    tally = Counts(told, truth, torch.arange(300) % 11)
    found = estimates(tally)
    f1 = f1_score(truth, told, average="weighted", zero_division=0)
    assert found["f1"].value == pytest.approx(f1, abs=1e-12)
    assert found["accuracy"].value == pytest.approx(accuracy_score(truth, told))
    many = weighted_f1(torch.stack([told, truth], 1), torch.stack([truth, truth], 1))
    assert many.tolist() == pytest.approx([f1, 1.0], abs=1e-12)
    assert found["f1"].low is not None
    assert found["f1"].low < f1 < (found["f1"].high or 0)


def test_rows_of_one_episode_narrow_no_interval(generator: torch.Generator) -> None:
    """Each row a hundred times over says no more than once."""
    truth = torch.randint(0, 3, (12,), generator=generator)
    told = truth.where(torch.arange(12) % 3 > 0, (truth + 1) % 3)
    found = []
    for times in (1, 100):
        y, said = (x.repeat_interleave(times) for x in (truth, told))
        episode = torch.arange(12).repeat_interleave(times)
        found.append(estimates(Counts(said, y, episode)))
    once, often = found
    for name in ("f1", "accuracy"):
        assert (once[name].low or 0) < once[name].value < (once[name].high or 0)
        assert often[name] == pytest.approx(once[name]), name


def test_the_optimum_is_that_of_logistic_regression() -> None:
    generator = torch.Generator().manual_seed(0)
    train, test = noisy(generator, 1_500), noisy(generator, 2_000)
    reader = Softmax(learning_rate=1e-2, epochs=25).fit(train, noisy(generator, 500))
    exact = LogisticRegression(C=np.inf).fit(train.latent, train.facts["planted"])
    told = reader.told(test)["planted"]
    assert (told.numpy() == exact.predict(test.latent)).mean() > 0.97
    assert set(told.unique().tolist()) == {3, 50, 200}


def test_what_was_planted_is_found_and_what_was_not_is_not() -> None:
    generator = torch.Generator().manual_seed(1)
    train, val, test = (noisy(generator, n) for n in (2_000, 500, 2_000))
    found = Softmax(epochs=30, learning_rate=5e-3).fit(train, val).read(test)
    guess = Majority().fit(train, val).read(test)
    planted, coin = (estimates(found[x])["f1"] for x in ("planted", "coin"))
    assert planted.low is not None
    assert planted.low > estimates(guess["planted"])["f1"].value + 0.2
    assert estimates(found["coin"])["accuracy"].value == pytest.approx(0.5, abs=0.04)
    assert coin.value < 0.55


def test_each_fact_is_fitted_as_if_it_were_alone() -> None:
    """Beside another one its optimiser, its end and its best pass are the same."""
    generator = torch.Generator().manual_seed(2)
    train, val, test = (noisy(generator, n) for n in (300, 100, 100))
    probe = Softmax(epochs=12, patience=3, learning_rate=2e-2, plateau=1)
    both = probe.fit(train, val)
    alone = probe.fit(train.about(["planted"]), val.about(["planted"]))
    weight, only = both.outputs["planted"].weight, alone.outputs["planted"].weight
    torch.testing.assert_close(weight, only, rtol=0, atol=1e-6)
    assert torch.equal(both.told(test)["planted"], alone.told(test)["planted"])


def test_a_pass_is_that_of_a_loop_with_autograd() -> None:
    """Facts of two and of three classes, side by side here, one by one there."""
    generator = torch.Generator().manual_seed(6)
    train, val = noisy(generator, 150), noisy(generator, 40)
    reader = Softmax(epochs=1, learning_rate=1e-2).fit(train, val)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loops = {
            k: torch.nn.Linear(5, len(train.facts[k].unique())) for k in train.facts
        }
    order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
    for name, output in loops.items():
        optimizer = torch.optim.Adam(output.parameters(), 1e-2, eps=1e-5)
        classes = train.facts[name].unique().tolist()
        wanted = torch.tensor([classes.index(x) for x in train.facts[name].tolist()])
        for chosen in order.split(64):
            loss = torch.nn.functional.cross_entropy(
                output(train.latent[chosen]), wanted[chosen]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for made, plain in zip(
            reader.outputs[name].parameters(), output.parameters(), strict=True
        ):
            torch.testing.assert_close(made, plain, rtol=0, atol=1e-6)


def test_the_weights_of_the_best_pass_are_kept() -> None:
    """Where validation rows say otherwise, each pass behind an early one is worse."""
    generator = torch.Generator().manual_seed(8)
    train, val = (noisy(generator, n).about(["planted"]) for n in (200, 90))
    classes = torch.tensor([3, 50, 200])
    wanted = torch.searchsorted(classes, train.facts["planted"])
    odd = (torch.searchsorted(classes, val.facts["planted"]) + 1) % 3
    other = Rows(val.latent, {"planted": classes[odd]}, val.episode)
    passes = 8
    reader = Softmax(
        epochs=passes, patience=passes, plateau=passes, learning_rate=2e-2
    ).fit(train, other)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        output = torch.nn.Linear(5, 3)
    optimizer = torch.optim.Adam(output.parameters(), 2e-2, eps=1e-5)
    lot, found = torch.Generator().manual_seed(0), []
    for number in range(passes):
        for chosen in torch.randperm(200, generator=lot).split(64):
            scores = output(train.latent[chosen])
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(scores, wanted[chosen]).backward()
            optimizer.step()
        scores = output(val.latent).detach()
        f1 = f1_score(odd, scores.argmax(1), average="weighted", zero_division=0)
        loss = float(torch.nn.functional.cross_entropy(scores, odd))
        found.append((f1, -loss, -number, output.weight.detach().clone()))
    best = max(found, key=lambda x: x[:3])
    assert best[2] > 1 - passes, "the last pass was the best"
    kept = reader.outputs["planted"].weight
    torch.testing.assert_close(kept, best[3], rtol=0, atol=1e-5)
    assert (kept - found[-1][3]).abs().max() > 0.01


def test_classes_that_training_lacks_are_missed_and_do_no_harm() -> None:
    generator = torch.Generator().manual_seed(3)
    train, val = noisy(generator, 400), noisy(generator, 200)
    strange = torch.full_like(val.facts["planted"], 77)
    odd = Rows(val.latent, {**val.facts, "planted": strange}, val.episode)
    reader = Softmax(epochs=3).fit(train, odd)
    assert estimates(reader.read(odd)["planted"])["accuracy"].value == 0


def test_the_majority_says_the_commonest_class_of_training() -> None:
    generator = torch.Generator().manual_seed(4)
    train = rows(generator, 5, hue=torch.tensor([9, 4, 9, 4, 9]))
    test = rows(generator, 4, hue=torch.tensor([4, 9, 9, 4]))
    reader = Majority().fit(train, test)
    assert reader.told(test)["hue"].tolist() == [9] * 4
    assert estimates(reader.read(test)["hue"])["accuracy"].value == 0.5


def test_facts_that_are_numbers_are_left_out() -> None:
    generator = torch.Generator().manual_seed(5)
    some = rows(generator, 9, place=torch.zeros(9, 2))
    assert Softmax().fit(some, some).read(some) == {}


@pytest.mark.parametrize(
    "wrong", [{"patience": 0}, {"learning_rate": 1e-6}, {"lowest": 0.0}]
)
def test_settings_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Softmax(**wrong)  # type: ignore[arg-type]
