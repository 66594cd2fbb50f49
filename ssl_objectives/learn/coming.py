"""The batches of a run, read before they are wanted where that takes long."""

from collections import deque
from collections.abc import Iterator
from itertools import count

from jaxtyping import Int64, UInt8
from torch import Tensor

from ssl_objectives.images.orders import RowOrder, own_share
from ssl_objectives.images.source import ImageSource


class ComingBatches:
    """What each step is shown: this process's share of the rows of its batch.

    Steps are asked for in order; whoever asks for another, as a run that resumes, makes
    it begin anew there. So nothing has to be saved.

    Args:
        images: to read from.
        order: which rows are in which batch.
        rank: of this process.
        processes: how many there are.
        apart: steps between the frames of a pair; 0 for single images.
    """

    def __init__(
        self,
        images: ImageSource,
        order: RowOrder,
        rank: int = 0,
        processes: int = 1,
        apart: int = 0,
    ) -> None:
        self._images, self._order, self._apart = images, order, apart
        self._share = (rank, processes)
        self._next = -1
        self._drawn: deque[Tensor] = deque()
        self._read: Iterator[Tensor] = iter(())

    def of(self, step: int) -> tuple[Int64[Tensor, "n"], UInt8[Tensor, "n *two C H W"]]:
        """Rows and images of a step."""
        if step != self._next:
            self._drawn.clear()
            self._read = self._begin(step)
        self._next = step + 1
        images = next(self._read)
        return self._drawn.popleft(), images

    def _begin(self, step: int) -> Iterator[Tensor]:
        drawn = self._drawn = deque()
        batches = _batches(self._order, self._share, drawn, step)
        images, apart = self._images, self._apart
        if not apart:
            return images.ahead(batches)
        return (images.pairs(rows, apart) for _, rows in batches)


def _batches(
    order: RowOrder, share: tuple[int, int], drawn: deque[Tensor], step: int
) -> Iterator[tuple[int, Int64[Tensor, "n"]]]:
    """From a step on without end; it is read from as far ahead as anybody likes.

    It holds nothing that holds it: workers that are left to the collector of cycles
    are not told that they are done, and are waited for for 5 seconds each.
    """
    for x in count(step):
        rows = own_share(order.rows(x), *share)
        drawn.append(rows)
        yield x, rows
