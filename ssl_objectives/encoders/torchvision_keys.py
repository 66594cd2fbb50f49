"""Weights of ResNets in torchvision's names, both ways.

    load_torchvision(encoder, torchvision.models.resnet50().state_dict())
    torch.save(to_torchvision(encoder), "resnet50.pth")

timm's, lightly's and most papers' checkpoints have the same names, the papers' often
behind a prefix (`module.`, `backbone.`, `module.encoder_q.`), which is found. The
tutorials of lightly make `nn.Sequential(*list(resnet.children())[:-1])` of them, where
layers have numbers: these are names again when they are loaded.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.refusal import ConfigError

_FIRST = "conv1.weight"
_COUNT = "num_batches_tracked"  # of batch norms; PyTorch before 0.4.1 kept none
# children of torchvision's ResNets that have weights, by their places
_PLACES = {"0": "conv1", "1": "bn1"} | {str(3 + i): f"layer{i}" for i in range(1, 5)}
_NUMBERED = "4.0.conv1.weight"  # a weight of the first block, where there are no names


def to_torchvision(encoder: Encoder) -> dict[str, Tensor]:
    """Weights of the body, as torchvision's ResNet without its classifier names them.

    `load_state_dict(..., strict=False)` of theirs takes them, and misses `fc` alone.

    Raises:
        ConfigError: the encoder is no ResNet with batch norms.
    """
    _check(encoder)
    state: Mapping[str, Tensor] = encoder.body.state_dict()
    return {name: x.detach().clone() for name, x in state.items()}


def load_torchvision(encoder: Encoder, state: Mapping[str, Any]) -> None:
    """Take the weights of the body from a state dict in torchvision's names.

    Its classifier (`fc`) and whatever has another prefix are left out; the encoder's
    own linear head, if it has one, is left as it is, and so are counts of batches where
    there are none, as in torchvision's older files. Images are standardised as the
    encoder's config says (`mean`, `std`): for torchvision's and timm's weights give
    `IMAGENET_MEAN` and `IMAGENET_STD`.

    Raises:
        ConfigError: the encoder is no ResNet with batch norms, or the weights are of
            another network: other depths, widths, stems or channels.
    """
    _check(encoder)
    own: Mapping[str, Tensor] = encoder.body.state_dict()
    state = _named(state)
    prefixes = [x.removesuffix(_FIRST) for x in state if _is_first(x)]
    if not prefixes:
        raise ConfigError(
            f"These are no weights of a ResNet in torchvision's names: there is no "
            f"{_FIRST!r}, with or without a prefix.{_inside(state)}"
        )
    prefix = min(prefixes, key=len)
    given = {name: state[prefix + name] for name in own if prefix + name in state}
    for name in own:
        if name.endswith(_COUNT):
            given.setdefault(name, own[name])
    wrong = [name for name in own if name not in given]
    wrong += [name for name, x in given.items() if x.shape != own[name].shape]
    blocks = [
        x
        for x in state
        if x.startswith(f"{prefix}layer") and x[len(prefix) :] not in own
    ]
    if wrong or blocks:
        some = ", ".join([*wrong, *blocks][:3])
        raise ConfigError(
            "These weights are of another network than the encoder: "
            f"{some} and {max(0, len(wrong) + len(blocks) - 3)} more do not fit. Give "
            "it their depth, width, stem and number of channels."
        )
    encoder.body.load_state_dict(given)


def _named(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """With names where the children of a network have numbers."""
    found = [x.removesuffix(_NUMBERED) for x in state if x.endswith(_NUMBERED)]
    prefixes = [x for x in found if x[-1:] in ("", ".")]
    if not prefixes:
        return state
    prefix, named = min(prefixes, key=len), {}
    for name, x in state.items():
        place, _, rest = name.removeprefix(prefix).partition(".")
        if name.startswith(prefix) and place in _PLACES:
            named[f"{prefix}{_PLACES[place]}.{rest}"] = x
    return named


def _inside(state: Mapping[str, Any]) -> str:
    """Of a whole checkpoint: which of its entries may be the weights."""
    found = [name for name, x in state.items() if isinstance(x, Mapping)]
    named = " or ".join(f"[{name!r}]" for name in found)
    return f" It is a checkpoint that holds more: give {named} of it." if found else ""


def _is_first(name: str) -> bool:
    """Whether it is the first convolution of a network, and not one of a block."""
    before = name.removesuffix(_FIRST)
    return name.endswith(_FIRST) and "layer" not in before and before[-1:] in ("", ".")


def _check(encoder: Encoder) -> None:
    norm = getattr(encoder.body, "bn1", None)
    if not hasattr(encoder.body, "layer4") or not isinstance(norm, nn.BatchNorm2d):
        raise ConfigError(
            "Only ResNets with batch norms have torchvision's names; this encoder's "
            f"body is a {type(encoder.body).__name__} of other layers."
        )
