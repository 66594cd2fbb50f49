"""What is asked for of which facts."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.refusal import DatasetError
from world_models.probing.asked import Asked, asked_of
from world_models.probing.footage import Footage

N = 12


def footage(
    facts: dict[str, Tensor],
    units: dict[str, str] | None = None,
    names: dict[str, tuple[str, ...]] | None = None,
) -> Footage:
    return Footage(
        torch.zeros(N, 1, 2, 2, dtype=torch.uint8),
        torch.arange(N) // 4,
        facts,
        units=units or {},
        names=names or {},
        about="mine",
    )


def by_name(asked: list[Asked]) -> dict[str, Asked]:
    return {x.name: x for x in asked}


def test_vectors_of_several_things_are_asked_for_apart() -> None:
    places = torch.randn(N, 3, 2)
    asked, _ = asked_of(footage({"places": places}, {"places": "px"}))
    found = by_name(asked)
    assert set(found) == {f"places.{i}{x}" for i in range(3) for x in ("", " velocity")}
    assert torch.equal(found["places.1"].values, places[:, 1])
    for row in range(N):
        known = bool(found["places.1 velocity"].known[row])
        assert known == (row % 4 > 0)
        if known:
            moved = places[row, 1] - places[row - 1, 1]
            assert torch.equal(found["places.1 velocity"].values[row], moved)


def test_what_is_told_as_a_fact_is_not_asked_for_again_as_a_velocity() -> None:
    place = torch.randn(N, 2)
    moved = torch.zeros(N, 2)
    moved[1:] = place[1:] - place[:-1]
    moved[::4] = 0.0  # nothing led to the first row of an episode
    units = {"place": "px", "moved": "px/step"}
    facts = {"place": place, "moved": moved}
    asked, notes = asked_of(footage(facts, units))
    assert [x.name for x in asked] == ["place", "moved"]
    assert notes == ["place velocity was left out: moved is the same."]
    alone, _ = asked_of(footage(facts, units), ["place"])
    assert [x.name for x in alone] == ["place", "place velocity"]
    other, _ = asked_of(footage({**facts, "moved": moved + 0.01 * place}, units))
    assert [x.name for x in other] == ["place", "place velocity", "moved"]


def test_a_fact_under_two_names_is_asked_for_once_unless_it_is_named() -> None:
    x = torch.arange(N) % 3
    data = footage({"x": x, "player_x": x.clone(), "y": 2 - x, "far": x + 1})
    asked, notes = asked_of(data)
    assert [a.name for a in asked] == ["x", "y", "far"]
    assert notes == ["player_x was left out: x is the same."]
    both, _ = asked_of(data, ["x", "player_x"])
    assert [a.name for a in both] == ["x", "player_x"]


def test_a_displacement_has_no_velocity_of_its_own() -> None:
    asked, _ = asked_of(footage({"d": torch.randn(N, 2)}, {"d": "px/step"}))
    assert [(x.name, x.unit) for x in asked] == [("d", "px/step")]


def test_whole_numbers_with_a_unit_are_numbers_and_classes() -> None:
    x = torch.tensor([3, 5, 9] * 4)
    found = by_name(asked_of(footage({"x": x}, {"x": "tiles"}))[0])
    assert set(found) == {"x", "x velocity", "x class"}
    assert found["x"].values.flatten().tolist() == [3.0, 5.0, 9.0] * 4
    assert found["x class"].values.tolist() == [0, 1, 2] * 4
    assert found["x class"].classes == ("3", "5", "9")


def test_others_are_classes_alone_with_their_names() -> None:
    kind = torch.tensor([0, 2] * 6)
    found = by_name(
        asked_of(
            footage(
                {"kind": kind, "flag": kind > 0, "two": torch.stack([kind, -kind], 1)},
                names={"kind": ("cat", "cow", "dog")},
            )
        )[0]
    )
    assert set(found) == {"kind", "flag", "two.0", "two.1"}
    assert found["kind"].classes == ("cat", "dog")
    assert not found["flag"].values.is_floating_point()


def test_many_whole_numbers_are_numbers() -> None:
    count = torch.arange(300)
    data = Footage(
        torch.zeros(300, 1, 2, 2, dtype=torch.uint8), count // 10, {"count": count}
    )
    (asked,), _ = asked_of(data)
    assert asked.values.shape == (300, 1)


def test_places_can_be_named() -> None:
    data = footage({"mine": torch.randn(N)})
    assert [x.name for x in asked_of(data)[0]] == ["mine"]
    assert [x.name for x in asked_of(data, places=["mine"])[0]] == [
        "mine",
        "mine velocity",
    ]


def test_numbers_that_are_not_there_are_not_known() -> None:
    x = torch.randn(N)
    x[5] = torch.nan
    found = by_name(asked_of(footage({"x": x}, {"x": "px"}))[0])
    assert (~found["x"].known).nonzero().flatten().tolist() == [5]
    unknown = (~found["x velocity"].known).nonzero().flatten().tolist()
    assert unknown == [0, 4, 5, 6, 8]
    assert found["x"].values.isfinite().all()


def test_pictures_and_constants_are_left_out_unless_they_are_named() -> None:
    data = footage(
        {
            "colour": torch.randint(9, (N, 3, 8, 8)),
            "still": torch.ones(N),
            "x": torch.randn(N),
        }
    )
    asked, notes = asked_of(data)
    assert [x.name for x in asked] == ["x"]
    assert any("--facts colour" in x for x in notes)
    assert "Left out, since they never varied: still" in notes
    with pytest.raises(DatasetError, match="'still' never varies"):
        asked_of(data, ["still"])


def test_no_facts_at_all_are_refused_with_what_to_do() -> None:
    with pytest.raises(DatasetError, match=r"no facts.*--facts.*--column"):
        asked_of(footage({}))
    with pytest.raises(DatasetError, match=r"no fact 'plaec'.*'place'"):
        asked_of(footage({"place": torch.randn(N)}), ["plaec"])
    with pytest.raises(DatasetError, match="No fact of mine"):
        asked_of(footage({"still": torch.ones(N)}))
