"""`pretend_cuda()`: inside of it, code that asks for "cuda" gets the pretend device."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MethodWrapperType
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

from envs.toys.textures import waves
from envs.toys.wander import inverse_distribution
from envs.vector_env import bound
from ssl_objectives.parts.constants import constant
from tests.pretend.device import PretendDevice
from tests.pretend.tensor import CLAIMED, PretendGenerator, PretendTensor

_FREE = 8 * 2**30
_HOST_FIRST = frozenset({torch.tensor, torch.as_tensor, torch.asarray})

# What autocast for CUDA computes in bf16, and what in float32; see PyTorch's list.
_LOWERED = frozenset(
    {
        *(torch.conv1d, torch.conv2d, torch.conv3d, torch.conv_transpose2d),
        *(F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__),
        *(torch.mm, torch.bmm, torch.addmm, torch.baddbmm, torch.einsum),
        *(torch.prelu, F.scaled_dot_product_attention),
    }
)
_RAISED = frozenset(
    {
        *(torch.exp, Tensor.exp, torch.log, Tensor.log, torch.rsqrt, Tensor.rsqrt),
        *(torch.pow, Tensor.pow, Tensor.__pow__, F.softplus, torch.layer_norm),
        *(F.layer_norm, F.group_norm, F.cosine_similarity, F.mse_loss, F.l1_loss),
        *(torch.logsumexp, Tensor.logsumexp, F.interpolate, torch.sum, Tensor.sum),
        *(torch.softmax, Tensor.softmax, F.softmax, torch.log_softmax, F.log_softmax),
        *(Tensor.log_softmax, torch.cumsum, Tensor.cumsum, torch.norm, Tensor.norm),
        *(torch.linalg.vector_norm, F.cross_entropy, F.nll_loss, F.normalize),
    }
)


class _Calls(TorchFunctionMode):
    """Python's calls: names the device as C++ knows it, and casts like autocast."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is torch.device or isinstance(func, MethodWrapperType):
            return func(*args, **(kwargs or {}))  # such as the shape of a tensor
        args = tuple(map(_claimed, args))
        kwargs = {k: _claimed(v) for k, v in (kwargs or {}).items()}
        if func is Tensor.new_tensor:
            func, like = torch.tensor, args[0]
            args, kwargs = args[1:], {"dtype": like.dtype, **kwargs}
            kwargs.setdefault("device", _claimed(like.device))
        _refuse_other_generator(func, args, kwargs)
        if func in _HOST_FIRST:
            device = kwargs.pop("device", None)
            made = func(*args, **kwargs)
            return made if device is None else made.to(device)
        if func in (Tensor.__getitem__, Tensor.__setitem__):
            args = (args[0], _listed(args[0], args[1]), *args[2:])
        if func is Tensor.tolist:  # which refuses subclasses
            return args[0].cpu().tolist()
        if func is Tensor.pin_memory:
            return _pinned(args[0])
        args, kwargs = _autocast(func, (args, kwargs))
        return func(*args, **kwargs)


def _refuse_other_generator(func: Any, args: Any, kwargs: dict[str, Any]) -> None:
    """CUDA draws with a CUDA generator only, a CPU with a CPU's."""
    generator = kwargs.get("generator")
    if generator is None:
        return
    device = kwargs.get("device")
    here = device == CLAIMED
    if device is None:
        here = any(isinstance(x, PretendTensor) for x in args)
    if isinstance(generator, PretendGenerator) != here:
        wanted, found = ("cuda", "cpu") if here else ("cpu", "cuda")
        raise RuntimeError(
            f"Expected a '{wanted}' device type for generator but found '{found}' "
            f"({func.__name__})"
        )


def _claimed(x: Any) -> Any:
    """The device's name in C++ for its name in Python."""
    named = isinstance(x, torch.device) and x.type == "cuda"
    if named or (isinstance(x, str) and x.partition(":")[0] == "cuda"):
        if torch.device(x).index not in (None, 0):
            raise RuntimeError("CUDA error: invalid device ordinal")
        return CLAIMED
    return x


def _pinned(x: Tensor) -> Tensor:
    if isinstance(x, PretendTensor):
        raise RuntimeError("cannot pin 'torch.cuda.Tensor' only dense CPU tensors can")
    pinned: Any = x.clone()
    pinned.pretends_pinned = True
    return pinned  # type: ignore[no-any-return]


def _listed(x: Tensor, index: Any) -> Any:
    """The index with tensors for lists, which travel to the device of `x`."""
    if not isinstance(x, PretendTensor):
        return index
    if isinstance(index, tuple):
        return tuple(_listed(x, y) for y in index)
    if isinstance(index, list | np.ndarray):
        return torch.as_tensor(index).to(CLAIMED)
    return index


def _autocast(func: Any, tree: Any) -> Any:
    if not torch.is_autocast_enabled("cuda") or func not in _LOWERED | _RAISED:
        return tree
    dtype = torch.get_autocast_dtype("cuda") if func in _LOWERED else torch.float32

    def cast(x: PretendTensor) -> Tensor:
        double = x.dtype == torch.float64
        return x.to(dtype) if x.is_floating_point() and not double else x

    return tree_map_only(PretendTensor, cast, tree)


_REAL = torch.Generator


class _KnowingDevices(type):
    """What `torch.Generator` is, as long as the pretend device is there."""

    def __call__(cls, device: torch.device | str = "cpu") -> torch.Generator:
        on_host = torch.device(device).type != "cuda"
        return _REAL(device) if on_host else PretendGenerator()

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, _REAL)


class _Generator(metaclass=_KnowingDevices):
    pass


def _forget() -> None:
    """Constants that only seem to lie on a GPU, or that do not seem to."""
    for kept in (constant, bound, waves, inverse_distribution):
        kept.cache_clear()


@contextmanager
def pretend_cuda() -> Iterator[PretendDevice]:
    """Pretend that there is one GPU, `cuda` or `cuda:0`.

    Yields:
        The device, which writes down waiting and copies.
    """
    device = PretendDevice()
    answers: dict[str, Callable[..., Any]] = {
        "torch.cuda.is_available": lambda: True,
        "torch.cuda.device_count": lambda: 1,
        "torch.cuda.get_device_name": lambda _=None: "pretend",
        "torch.cuda.is_bf16_supported": lambda including_emulation=True: True,
        "torch.cuda.mem_get_info": lambda _=None: (_FREE, _FREE),
        "torch.cuda.memory_reserved": lambda _=None: 0,
        "torch.cuda.memory_allocated": lambda _=None: 0,
        "torch.cuda.max_memory_allocated": lambda _=None: 0,
        "torch.cuda.synchronize": lambda _=None: None,
        "torch.cuda.is_current_stream_capturing": lambda: False,
        "torch.cuda.amp.common.amp_definitely_not_available": lambda: False,
    }
    patches = [patch(name, answer) for name, answer in answers.items()]
    patches += [patch("torch.Generator", _Generator)]
    _forget()
    try:
        with ExitStack() as stack:
            for x in patches:
                stack.enter_context(x)
            stack.enter_context(device)
            stack.enter_context(_Calls())
            yield device
    finally:
        _forget()
