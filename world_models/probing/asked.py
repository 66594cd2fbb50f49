"""What is asked of latents: facts as numbers or classes, places and velocities."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from ssl_objectives.refusal import DatasetError, suggest
from world_models.probing.footage import Footage
from world_models.probing.outcomes import OUTCOMES, known_outcome

MOST_CLASSES = 256
MOST_NUMBERS = 64  # of a fact that nobody named: pictures and sounds have more
_VELOCITY = " velocity"


@dataclass(frozen=True)
class Asked:
    """One fact as a probe is asked for it.

    Attributes:
        name: of the fact; `place velocity` is how the place changed since the row
            before, `x class` the number x told by name instead of by measure.
        values: numbers, float32 `[N, F]`, or classes, int64 `[N]`, counted from 0.
        known: rows where it is known. Velocities are not on the first row of an
            episode.
        unit: of numbers; empty where there is none.
        classes: what each class is called.
    """

    name: str
    values: Shaped[Tensor, "N ..."]
    known: Bool[Tensor, "N"]
    unit: str = ""
    classes: tuple[str, ...] = ()

    @property
    def varies(self) -> bool:
        """Whether it has two values at least, where it is known."""
        values = self.values[self.known]
        return bool(len(values) and (values != values[:1]).any())


def asked_of(
    footage: Footage, names: Sequence[str] = (), places: Sequence[str] = ()
) -> tuple[list[Asked], list[str]]:
    """The facts of some frames, and a note about each that is left out.

    Real numbers are read as numbers, each vector as a whole: of `[N, 3, 2]` there are
    three facts of two numbers, `places.0` to `places.2`. Bools, and whole numbers
    without a unit and of at most 256 values, are classes; whole numbers with a unit are
    both. A fact whose unit is a place's (or that `places` names) also has a velocity.
    A fact that never varies is left out: who says its one value is always right. So is
    a velocity that another fact tells already, such as a dot's displacement, and a fact
    that is another one (of Atari's labels `player_x`, beside `x`), unless it is named.
    What came of a row, `acted` and `rewarded` (`outcomes.py`), is asked for by name.

    Args:
        footage: the frames.
        names: facts to ask for; default: all that have 64 numbers at most.
        places: further facts that are places, though no unit says so.

    Raises:
        DatasetError: there are no facts, none of such a name, or one of those that were
            named never varies.
    """
    named = [x for x in names if x in OUTCOMES and x not in footage.facts]
    if named:
        return _with_outcomes(footage, named, names, places)
    if not footage.facts:
        raise DatasetError(
            f"{footage.about} tells no facts, so that there is nothing to ask for. "
            "Record with --facts, or give a column of your own: --column NAME=FILE"
        )
    for name in (*names, *places):
        if name not in footage.facts:
            raise DatasetError(
                f"{footage.about} has no fact {name!r}."
                f"{suggest(name, list(footage.facts))}"
            )
    made: list[Asked] = []
    notes, constant = [], []
    for name in names or footage.facts:
        size = footage.facts[name][0].numel()
        if size > MOST_NUMBERS and name not in names:
            notes.append(
                f"{name} was left out: it has {size:,} numbers in each row. Name it "
                f"to have it probed: --facts {name}"
            )
            continue
        of_it = list(_asked(footage, name, name in places))
        varied = [x for x in of_it if x.varies]
        if not varied and name in names:
            raise _never_varies(name, footage)
        constant += [x.name for x in of_it if not x.varies]
        made += varied
    if constant:
        notes.append(f"Left out, since they never varied: {', '.join(constant)}")
    made, told_twice = _once(made, bool(names))
    notes += told_twice
    if not made:
        raise DatasetError(
            f"No fact of {footage.about} can be asked for. {' '.join(notes)}"
        )
    return made, notes


def _with_outcomes(
    footage: Footage, named: Sequence[str], names: Sequence[str], places: Sequence[str]
) -> tuple[list[Asked], list[str]]:
    """Those that are named, in front of what else is asked for."""
    made = []
    for name in named:
        of_all = OUTCOMES[name](footage)
        facts = replace(footage, facts={name: of_all}, units={}, names={})
        known = known_outcome(footage)
        made += [replace(x, known=known) for x in _asked(facts, name, place=False)]
    for x in made:
        if not x.varies:
            raise _never_varies(x.name, footage)
    others = [x for x in names if x not in named]
    if not others and not places:
        return made, []
    rest, notes = asked_of(footage, others, places)
    return made + rest, notes


def _never_varies(name: str, footage: Footage) -> DatasetError:
    return DatasetError(
        f"The fact {name!r} never varies in {footage.about}: whoever says its one "
        "value is always right. Ask for another, or give more frames."
    )


def _asked(footage: Footage, name: str, place: bool) -> Iterator[Asked]:
    fact, unit = footage.facts[name], footage.units.get(name, "")
    everywhere = torch.ones(len(footage), dtype=torch.bool)
    classes = footage.names.get(name, ())
    place = place or bool(unit and "/" not in unit)
    if fact.is_floating_point() or (place and not classes):
        for part, values in _vectors(name, fact.float()):
            known = values.isfinite().all(-1)
            yield Asked(part, values.nan_to_num(0, 0, 0), known, unit)
            if place:
                inside = known & ~footage.first
                inside[1:] &= known[:-1]
                moved = torch.zeros_like(values)
                moved[1:] = values[1:] - values[:-1]
                moved = moved.masked_fill(~inside.unsqueeze(-1), 0)
                per = f"{unit}/step" if unit else ""
                yield Asked(part + _VELOCITY, moved, inside, per)
        if fact.is_floating_point():
            return
    for part, values in _scalars(name, fact):
        found, number = values.unique(return_inverse=True)
        if len(found) <= MOST_CLASSES or classes:
            called = [
                classes[x] if 0 <= x < len(classes) else str(x) for x in found.tolist()
            ]
            label = f"{part} class" if place else part
            yield Asked(label, number, everywhere, "", tuple(called))
        elif not place:
            yield Asked(part, values.float().unsqueeze(1), everywhere, unit)


def _once(made: Sequence[Asked], named: bool) -> tuple[list[Asked], list[str]]:
    """Without velocities that a fact tells, and without facts that another one is.

    Facts that were named are all kept.
    """
    kept, notes = [], []
    for i, x in enumerate(made):
        others = made if _is_velocity(x) else () if named else made[:i]
        twin = next((y for y in others if _tells(y, x)), None)
        if twin is None:
            kept.append(x)
        else:
            notes.append(f"{x.name} was left out: {twin.name} is the same.")
    return kept, notes


def _tells(fact: Asked, other: Asked) -> bool:
    """Whether a fact, and no velocity, is equal to another wherever that is known."""
    if fact is other or _is_velocity(fact):
        return False
    if (fact.unit, fact.classes) != (other.unit, other.classes):
        return False
    same = (fact.values.dtype, fact.values.shape)
    if same != (other.values.dtype, other.values.shape):
        return False
    if bool((other.known & ~fact.known).any()):
        return False
    told, wanted = fact.values[other.known], other.values[other.known]
    if _is_velocity(other):  # a difference of places, which is rounded
        return torch.allclose(told, wanted, atol=1e-4)
    return torch.equal(told, wanted)


def _is_velocity(asked: Asked) -> bool:
    return asked.name.endswith(_VELOCITY)


def _vectors(name: str, fact: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Vectors along the last axis: one for each place in the axes between."""
    if fact.ndim < 2:
        yield name, fact.unsqueeze(1)
        return
    for index in product(*map(range, fact.shape[1:-1])):
        yield _part(name, index), _at(fact, index)


def _scalars(name: str, fact: Tensor) -> Iterator[tuple[str, Tensor]]:
    for index in product(*map(range, fact.shape[1:])):
        yield _part(name, index), _at(fact, index).long()


def _part(name: str, index: tuple[int, ...]) -> str:
    return ".".join([name, *map(str, index)])


def _at(fact: Tensor, index: tuple[int, ...]) -> Tensor:
    for i in index:
        fact = fact[:, i]
    return fact
