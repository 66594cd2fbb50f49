"""Weights of ResNets by torchvision's names: which those are, and what is refused."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.residual import Norm, Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.encoders.torchvision_keys import load_torchvision, to_torchvision
from ssl_objectives.refusal import ConfigError

SHAPE = (3, 40, 40)
# blocks of each stage, and convolutions of a block
LAYERS = {18: ((2, 2, 2, 2), 2), 50: ((3, 4, 6, 3), 3)}


def build(depth: int = 18, width: int = 4, size: int = 0, seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    return ResNetConfig(
        size, width, precision=Precision.FLOAT32, depth=depth, stem=Stem.IMAGENET
    ).build(SHAPE)


def names_of(depth: int) -> set[str]:
    """As torchvision's ResNets name what they hold, written from its scheme."""
    counts, inside = LAYERS[depth]
    of_norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    found = {"conv1.weight", *(f"bn1.{x}" for x in of_norm)}
    for stage, count in enumerate(counts, 1):
        for i in range(count):
            block = f"layer{stage}.{i}"
            for j in range(1, inside + 1):
                found |= {f"{block}.conv{j}.weight"}
                found |= {f"{block}.bn{j}.{x}" for x in of_norm}
            if not i and (stage > 1 or depth == 50):
                found |= {f"{block}.downsample.0.weight"}
                found |= {f"{block}.downsample.1.{x}" for x in of_norm}
    return found


@pytest.mark.parametrize("depth", LAYERS)
def test_names_are_torchvisions(depth: int) -> None:
    assert to_torchvision(build(depth)).keys() == names_of(depth)


def normalised(maps: Tensor, state: Mapping[str, Tensor], name: str) -> Tensor:
    """torchvision's batch norm in evaluation: eps is 1e-5."""
    mean, var, weight, bias = (
        state[f"{name}.{x}"].view(-1, 1, 1)
        for x in ("running_mean", "running_var", "weight", "bias")
    )
    return (maps - mean) / (var + 1e-5).sqrt() * weight + bias


def torchvisions(pixels: Tensor, state: Mapping[str, Tensor], depth: int) -> Tensor:
    """What its ResNet makes of pixels in front of `fc`, by its state dict alone."""
    convolve = nn.functional.conv2d
    maps = convolve(pixels, state["conv1.weight"], stride=2, padding=3)
    maps = normalised(maps, state, "bn1").relu()
    maps = nn.functional.max_pool2d(maps, 3, 2, 1)
    counts, inside = LAYERS[depth]
    for stage, count in enumerate(counts, 1):
        for i in range(count):
            block, skip = f"layer{stage}.{i}", maps
            stride = 2 if stage > 1 and not i else 1
            for j in range(1, inside + 1):
                weight = state[f"{block}.conv{j}.weight"]
                wide = weight.shape[-1] == 3
                here = stride if j == inside - 1 else 1  # the only 3x3, or the first
                maps = convolve(maps, weight, stride=here, padding=int(wide))
                maps = normalised(maps, state, f"{block}.bn{j}")
                maps = maps.relu() if j < inside else maps
            if f"{block}.downsample.0.weight" in state:
                weight = state[f"{block}.downsample.0.weight"]
                skip = convolve(skip, weight, stride=stride)
                skip = normalised(skip, state, f"{block}.downsample.1")
            maps = (maps + skip).relu()
    return maps.mean((2, 3))


@torch.no_grad()
@pytest.mark.parametrize("depth", LAYERS)
def test_latents_are_torchvisions(depth: int, generator: torch.Generator) -> None:
    """Published weights mean what they meant there: stem, strides, eps and all."""
    encoder = build(depth, width=2).eval()
    for name, x in encoder.body.state_dict().items():
        if "running" in name:  # small variances, which an eps would show in
            x.uniform_(1e-3, 2e-3, generator=generator)
        elif "bn" in name and name.endswith("weight"):
            x.uniform_(0.02, 0.05, generator=generator)
    images = torch.randint(256, (2, *SHAPE), generator=generator).byte()
    wanted = torchvisions(images / 255, to_torchvision(encoder), depth)
    found = encoder(images)
    assert found.std(0).mean() > 1e-3
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.encoder_q."])
def test_there_and_back(prefix: str, generator: torch.Generator) -> None:
    """With a classifier and a projector beside it, as checkpoints of papers have."""
    one, two = build(seed=1).eval(), build(seed=2, size=5).eval()
    head = two.head.weight.detach().clone()  # type: ignore[operator]
    given = {prefix + name: x for name, x in to_torchvision(one).items()}
    given |= {
        f"{prefix}fc.weight": torch.zeros(10, 32),
        "other.0.weight": torch.ones(2),
    }
    load_torchvision(two, given)
    images = torch.randint(256, (3, *SHAPE), generator=generator).byte()
    maps = one.feature_map(images)
    assert torch.equal(two.feature_map(images), maps)
    assert torch.equal(two.head.weight, head)  # type: ignore[arg-type]


