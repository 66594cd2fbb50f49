import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from experiments.runs.checkpoints.checkpoint import CheckpointError, load_checkpoint
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of

ROOT = Path(__file__).parents[4]


def steps(folder: CheckpointFolder) -> list[int]:
    return [steps_of(x) for x in folder.paths()]


def test_the_newest_the_best_and_a_sparse_history_are_kept(tmp_path: Path) -> None:
    scores = {300: 9.0, 700: 9.0, 900: float("nan"), 1200: 8.0}
    for i in range(1, 41):
        # A new object each time: whatever it knows, it knows from the files.
        folder = CheckpointFolder(tmp_path / "c", keep_last=3, sparse_from=500)
        folder.save({"i": i}, 100 * i, scores.get(100 * i))
    assert steps(folder) == [500, 700, 1000, 2000, 3800, 3900, 4000]
    assert steps_of(folder.latest()) == 4000
    assert steps_of(folder.best()) == 700
    assert folder.load().state == {"i": 40}
    assert folder.load(folder.best()).state == {"i": 7}


def test_the_first_at_or_after_each_threshold_stays(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=1, sparse_from=100)
    for number in (70, 130, 190, 260, 390, 450, 1700, 1800):
        folder.save(None, number)
    assert steps(folder) == [130, 260, 450, 1700, 1800]


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "missing")
    with pytest.raises(CheckpointError, match="no checkpoint in"):
        folder.latest()
    folder.save(None, 5)
    with pytest.raises(CheckpointError, match="not evaluated"):
        folder.best()
    with pytest.raises(ValueError, match="keep_last"):
        CheckpointFolder(tmp_path, keep_last=0)


def test_a_damaged_checkpoint_names_the_last_good_one(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=3)
    for steps in (10, 20, 30):
        folder.save({"w": torch.zeros(100)}, steps, score=steps)
    first, second, third = folder.paths()
    third.write_bytes(third.read_bytes()[:-10])
    second.write_bytes(second.read_bytes()[:-1] + b"\x01")
    with pytest.raises(CheckpointError) as error:
        folder.load()
    assert str(third) in str(error.value)
    assert "cut off" in str(error.value)
    assert str(error.value).endswith(f"--resume {first}")
    assert folder.best() == second  # its header is whole; loading it tells
    first.unlink()
    with pytest.raises(CheckpointError, match="No older checkpoint"):
        folder.load(second)


def test_resuming_from_an_older_checkpoint_drops_what_came_later(
    tmp_path: Path,
) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=3)
    folder.start(0)
    for number in (10, 20, 30):
        folder.save(number, number)
    folder.save("without start", 15)  # must not fall to the newer ones
    assert steps(folder) == [10, 15, 20, 30]
    (tmp_path / ".step-000000000040.safetensors.1.unfinished").touch()
    (tmp_path / ".tmpA1b2C3").touch()  # what safetensors leaves when killed
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CheckpointError, match="up to 30 steps, but none at 12"):
        folder.start(12)
    with pytest.raises(CheckpointError, match="another run"):
        folder.start(0)
    assert len(os.listdir(tmp_path)) == 7
    folder.start(20)
    assert sorted(os.listdir(tmp_path)) == [
        "notes.txt",
        *(f"step-0000000000{x}.safetensors" for x in (10, 15, 20)),
    ]


def test_a_renamed_checkpoint_is_refused() -> None:
    with pytest.raises(CheckpointError, match="not named like"):
        steps_of(Path("final.safetensors"))


KILLS = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of

torch.set_num_threads(1)
path = Path(sys.argv[1])
rng = random.Random(3)
folder = CheckpointFolder(path, keep_last=2, sparse_from=1_000_000)
kills = []
for _ in range(50):
    begin = steps_of(folder.latest()) if folder.paths() else 0
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        folder.start(begin)
        steps = begin
        while True:
            steps += 1
            state = {"w": torch.full((300_000,), float(steps)), "n": steps}
            folder.save(state, steps, score=-steps)
            os.write(write, b"%d " % steps)
    os.close(write)
    with os.fdopen(read, "rb", buffering=0) as pipe:
        said = b""
        for _ in range(rng.randrange(4)):  # some are killed in their first save
            said += pipe.read(4096)
        time.sleep(rng.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := pipe.read(4096):
            said += more
    reported = [int(x) for x in said.split()]
    half = sum(x.name.endswith(".unfinished") for x in path.iterdir())
    state = folder.load().state if folder.paths() else {"n": 0, "w": torch.zeros(1)}
    assert bool((state["w"] == state["n"]).all())
    kills.append([max(reported, default=begin), state["n"], half])
print(json.dumps(kills))
"""


def test_kill_9_at_any_moment_leaves_a_good_latest_checkpoint(tmp_path: Path) -> None:
    script = tmp_path / "kills.py"
    script.write_text(KILLS)
    folder = CheckpointFolder(tmp_path / "checkpoints")
    folder.path.mkdir()
    out = subprocess.run(
        [sys.executable, str(script), str(folder.path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0, out.stderr
    kills = json.loads(out.stdout)
    for reported, loaded, _ in kills:
        assert reported <= loaded <= reported + 1
    assert sum(half for _, _, half in kills) > 0  # some were hit while writing
    assert max(half for _, _, half in kills) == 1  # leftovers do not pile up
    assert kills[-1][1] > 25
    for path in folder.paths():
        load_checkpoint(path)
