"""A hidden layer finds what no line does, and stops where nothing is to be found."""

import torch
from torch.testing import assert_close

from world_models.probing.mlp import Mlp
from world_models.probing.ridge import Ridge
from world_models.probing.rows import Rows
from world_models.probing.softmax import Softmax
from world_models.probing.tallies import estimates


def of_a_product(seed: int, num: int = 1000) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(num, 4, generator=generator)
    product = (latent[:, :1] * latent[:, 1:2]) * 7 + 100
    return Rows(latent * 1e-3, {"product": product}, torch.arange(num) // 10)


def test_it_reads_what_no_line_does() -> None:
    train, val, test = (of_a_product(x) for x in range(3))
    found = {
        probe.name: estimates(probe.fit(train, val).read(test)["product"])["r2"].value
        for probe in (Ridge(), Mlp())
    }
    assert found["MLP"] > 0.8
    assert found["ridge"] < 0.05


def test_it_reads_classes_that_no_line_parts() -> None:
    """Of two signs, whether they are alike; and of a class that it never met, none."""
    rows = [of_a_product(x, 600) for x in range(3)]
    alike = [
        Rows(
            x.latent,
            {"alike": 5 + (x.latent[:, 0] * x.latent[:, 1] > 0).long()},
            x.episode,
        )
        for x in rows
    ]
    train, val, test = alike
    val.facts["alike"][:3] = 9
    reader = Mlp().fit(train, val)
    assert estimates(reader.read(test)["alike"])["accuracy"].value > 0.85
    assert set(reader.told(test)["alike"].tolist()) == {5, 6}
    linear = Softmax(learning_rate=0.03, epochs=10).fit(train, val).read(test)
    assert estimates(linear["alike"])["accuracy"].value < 0.65


def test_the_best_weights_by_validation_are_kept() -> None:
    """The least error so far, though later passes only learn noise by heart."""
    train, val, _ = (of_a_product(x, 40) for x in range(3))

    def missed(passes: int) -> float:
        probe = Mlp(epochs=passes, patience=passes, batch=8, learning_rate=0.02)
        told = probe.fit(train, val).told(val)["product"]
        return float((told - val.facts["product"]).norm())

    errors = [missed(x) for x in (1, 5, 60)]
    assert errors == sorted(errors, reverse=True)


def test_it_ends_behind_its_patience() -> None:
    train, val, test = (of_a_product(x, 40) for x in range(3))
    hasty = Mlp(epochs=30, patience=2, batch=8, learning_rate=0.02)
    longer = Mlp(epochs=300, patience=2, batch=8, learning_rate=0.02)
    one, two = (x.fit(train, val).told(test)["product"] for x in (hasty, longer))
    assert_close(one, two, rtol=0, atol=0)


def test_it_leaves_torchs_random_stream_alone() -> None:
    train = of_a_product(0, 40)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    Mlp(epochs=2).fit(train, train)
    assert torch.equal(torch.rand(3), expected)
