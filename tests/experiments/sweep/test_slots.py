import os
from pathlib import Path

import pytest

from envs.atari.native import AtariConfig
from experiments.sweep.slots import make_slots
from ssl_objectives.refusal import ConfigError

THREADS = ("OMP_NUM_THREADS", "CURIOUS_EMULATOR_THREADS")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "MKL_NUM_THREADS", *THREADS):
        monkeypatch.delenv(name, raising=False)


def test_processes_share_the_cores_and_see_no_gpu() -> None:
    slots = make_slots(3, None, 1, None, cores=10, gpus=2)
    assert len(slots) == 3
    for slot in slots:
        assert slot.environment["CUDA_VISIBLE_DEVICES"] == ""
        assert [slot.environment[x] for x in THREADS] == ["3", "3"]


def test_without_gpus_half_the_cores_get_a_process() -> None:
    assert len(make_slots(None, None, 1, None, cores=9, gpus=0)) == 4
    assert len(make_slots(None, None, 1, None, cores=1, gpus=0)) == 1


def test_devices_are_filled_one_by_one() -> None:
    slots = make_slots(None, "0-1,3", 2, None, cores=24, gpus=4)
    seen = [x.environment["CUDA_VISIBLE_DEVICES"] for x in slots]
    assert seen == ["0", "1", "3", "0", "1", "3"]
    assert slots[2].name == "gpu 3"
    assert slots[0].environment["OMP_NUM_THREADS"] == "4"


def test_all_gpus_are_used_unless_processes_are_asked_for() -> None:
    assert len(make_slots(None, None, 3, None, cores=8, gpus=2)) == 6
    assert len(make_slots(5, None, 3, None, cores=8, gpus=2)) == 5


def test_devices_are_counted_within_those_visible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    slots = make_slots(None, "1", 1, None, cores=8, gpus=2)
    assert [x.environment["CUDA_VISIBLE_DEVICES"] for x in slots] == ["7"]


def test_threads_that_a_person_has_set_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    [slot] = make_slots(1, None, 1, None, cores=8)
    assert slot.variables()["OMP_NUM_THREADS"] == "5"
    assert slot.variables()["CURIOUS_EMULATOR_THREADS"] == "8"
    assert slot.variables()["PATH"] == os.environ["PATH"]
    [slot] = make_slots(1, None, 1, 2, cores=8)
    assert slot.variables()["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize(
    ("processes", "devices", "per_device", "threads", "says"),
    [
        (0, None, 1, None, "--processes must be at least 1"),
        (None, "0", 0, None, "--per-device must be at least 1"),
        (None, None, 1, 0, "--threads must be at least 1"),
        (2, "0", 1, None, "give one of the two"),
        (None, "0-2", 1, None, "there are 2 GPUs here, 0 to 1"),
        (None, "0,0", 1, None, "one twice"),
        (None, "1-0", 1, None, "names no GPU"),
        (None, "all", 1, None, "is not like 0-7 or 0,2,5"),
    ],
)
def test_places_that_do_not_exist_are_refused(
    processes: int | None,
    devices: str | None,
    per_device: int,
    threads: int | None,
    says: str,
) -> None:
    with pytest.raises(ConfigError, match=says):
        make_slots(processes, devices, per_device, threads, cores=4, gpus=2)


@pytest.mark.parametrize(("variable", "flag"), [("1", 0), ("2", 1)])
def test_emulators_heed_their_variable_unless_a_flag_says_more(
    monkeypatch: pytest.MonkeyPatch, variable: str, flag: int
) -> None:
    monkeypatch.setenv("CURIOUS_EMULATOR_THREADS", variable)
    tasks = Path("/proc/self/task")
    before = len(list(tasks.iterdir()))
    env = AtariConfig("Pong", num_threads=flag).build(4, "cpu")
    try:
        assert len(list(tasks.iterdir())) - before == 1
    finally:
        env.close()
