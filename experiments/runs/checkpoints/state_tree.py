"""A nested state as flat tensors and a JSON skeleton, and back."""

from typing import Any

import torch
from torch import Tensor


def flatten(state: Any) -> tuple[Any, dict[str, Tensor]]:
    """Take a tree apart.

    Args:
        state: dicts with text or integer keys, lists and tuples of tensors, numbers,
            text, bytes and None.

    Returns:
        The skeleton, plain JSON, and the tensors under path keys (`state/a/0`): dense,
        on the CPU, no two sharing memory, copied only where that needs it. They are
            contiguous: axes of others (`channels_last`) are permuted, and the skeleton
        says how, so that they come back with the strides they had.

    Raises:
        TypeError: says where there is something else.
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _pack(state, "state", tensors)
    _separate(tensors)
    return skeleton, tensors


def unflatten(skeleton: Any, tensors: dict[str, Tensor]) -> Any:
    """Put a tree together again."""
    if not isinstance(skeleton, dict):
        return skeleton
    if "float" in skeleton:
        return float(skeleton["float"])
    if "tensor" in skeleton:
        tensor = tensors[skeleton["tensor"]]
        if "stride" in skeleton:
            return tensor.as_strided(skeleton["shape"], skeleton["stride"])
        return tensor
    if "bytes" in skeleton:
        return tensors[skeleton["bytes"]].numpy().tobytes()
    if "dict" in skeleton:
        return {key: unflatten(x, tensors) for key, x in skeleton["dict"]}
    if "tuple" in skeleton:
        return tuple(unflatten(x, tensors) for x in skeleton["tuple"])
    return [unflatten(x, tensors) for x in skeleton["list"]]


def _pack(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """JSON for `value`; its tensors (and bytes, as tensors) go into `tensors`."""
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, float):
        return {"float": repr(float(value))}  # exact, and JSON has no nan and inf
    if isinstance(value, Tensor):
        tensors[path], layout = _plain(value, path)
        return {"tensor": path, **layout}
    if isinstance(value, bytes):
        tensors[path] = (
            torch.frombuffer(bytearray(value), dtype=torch.uint8)
            if value
            else torch.empty(0, dtype=torch.uint8)
        )
        return {"bytes": path}
    if isinstance(value, dict):
        if any(type(key) not in (str, int) for key in value):
            raise TypeError(f"{path}: its keys are not all text or integers.")
        return {
            "dict": [
                [key, _pack(x, f"{path}/{_escape(key)}", tensors)]
                for key, x in value.items()
            ]
        }
    if type(value) in (list, tuple):
        items = [_pack(x, f"{path}/{i}", tensors) for i, x in enumerate(value)]
        return {type(value).__name__: items}
    raise TypeError(
        f"{path}: it is a {type(value).__qualname__}. A checkpoint holds "
        "dicts, lists, tuples, tensors, numbers, text, bytes and None; turn it into "
        "those in state_dict()."
    )


def _escape(key: str | int) -> str:
    """A key as part of a path; 1 and "1" differ, and so do "a/b" and "a" > "b"."""
    if isinstance(key, int):
        return f"#{key}"
    return key.replace("~", "~0").replace("/", "~1").replace("#", "~2")


def _plain(tensor: Tensor, path: str) -> tuple[Tensor, dict[str, Any]]:
    """Contiguous and on the CPU, and the layout it had where that is another one.

    The layout counts because PyTorch's fused optimisers walk through memory: moments
    of a `channels_last` weight that came back contiguous would silently be applied to
    other elements of the weight.
    """
    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise TypeError(f"{path}: only dense tensors can be saved.")
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    stride = tensor.stride()
    if stride == torch.empty(tensor.shape, device="meta").stride():
        return tensor, {}
    in_memory = tensor.permute(sorted(range(tensor.ndim), key=lambda i: -stride[i]))
    if not in_memory.is_contiguous():  # a slice, or an expanded tensor
        return tensor.contiguous(), {}
    return in_memory, {"shape": list(tensor.shape), "stride": list(stride)}


def _separate(tensors: dict[str, Tensor]) -> None:
    """Copy tensors that share memory (tied weights, views): each is saved by itself."""
    seen: set[int] = set()
    for key, tensor in tensors.items():
        storage = tensor.untyped_storage()
        whole = storage.nbytes() == tensor.nbytes and not tensor.is_shared()
        if not whole or storage.data_ptr() in seen:
            tensors[key] = tensor.clone()
        else:
            seen.add(storage.data_ptr())
