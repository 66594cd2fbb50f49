"""What people are told of arrays that were imported, and of those that were not."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ssl_objectives.images.frames import order_note
from world_models.data.importers.arrays.groups import ArrayGroup
from world_models.data.importers.arrays.layout import Named, Plan

_MOST_NAMES = 20


@dataclass
class Told:
    """Collects group by group what is to be told.

    Attributes:
        lost: transitions whose next frame is not there.
        left: arrays without a number for each row.
        behind: frames behind actions, in a layout that does not read them.
        elsewhere: arrays that lie in no group with frames.
        whole: whether all real actions so far were whole numbers, and single ones.
        order: of the axes of frames, where it could be another; "" where it is clear.
    """

    lost: int = 0
    left: set[str] = field(default_factory=set)
    behind: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    whole: bool = True
    order: str = ""

    def add(self, group: ArrayGroup, named: Named, plan: Plan, facts: bool) -> None:
        """One more group; `facts` that nobody wants are not told of."""
        self.lost += plan.lost
        following = bool(plan.following.any())
        if facts:  # frames behind actions have none
            unknown = named.facts.values() if following else ()
            self.left |= {*named.others, *unknown}
        if "next_obs" in named.known and not following:
            self.behind.add(named.known["next_obs"])
        action = plan.columns.get("action")
        if action is not None and self.whole:
            single = action.ndim == 2 and action.shape[1] == 1
            self.whole = single and bool(
                (action >= 0).all() and (action == np.floor(action)).all()
            )
        elif action is None:
            self.whole = False
        self.order = self.order or order_note(group.arrays[named.obs].shape)

    def notes(self) -> tuple[str, ...]:
        """All of it, a sentence each."""
        notes = []
        if self.lost:
            notes.append(
                f"{self.lost:,} transitions are left out, since the frames behind them "
                "are not in the files."
            )
        if self.left:
            notes.append(
                f"Left out, without a number for each row: {_counted(self.left)}."
            )
        if self.behind:
            notes.append(
                "Left out, as only --layout transitions reads it: "
                f"{_counted(self.behind)}."
            )
        if self.elsewhere:
            notes.append(
                "Left out, since they do not lie with the frames: "
                f"{_counted(self.elsewhere)}."
            )
        if self.whole:
            notes.append(
                "Actions are whole numbers saved as real ones, and are amounts now. If "
                "they are choices, save them as numpy.int64."
            )
        if self.order:
            notes.append(self.order)
        return tuple(notes)


def _counted(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _MOST_NAMES
    tail = f" and {more:,} more" if more > 0 else ""
    return f"{len(ordered):,} arrays ({', '.join(ordered[:_MOST_NAMES])}{tail})"
