"""Images that are no bytes are refused wherever they enter, with the way to convert."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ssl_objectives.pixels import NotBytes, check_bytes
from ssl_objectives.refusal import Refusal


def test_whoever_takes_images_refuses_other_numbers() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.ssl_objectives.not_bytes"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert sum(x.startswith("bytes ") for x in said) == 5
    for line in said:
        wanted = "taken" if line.startswith("bytes ") else "refused and converts"
        assert line.endswith(wanted), line
    assert len(said) == 8 * 5 - 1


def test_the_refusal_is_for_people_and_for_programs() -> None:
    assert issubclass(NotBytes, Refusal)
    with pytest.raises(
        ValueError, match=r"This encoder takes .* not a Tensor of torch"
    ):
        check_bytes(torch.zeros(1, 1, 2, 2), "This encoder")
    with pytest.raises(NotBytes, match=r"not a list"):
        check_bytes([[0]], "This encoder")
