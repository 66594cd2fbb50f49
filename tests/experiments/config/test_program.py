"""What a command raises, as text and exit code."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from envs.vector_env import WorldError
from experiments.config.command_line import HelpAsked, Misuse
from experiments.config.program import complain, run_as_program, run_together
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


def test_what_cannot_be_seen_is_spelled_out(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no run at a\x1eb\x1b[2J\u202e, ä 字 𝄞\nat all")
    said = capsys.readouterr().err
    assert said == "error: no run at a\\x1eb\\x1b[2J\\u202e, ä 字 𝄞\nat all\n"


def test_a_command_is_given_its_arguments_and_says_its_code() -> None:
    assert run_as_program(len, ["a", "b", "c"]) == 3


@pytest.fixture
def of_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """This process is the second of two that torchrun started; where it tells why."""
    told = tmp_path / "error.json"
    started = {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "WORLD_SIZE": "2"}
    for name, value in {**started, "TORCHELASTIC_ERROR_FILE": str(told)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("experiments.config.speaker._PATIENCE", 0.0)
    return told


def test_a_command_of_one_process_does_not_run_twice(
    of_two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(argv: Sequence[str]) -> int:
        pytest.fail("it ran")

    assert run_as_program(command, []) == 1
    message = "This command is for one process, and torchrun started 2."
    assert message in capsys.readouterr().err
    assert run_together(len, ["a"]) == 1  # the number of its arguments


def test_what_all_refuse_is_said_by_the_first(
    of_two: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    waited: list[float] = []

    def command(argv: Sequence[str]) -> int:
        raise ConfigError("no")

    with monkeypatch.context() as patch:

        def ended(seconds: float) -> None:  # as torchrun ends it
            waited.append(seconds)
            raise SystemExit(1)

        patch.setattr("experiments.config.speaker._PATIENCE", 30.0)
        patch.setattr("time.sleep", ended)
        with pytest.raises(SystemExit):
            run_together(command, [])
    assert waited == [30.0]
    assert capsys.readouterr().err == ""
    assert not of_two.exists()
    # the first did not end: this process was refused alone
    assert run_together(command, []) == 1
    assert capsys.readouterr().err == "error: no\n"
    said = json.loads(of_two.read_text())["message"]
    assert said["extraInfo"]["py_callstack"] == "no"


def test_help_is_shown_once(of_two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def command(argv: Sequence[str]) -> int:
        raise HelpAsked("usage")

    assert run_together(command, []) == 0
    assert capsys.readouterr() == ("", "")
