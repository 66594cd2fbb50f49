"""Where an episode of My Way Home begins: the three published forms, as map scripts."""

import struct
from dataclasses import dataclass
from enum import Enum

from envs.vector_env import WorldError

TURN = 2**16
"""a whole turn in the numbers of map scripts"""

_ENTER = 2  # the script that puts the player where the episode begins
_DENSE = bytes.fromhex(  # as ViZDoom ships it: any of 17 spots, any heading
    "1d021d021d030ea7010f391900a7001c00c41c00c5b00000f02b36b0000003000001"
    "0039f024a700b5008e01"
)


class Sparsity(Enum):
    """How far the vest is from where an episode begins."""

    DENSE = "dense"
    """In any of 17 spots, one of them in sight of the vest, looking anywhere."""
    SPARSE = "sparse"
    """In the farthest room to the west, looking east."""
    VERY_SPARSE = "very-sparse"
    """In the dead end to the south, looking west."""


@dataclass(frozen=True)
class Start:
    """A spot of the map by its number, and headings of which one is drawn.

    Attributes:
        spot: `id` of a thing of the map.
        least: of the headings, in `TURN`s to a turn; 0 is east, and on to the north.
        most: of them, drawn itself as well.
    """

    spot: int
    least: int
    most: int


STARTS = {
    Sparsity.SPARSE: Start(spot=10, least=0, most=int(0.01 * TURN)),
    Sparsity.VERY_SPARSE: Start(spot=15, least=int(0.49 * TURN), most=int(0.51 * TURN)),
}
"""the fixed ones: numbers of the scripts that were published with arXiv 1705.05363"""


def begins(behavior: bytes, sparsity: Sparsity) -> bytes:
    """The lump BEHAVIOR of a map, changed so that episodes begin where a form says.

    Of the compiled scripts only one is exchanged, in place. It is as long as it was, so
    that all others stay where they are.

    Args:
        behavior: as shipped with ViZDoom.
        sparsity: DENSE changes nothing.

    Raises:
        WorldError: its scripts are not those that are known.
    """
    at = behavior.find(_DENSE)
    if at < 0 or at != _address(behavior, _ENTER):
        raise WorldError(
            "This ViZDoom ships a map 'my_way_home' with other scripts than those that "
            "are known: pip install 'curious-worlds[vizdoom]' has a version that fits"
        )
    if sparsity not in STARTS:
        return behavior
    script = _compiled(STARTS[sparsity]).ljust(len(_DENSE), b"\0")
    return behavior[:at] + script + behavior[at + len(_DENSE) :]


def _compiled(start: Start) -> bytes:
    """ACS of one start; instructions by the names that ZDoom has for them."""
    return b"".join(
        (
            bytes((167, start.spot)),  # PUSHBYTE
            bytes((25, 0)),  # ASSIGNSCRIPTVAR 0: the spot
            bytes((167, 0)),  # PUSHBYTE 0: the player
            bytes((28, 0, 196)),  # PUSHSCRIPTVAR 0, GETACTORX
            bytes((28, 0, 197)),  # PUSHSCRIPTVAR 0, GETACTORY
            bytes((176, 0, 0)),  # PUSH2BYTES: on the floor, without fog
            bytes((240, 43, 54)),  # SETACTORPOSITION, DROP
            bytes((167, 0)),  # PUSHBYTE 0: the player
            b"\x03" + struct.pack("<i", start.least),  # PUSHNUMBER
            b"\x03" + struct.pack("<i", start.most),  # PUSHNUMBER
            bytes((57, 240, 36)),  # RANDOM, SETACTORANGLE
            bytes((167, 0, 181, 0)),  # PUSHBYTE 0, ASSIGNGLOBALVAR 0: the reward
            bytes((142, 1)),  # CLEARINVENTORY, TERMINATE
        )
    )


def _address(behavior: bytes, script: int) -> int:
    """Where a script begins by the chunk SPTR, or -1."""
    chunk = behavior.find(b"SPTR")
    if chunk < 0:
        return -1
    (size,) = struct.unpack_from("<i", behavior, chunk + 4)
    entries = behavior[chunk + 8 : chunk + 8 + size]
    for number, _, address in struct.iter_unpack("<HHi", entries):
        if number == script:
            return int(address)
    return -1
