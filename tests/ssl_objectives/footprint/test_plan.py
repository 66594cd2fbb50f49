from pathlib import Path

import pytest
import torch

from ssl_objectives.footprint.available import _available_on_host, available_memory
from ssl_objectives.footprint.plan import DoesNotFit, MemoryPlan, check_fits, readable

GIB = 2**30


def test_a_plan_adds_up() -> None:
    plan = MemoryPlan().add("rollout frames", 3 * GIB // 2).add("replay", 10 * GIB)
    assert plan.total == 23 * GIB // 2
    assert plan.table().splitlines() == [
        "rollout frames   1.5 GiB",
        "replay          10.0 GiB",
        "------------------------",
        "together        11.5 GiB",
    ]
    assert MemoryPlan().total == 0
    assert "together" in MemoryPlan().table()


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(0, "0 B"), (640, "640 B"), (1536, "1.5 KiB"), (12 << 20, "12.0 MiB")],
)
def test_sizes_are_readable(num_bytes: int, text: str) -> None:
    assert readable(num_bytes) == text


def test_what_fits_passes_and_what_does_not_says_what_to_lower() -> None:
    small = MemoryPlan().add("rollout frames", 2**20, "--num-envs")
    check_fits(small, "cpu")
    with pytest.raises(DoesNotFit) as error:
        check_fits(small.add("replay", 2**50, "--replay.capacity"), "cpu")
    message = str(error.value)
    assert "needs about 1.0 PiB" in message or "1024.0 TiB" in message
    assert "rollout frames" in message
    assert "Lower --replay.capacity (for replay), --num-envs (for roll" in message
    with pytest.raises(DoesNotFit, match="Choose a smaller --size"):
        check_fits(MemoryPlan().add("activations", 2**50), "cpu")


def test_this_machine_has_memory() -> None:
    assert 2**20 < available_memory("cpu") < 2**48


def meminfo(proc: Path, gib: int, cgroup: str = "") -> None:
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(
        f"MemTotal:       65000000 kB\nMemAvailable:   {gib * 2**20} kB\nHuge: 0\n"
    )
    (proc / "self" / "cgroup").write_text(cgroup)


def group(path: Path, **files: str) -> None:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(text)


def test_without_a_limit_the_kernel_decides(tmp_path: Path) -> None:
    meminfo(tmp_path / "proc", 7, "0::/\n")
    group(tmp_path / "cg", memory__stat="inactive_file 5\n")
    assert _available_on_host(tmp_path / "proc", tmp_path / "cg") == 7 * GIB
    assert _available_on_host(tmp_path / "proc", tmp_path / "none") == 7 * GIB


def test_version_2_limits_of_all_folders_above_bind(tmp_path: Path) -> None:
    meminfo(tmp_path / "proc", 70, "0::/user/run\n")
    root = tmp_path / "cg"
    group(root)
    group(root / "user", memory__max=f"{8 * GIB}\n", memory__current=f"{5 * GIB}\n")
    group(root / "user/run", memory__max="max\n", memory__current=f"{GIB}\n")
    assert _available_on_host(tmp_path / "proc", root) == 3 * GIB
    (root / "user/memory.stat").write_text(f"anon 1\ninactive_file {GIB}\n")
    assert _available_on_host(tmp_path / "proc", root) == 4 * GIB


def test_version_1_limits_and_containers(tmp_path: Path) -> None:
    lines = "9:name=systemd:/\n4:cpu,memory:/docker/of-the-host\n0::/\n"
    meminfo(tmp_path / "proc", 70, lines)
    group(
        tmp_path / "cg/memory",  # inside a container only this folder is seen
        memory__limit_in_bytes=f"{4 * GIB}\n",
        memory__usage_in_bytes=f"{3 * GIB}\n",
        memory__stat=f"inactive_file 7\ntotal_inactive_file {GIB // 2}\n",
    )
    assert _available_on_host(tmp_path / "proc", tmp_path / "cg") == 3 * GIB // 2


def test_elsewhere_the_installed_memory_is_the_bound(tmp_path: Path) -> None:
    assert _available_on_host(tmp_path, tmp_path) > 2**20


@pytest.mark.gpu
def test_reserved_memory_of_a_gpu_is_available() -> None:
    before = available_memory("cuda")
    x = torch.empty(2**28, dtype=torch.uint8, device="cuda")
    assert before - available_memory("cuda") == pytest.approx(2**28, rel=0.2)
    del x
    assert available_memory("cuda") == pytest.approx(before, rel=0.01)
