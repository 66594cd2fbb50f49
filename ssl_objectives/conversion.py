"""How images of other numbers become bytes, in words: nothing here needs torch."""

from typing import Any


def as_bytes(dtype: Any, name: str = "images", cast: str = "to(torch.uint8)") -> str:
    """How numbers of a dtype become bytes, a sentence.

    Args:
        dtype: of NumPy or PyTorch, or None where it is not known.
        name: of the array, in the code that is shown.
        cast: the call that makes bytes.
    """
    kind = str(dtype).removeprefix("torch.")
    if kind.startswith(("float", "bfloat")):
        return f"Of numbers from 0 to 1 make bytes by (255 * {name}).round().{cast}."
    if kind == "bool":
        return f"Make bytes by 255 * {name}.{cast}."
    if kind == "uint16":
        return f"Make bytes by ({name} / 257).round().{cast}."
    return f"Numbers from 0 to 255 become bytes by {name}.{cast}."