def test_files_from_before_batches_were_counted_are_taken() -> None:
    """torchvision's own first ones, of PyTorch before 0.4.1."""
    one, two = build(seed=1).eval(), build(seed=2).eval()
    given = to_torchvision(one)
    old = {name: x for name, x in given.items() if not name.endswith("tracked")}
    assert len(old) < len(given)
    load_torchvision(two, old)
    after = to_torchvision(two)
    assert all(torch.equal(x, after[name]) for name, x in given.items())
    del old["bn1.running_var"]  # what counts for latents is not left out
    with pytest.raises(ConfigError, match=r"bn1\.running_var and 0 more do not fit"):
        load_torchvision(two, old)


def test_the_query_network_comes_before_its_slow_copy() -> None:
    """MoCo's files hold both, with names of the same length."""
    one, slow, two = (build(seed=x) for x in (1, 2, 3))
    given = {f"module.encoder_q.{k}": x for k, x in to_torchvision(one).items()}
    given |= {f"module.encoder_k.{k}": x for k, x in to_torchvision(slow).items()}
    load_torchvision(two, given)
    after = to_torchvision(two)
    assert all(torch.equal(x, after[k]) for k, x in to_torchvision(one).items())


def test_layers_that_have_numbers_are_found() -> None:
    """As `nn.Sequential(*list(resnet.children())[:-1])` has them in a module."""
    one, two = build(seed=1), build(seed=2)
    places = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"]
    given: dict[str, Tensor] = {"projection_head.layers.0.weight": torch.ones(2, 2)}
    for name, x in to_torchvision(one).items():
        first, _, rest = name.partition(".")
        given[f"backbone.{places.index(first)}.{rest}"] = x
        given[f"backbone_momentum.{places.index(first)}.{rest}"] = 0 * x
    load_torchvision(two, given)
    made = to_torchvision(two)
    assert all(torch.equal(x, made[name]) for name, x in to_torchvision(one).items())


def test_what_is_given_is_a_copy() -> None:
    encoder = build()
    given = to_torchvision(encoder)
    given["conv1.weight"].zero_()
    assert encoder.body.conv1.weight.any()  # type: ignore[operator,union-attr]


@pytest.mark.parametrize(
    "other", [build(18, width=8), build(50), ResNetConfig(width=4).build((1, 9, 9))]
)
def test_weights_of_another_network_are_refused(other: Encoder) -> None:
    encoder = build()
    before = {name: x.clone() for name, x in encoder.state_dict().items()}
    with pytest.raises(ConfigError, match="of another network than the encoder"):
        load_torchvision(encoder, to_torchvision(other))
    after: dict[str, Tensor] = encoder.state_dict()
    assert all(torch.equal(x, after[name]) for name, x in before.items())


def test_deeper_weights_are_not_taken_for_shallow_ones() -> None:
    """All of ResNet-18's names are in those of ResNet-34, with the same shapes."""
    with pytest.raises(ConfigError, match=r"layer1.2(.|\n)*of another|of another"):
        load_torchvision(build(18), to_torchvision(build(34)))


def test_what_is_no_resnet_is_refused() -> None:
    with pytest.raises(ConfigError, match="in torchvision's names: there is no"):
        load_torchvision(build(), {"weight": torch.zeros(1)})
    whole = {"epoch": 3, "state_dict": to_torchvision(build())}
    with pytest.raises(ConfigError, match=r"holds more: give \['state_dict'\] of it"):
        load_torchvision(build(), whole)
    with pytest.raises(ConfigError, match="Only ResNets with batch norms"):
        to_torchvision(SmallCnnConfig().build((1, 28, 28)))
    with pytest.raises(ConfigError, match="Only ResNets with batch norms"):
        to_torchvision(ResNetConfig(width=4, norm=Norm.GROUP).build(SHAPE))
