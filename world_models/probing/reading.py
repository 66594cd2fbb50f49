"""Reads facts off one layer by every probe: true ones, and shuffled ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from world_models.probing.findings import TRUE, Reading, Scatter
from world_models.probing.probe import Probe, Reader
from world_models.probing.ridge import Ridge
from world_models.probing.rows import Rows
from world_models.probing.tallies import estimates

_SHOWN = 400  # rows of a scatter plot


@dataclass(frozen=True)
class Sides:
    """Rows of one layer on the three sides of a split.

    Attributes:
        arm, layer: whose they are.
        rows: all of them; facts that are known of each.
        ahead: steps over which each was predicted; None where all were seen.
        train, val, test: where they belong to.
        units: of the facts.
    """

    arm: str
    layer: str
    rows: Rows
    ahead: Int64[Tensor, "N"] | None
    train: Bool[Tensor, "N"]
    val: Bool[Tensor, "N"]
    test: Bool[Tensor, "N"]
    units: Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Whether each side has rows: velocities of single frames have none."""
        return all(bool(x.any()) for x in (self.train, self.val, self.test))

    def read(self, probes: Sequence[Probe], labels: str = TRUE) -> Iterator[Reading]:
        """By all probes, each fitted on the training rows."""
        train, val, test = (self.rows.where(x) for x in self._sides)
        for each in probes:
            reader = each.fit(train, val)
            for k, part in self._parts(test, labels):
                yield from self._told(reader, each.name, labels, k, part)

    def scatters(self) -> Iterator[Scatter]:
        """What a ridge tells of some test rows, and what is true."""
        train, val, test = (self.rows.where(x) for x in self._sides)
        num = min(_SHOWN, len(test))
        some = test.where(torch.linspace(0, len(test) - 1, num).long())
        for name, said in Ridge().fit(train, val).told(some).items():
            truth = some.facts[name].float()
            yield Scatter(self.layer, name, self.units[name], said.float(), truth)

    def shuffled(self, seed: int) -> "Sides":
        """With the facts of other rows of the same side; latents stay where they are.

        So whatever is read of them is luck.
        """
        generator = torch.Generator().manual_seed(seed)
        other = torch.arange(len(self.rows))
        for side in self._sides:
            own = side.nonzero().flatten()
            other[own] = own[torch.randperm(len(own), generator=generator)]
        facts = {k: x[other] for k, x in self.rows.facts.items()}
        rows = Rows(self.rows.latent, facts, self.rows.episode)
        return replace(self, rows=rows)

    @property
    def _sides(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.train, self.val, self.test

    def _parts(self, test: Rows, labels: str) -> Iterator[tuple[int | None, Rows]]:
        """All test rows; and those of each number of steps, of what was predicted."""
        yield None, test
        if self.ahead is not None and labels == TRUE:
            steps = self.ahead[self.test]
            for k in steps.unique().tolist():
                yield k, test.where(steps == k)

    def _told(
        self, reader: Reader, probe: str, labels: str, ahead: int | None, part: Rows
    ) -> Iterator[Reading]:
        for name, tally in reader.read(part).items():
            yield Reading(
                self.arm,
                self.layer,
                name,
                self.units[name],
                probe,
                labels,
                ahead,
                len(part),
                estimates(tally),
            )
