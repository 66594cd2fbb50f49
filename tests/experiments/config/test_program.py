"""What a command raises, as text and exit code."""

from collections.abc import Sequence

import pytest

from envs.vector_env import WorldError
from experiments.config.command_line import HelpAsked, Misuse
from experiments.config.program import run_as_program
from ssl_objectives.footprint.plan import DoesNotFit
from ssl_objectives.refusal import ConfigError

NO_MEMORY = (
    "There is not enough memory for what was asked for. Lower what was raised, or "
    "choose a smaller --size. Whatever was saved before is safe.\n"
)


class DependencyNotInstalled(Exception):
    """As Gymnasium's own, which only `envs` may import."""


@pytest.mark.parametrize(
    ("raised", "code", "out", "err"),
    [
        (HelpAsked("usage: [x]"), 0, "usage: [x]\n", ""),
        (Misuse("╭ box ╮"), 2, "", "╭ box ╮\n"),
        (ConfigError("no [such] part"), 1, "", "error: no [such] part\n"),
        (DoesNotFit("too large"), 1, "", "error: too large\n"),
        (
            OSError(28, "No space left on device", "runs/x"),
            1,
            "",
            "error: No space left on device: runs/x. Whatever was saved before is "
            "safe.\n",
        ),
        (
            KeyboardInterrupt(),
            130,
            "",
            "error: Stopped at once, as asked. Whatever was saved before is safe.\n",
        ),
        (DependencyNotInstalled("pip install x"), 1, "", "error: pip install x\n"),
        (WorldError("no step"), 1, "", "error: no step\n"),
        (MemoryError(), 1, "", f"error: {NO_MEMORY}"),
        (
            RuntimeError("x: DefaultCPUAllocator: can't allocate memory"),
            1,
            "",
            f"error: {NO_MEMORY}",
        ),
        (
            RuntimeError("Storage size calculation overflowed"),
            1,
            "",
            f"error: {NO_MEMORY}",
        ),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, BaseException) else "",
)
def test_what_is_refused_is_one_message_and_a_code(
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    code: int,
    out: str,
    err: str,
) -> None:
    def command(argv: Sequence[str]) -> int:
        raise raised

    assert run_as_program(command, ["x"]) == code
    assert capsys.readouterr() == (out, err)


@pytest.mark.parametrize("bug", [ValueError("a bug"), OSError("without a number")])
def test_bugs_are_left_alone(bug: Exception) -> None:
    def command(argv: Sequence[str]) -> int:
        raise bug

    with pytest.raises(type(bug), match=str(bug)):
        run_as_program(command, [])


def test_a_command_is_given_its_arguments_and_says_its_code() -> None:
    assert run_as_program(len, ["a", "b", "c"]) == 3
