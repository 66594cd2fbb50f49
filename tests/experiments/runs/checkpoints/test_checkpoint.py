import math
import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from experiments.runs.checkpoints.checkpoint import (
    CheckpointError,
    load_checkpoint,
    read_header,
    save_checkpoint,
)


def _in_memory(x: Tensor) -> tuple[int, ...] | None:
    """Strides; None for tensors with holes in memory."""
    stride = x.stride()
    order = sorted(range(x.ndim), key=lambda i: -stride[i])
    return stride if x.permute(order).is_contiguous() else None


def _bits(x: Tensor) -> Tensor:
    return x.reshape(-1).contiguous().view(torch.uint8)


def same(a: Any, b: Any) -> bool:
    """Equal in value and type, all the way down; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return (
            a.dtype == b.dtype
            and a.shape == b.shape
            and _in_memory(a) in (_in_memory(b), None)
            and torch.equal(_bits(a), _bits(b))
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


STATE: dict[str, Any] = {
    "frames": torch.arange(256, dtype=torch.uint8).reshape(4, 8, 8),
    "mask": torch.tensor([True, False, True]),
    "half": torch.linspace(-3, 3, 7).bfloat16(),
    "double": torch.tensor([math.pi, math.nan, -math.inf], dtype=torch.float64),
    "long": torch.tensor(2**62),
    "unsigned": torch.tensor([65535], dtype=torch.uint16),
    "complex": torch.tensor([1 + 2j]),
    "empty": torch.zeros(0, 5),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "channels last": torch.arange(210)
    .reshape(1, 5, 6, 7)
    .mT.contiguous(memory_format=torch.channels_last),
    "one channel last": torch.ones(5, 1, 3, 2).to(memory_format=torch.channels_last),
    "slice": torch.arange(100.0)[10:13],
    "column": torch.arange(20.0).reshape(4, 5)[:, 1],
    "expanded": torch.ones(3, 1).expand(3, 5),
    "numbers": (1, 2**70, -0.0, 0.1, math.nan, math.inf, -math.inf, True, None),
    "nested": [{"a": ({}, [], ())}, 'text with "quotes" and λ', ""],
    "bytes": {"some": bytes(range(256)), "none": b""},
    "a/b": torch.ones(1),
    "a": {"b": torch.zeros(1), "~1": torch.full((1,), 2.0)},
    "keys": {1: torch.ones(2), "1": torch.ones(3), "#1": torch.ones(4)},
}


def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_checkpoint(path, STATE, steps=123, score=-4.5)
    read = load_checkpoint(path)
    assert same(STATE, read.state)
    assert read.header == read_header(path)
    assert (read.header.steps, read.header.score) == (123, -4.5)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("state", [torch.ones(3), 5, None, b"", [], {}])
def test_a_tree_may_be_a_single_leaf(tmp_path: Path, state: Any) -> None:
    save_checkpoint(tmp_path / "x", state, 0)
    assert same(load_checkpoint(tmp_path / "x").state, state)


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_whoever_may_read_the_folder_may_read_the_file(
    tmp_path: Path, mode: int
) -> None:
    tmp_path.chmod(mode)
    save_checkpoint(tmp_path / "x.safetensors", {}, 1)
    allowed = (tmp_path / "x.safetensors").stat().st_mode & 0o777
    assert allowed == mode & 0o666


def test_any_safetensors_reader_can_open_it(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "x", {"agent": {"weight": torch.ones(2)}}, 0)
    with safe_open(tmp_path / "x", framework="pt") as file:
        assert file.keys() == ["state/agent/weight"]
        assert file.metadata()["kind"] == "curious-worlds/checkpoint"


def test_shared_memory_is_saved_once_per_name(tmp_path: Path) -> None:
    weight = torch.arange(6.0)
    state = {"a": weight, "b": weight, "view": weight.view(2, 3), "last": weight[-1]}
    save_checkpoint(tmp_path / "x", state, 0)
    read = load_checkpoint(tmp_path / "x").state
    assert same(read, state)
    read["a"].zero_()
    assert read["b"].sum() == 15
    weight.share_memory_()
    save_checkpoint(tmp_path / "x", state, 0)
    assert same(load_checkpoint(tmp_path / "x").state, state)


@pytest.mark.parametrize("fused", [False, True])
def test_modules_and_optimizers_continue_where_they_were(
    tmp_path: Path, fused: bool
) -> None:
    """Fused Adam walks through memory, so that the order of axes there counts."""

    def train(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        image = torch.arange(2 * 3 * 7 * 5.0).reshape(2, 3, 7, 5) / 100
        optimizer.zero_grad()
        module(image).square().sum().backward()
        optimizer.step()

    def build() -> tuple[nn.Module, torch.optim.Optimizer]:
        module = nn.Sequential(nn.Conv2d(3, 5, (2, 3)), nn.BatchNorm2d(5), nn.GELU())
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return module, torch.optim.Adam(module.parameters(), 0.1, fused=fused)

    module, optimizer = build()
    for _ in range(3):
        train(module, optimizer)
    state = {"module": module.state_dict(), "optimizer": optimizer.state_dict()}
    save_checkpoint(tmp_path / "x", state, 0)
    other, other_optimizer = build()
    read = load_checkpoint(tmp_path / "x").state
    other.load_state_dict(read["module"])
    other_optimizer.load_state_dict(read["optimizer"])
    for _ in range(3):
        train(module, optimizer)
        train(other, other_optimizer)
    assert same(dict(other.state_dict()), dict(module.state_dict()))


@pytest.mark.gpu
def test_cuda_tensors_come_back_on_the_cpu(tmp_path: Path) -> None:
    x = torch.arange(5, device="cuda")
    save_checkpoint(tmp_path / "x", {"x": x, "column": x.expand(2, 5).T}, 0)
    read = load_checkpoint(tmp_path / "x").state
    assert same(read, {"x": x.cpu(), "column": x.cpu().expand(2, 5).T})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"agent": {"rng": object()}}, "state/agent/rng: it is a object"),
        ({"env": [{True: 1}]}, "state/env/0: its keys"),
        ({"x": torch.eye(2).to_sparse()}, "only dense tensors"),
        ({"x": torch.ones(1, dtype=torch.complex128)}, "complex128 cannot be saved"),
        ({"x": {1, 2}}, "state/x: it is a set"),
        ({"x": torch.Size([1])}, "state/x: it is a Size"),
    ],
)
def test_what_cannot_be_saved_is_named(
    tmp_path: Path, state: Any, message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        save_checkpoint(tmp_path / "x", state, 0)
    assert os.listdir(tmp_path) == []


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    state = {"w": torch.arange(40.0), "b": torch.tensor([1, 2, 3]), "lr": 0.1}
    save_checkpoint(path, state, 7, 1.5)
    good = path.read_bytes()
    unnoticed = 0
    for i in range(len(good)):
        path.write_bytes(good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1 :])
        with suppress(CheckpointError):
            read = load_checkpoint(path)
            # Not noticed: then it does not matter, like padding.
            assert same(read.state, state), i
            assert read.header.steps == 7
            unnoticed += 1
    assert unnoticed < 20


def test_damage_is_told_from_other_trouble(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_checkpoint(path, {"w": torch.zeros(100)}, 7)
    good = path.read_bytes()
    path.write_bytes(good[:-50] + b"\x01" + good[-49:])
    with pytest.raises(CheckpointError, match="'state/w' are not those"):
        load_checkpoint(path)
    path.write_bytes(good.replace(b'"format_version":"1"', b'"format_version":"9"'))
    with pytest.raises(CheckpointError, match="format version 9"):
        load_checkpoint(path)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 60, 300, -401, -200, -1])
def test_cut_off_files_are_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "x"
    save_checkpoint(path, {"w": torch.zeros(100)}, 7)
    path.write_bytes(path.read_bytes()[:length])
    for read in (load_checkpoint, read_header):
        with pytest.raises(CheckpointError, match="cut off"):
            read(path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "missing")
    for zipped in (True, False):
        torch.save({"w": 1}, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
        with pytest.raises(CheckpointError, match="is a pickle"):
            load_checkpoint(tmp_path / "x.pt")
    save_file({"w": torch.zeros(2)}, tmp_path / "x", {"kind": "else"})
    with pytest.raises(CheckpointError, match="its kind is 'else'"):
        load_checkpoint(tmp_path / "x")


def test_file_size_limit(tmp_path: Path) -> None:
    """What a quota does: the write fails in the middle with an OS error."""
    save_checkpoint(tmp_path / "old", {"w": torch.zeros(10)}, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(CheckpointError, match=r"untouched.*Free some disk space"):
            save_checkpoint(tmp_path / "new", {"w": torch.zeros(100_000)}, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == ["old"]
    assert load_checkpoint(tmp_path / "old").header.steps == 1


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="mounts")
def test_full_disk(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        save_checkpoint(tmp_path / "old", {"w": torch.zeros(10)}, 1)
        with pytest.raises(CheckpointError, match="No space left on device"):
            save_checkpoint(tmp_path / "new", {"w": torch.zeros(1_000_000)}, 2)
        assert os.listdir(tmp_path) == ["old"]
        assert load_checkpoint(tmp_path / "old").header.steps == 1
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
