"""Products in bf16 between numbers that stay float32."""

import pytest
import torch
from torch import nn

from ssl_objectives.encoders.mixed_linear import MixedLinear
from ssl_objectives.encoders.precision import Precision


def layers(precision: Precision) -> tuple[MixedLinear, nn.Linear]:
    torch.manual_seed(0)
    mixed = MixedLinear(31, 17, precision)
    torch.manual_seed(0)
    return mixed, nn.Linear(31, 17)


def test_it_begins_as_torch_s_and_is_torch_s_in_float32() -> None:
    mixed, plain = layers(Precision.FLOAT32)
    x = torch.randn(3, 5, 31)
    assert torch.equal(mixed.weight, plain.weight)
    assert torch.equal(mixed(x), plain(x))
    assert torch.equal(mixed.double()(x.double()), plain.double()(x.double()))


def test_what_is_multiplied_is_rounded_and_nothing_else() -> None:
    mixed, _ = layers(Precision.BFLOAT16)
    x = torch.randn(64, 31, requires_grad=True)
    y = mixed(x)
    rounded = x.bfloat16().float() @ mixed.weight.bfloat16().float().t()
    assert y.dtype == torch.float32
    # one rounding of the product, to eight bits
    torch.testing.assert_close(y, rounded + mixed.bias, rtol=2**-8, atol=2**-9)
    # the bias is added behind it: what is far below its last bit is still there
    small = mixed(torch.zeros(1, 31))
    assert torch.equal(small[0], mixed.bias)


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
def test_gradients_point_where_those_of_float32_do(precision: Precision) -> None:
    mixed, plain = layers(precision)
    x = torch.randn(64, 31)
    leaves = [x.clone().requires_grad_() for _ in range(2)]
    for layer, leaf in zip((mixed, plain), leaves, strict=True):
        layer(leaf).square().sum().backward()
    pairs = [
        (leaves[0].grad, leaves[1].grad),
        (mixed.weight.grad, plain.weight.grad),
        (mixed.bias.grad, plain.bias.grad),
    ]
    for one, two in pairs:
        assert one is not None
        assert two is not None
        assert one.dtype == torch.float32
        cosine = torch.cosine_similarity(one.flatten(), two.flatten(), 0)
        assert float(cosine) > 0.9999
