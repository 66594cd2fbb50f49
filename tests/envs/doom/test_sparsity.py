"""Scripts of a map, read instruction by instruction as ZDoom would."""

import struct
from importlib.util import find_spec

import pytest

from envs.doom.game import scenario
from envs.doom.sparsity import STARTS, Sparsity, begins
from envs.doom.wad import Wad
from envs.vector_env import WorldError

SIZES = {1: 0, 3: 4, 14: 0, 15: 0, 25: 1, 28: 1, 29: 1, 54: 0, 57: 0, 142: 0}
SIZES |= {167: 1, 176: 2, 181: 1, 196: 0, 197: 0}
"""bytes of arguments by instruction; those from 240 on have a second byte"""


def read(code: bytes) -> list[tuple[int, ...]]:
    """Instructions with their arguments, up to TERMINATE (1)."""
    found: list[tuple[int, ...]] = []
    at = 0
    while not found or found[-1] != (1,):
        number, at = code[at], at + 1
        if number >= 240:
            number, at = 240 + code[at] + (number - 240) * 256, at + 1
            found.append((number,))
            continue
        size = SIZES[number]
        taken = code[at : at + size]
        value = struct.unpack("<i", taken) if number == 3 else tuple(taken)
        found.append((number, *value))
        at += size
    return found


def entering(behavior: bytes) -> bytes:
    """The script that puts the player somewhere."""
    at = behavior.index(b"SPTR") + 8
    number, kind, address = struct.unpack_from("<HHi", behavior, at + 8)
    assert (number, kind) == (2, 4)  # script 2 ENTER
    return behavior[address:]


def shipped() -> bytes:
    if find_spec("vizdoom") is None:
        pytest.skip("ViZDoom is not installed")
    return Wad(scenario("my_way_home.wad").read_bytes()).lumps["BEHAVIOR"]


def test_dense_is_what_is_shipped() -> None:
    behavior = shipped()
    assert begins(behavior, Sparsity.DENSE) == behavior
    code = read(entering(behavior))
    assert code[:7] == [(29, 2), (29, 2), (29, 3), (14,), (167, 1), (15,), (57,)]
    assert code[7] == (25, 0)


@pytest.mark.parametrize("sparsity", STARTS)
def test_a_fixed_start_changes_the_spot_and_the_heading_alone(
    sparsity: Sparsity,
) -> None:
    behavior, start = shipped(), STARTS[sparsity]
    changed = begins(behavior, sparsity)
    assert len(changed) == len(behavior)
    before, after = read(entering(behavior)), read(entering(changed))
    assert after[0] == (167, start.spot)
    # ASSIGNSCRIPTVAR, then from the player's place to SETACTORPOSITION and DROP.
    assert after[1:10] == before[7:16]
    assert before[16:20] == [(176, 0, 0), (3, 65536), (57,), (276,)]
    assert after[10:15] == [(167, 0), (3, start.least), (3, start.most), (57,), (276,)]
    assert after[15:] == before[20:]
    spot = entering(behavior)[:44]
    at = behavior.index(spot)
    assert changed[:at] == behavior[:at]
    assert changed[at + 44 :] == behavior[at + 44 :]


def test_starts_are_the_published_ones() -> None:
    """Spots 10 and 15; 0 to 0.01 and 0.49 to 0.51 of a turn, in 65536ths."""
    sparse, very = STARTS[Sparsity.SPARSE], STARTS[Sparsity.VERY_SPARSE]
    assert (sparse.spot, sparse.least, sparse.most) == (10, 0, 655)
    assert (very.spot, very.least, very.most) == (15, 32112, 33423)


@pytest.mark.parametrize("sparsity", Sparsity)
def test_other_scripts_are_refused(sparsity: Sparsity) -> None:
    with pytest.raises(WorldError, match="other scripts than those that are known"):
        begins(b"ACS\0" + bytes(196), sparsity)
