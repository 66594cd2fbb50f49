"""Which device a run computes on."""

from typing import TYPE_CHECKING

from ssl_objectives.refusal import ConfigError

if TYPE_CHECKING:
    import torch


def resolve_device(name: str) -> "torch.device":
    """The device that `--device` names.

    Raises:
        ConfigError: it does not exist here.
    """
    import torch  # takes a second, which no help needs to wait for

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(
            f"--device: there is no {name!r}. Use cpu, cuda, cuda:1 … or auto."
        ) from error
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if count == 0:
            raise ConfigError(
                f"--device {name}: PyTorch sees no GPU here (build "
                f"{torch.__version__}). Use --device cpu, or install a CUDA build of "
                "torch and a driver."
            )
        if (device.index or 0) >= count:
            raise ConfigError(
                f"--device {name}: there are {count} GPUs here, cuda:0 to "
                f"cuda:{count - 1}."
            )
    return device
