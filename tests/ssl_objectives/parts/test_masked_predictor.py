"""The masked predictor beside PyTorch's own transformer layers."""

import math

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.vit import Block
from ssl_objectives.parts.masked_predictor import (
    MaskedPredictor,
    MaskedPredictorConfig,
)

N, F, OUT, GRID = 3, 5, 6, (2, 3)
SEEN = torch.tensor([[0, 4], [1, 5], [2, 3]])
WANTED = torch.tensor([[1, 2, 3, 5], [0, 2, 3, 4], [0, 1, 4, 5]])


def built() -> MaskedPredictor:
    torch.manual_seed(0)
    made = MaskedPredictorConfig(width=8, depth=2, heads=2).build(F, OUT).double()
    with torch.no_grad():
        for x in made.parameters():
            x.add_(0.2 * torch.randn_like(x))
    return made


def pytorchs(block: Block) -> nn.TransformerEncoderLayer:
    """The same layer with the same weights."""
    layer = nn.TransformerEncoderLayer(
        8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True
    ).double()
    attention, mlp = block.attention, block.mlp
    weight = torch.cat([attention.query.weight, attention.key_value.weight])
    bias = torch.cat([attention.query.bias, attention.key_value.bias])
    layer.load_state_dict(
        {
            "self_attn.in_proj_weight": weight,
            "self_attn.in_proj_bias": bias,
            "self_attn.out_proj.weight": attention.out.weight,
            "self_attn.out_proj.bias": attention.out.bias,
            "linear1.weight": mlp[1].weight,
            "linear1.bias": mlp[1].bias,
            "linear2.weight": mlp[3].weight,
            "linear2.bias": mlp[3].bias,
            "norm1.weight": block.norm.weight,
            "norm1.bias": block.norm.bias,
            "norm2.weight": mlp[0].weight,
            "norm2.bias": mlp[0].bias,
        }
    )
    return layer


def place(index: int) -> Tensor:
    """Two wavelengths for the row, two for the column."""
    made = []
    for at in (index // GRID[1], index % GRID[1]):
        angles = [at / 10_000 ** (k / 2) for k in range(2)]
        made += [math.sin(x) for x in angles] + [math.cos(x) for x in angles]
    return torch.tensor(made, dtype=torch.float64)


def naive(made: MaskedPredictor, tokens: Tensor) -> Tensor:
    """MAE's order: every place of the image in its turn, hidden ones a mask."""
    answers = []
    for n in range(N):
        row = []
        for index in range(6):
            if index in SEEN[n].tolist():
                token = tokens[n, SEEN[n].tolist().index(index)]
                inner = made.embed.weight @ token + made.embed.bias
            else:
                inner = made.mask
            row.append(inner + place(index))
        x = torch.stack(row)[None]
        for block in made.blocks:
            assert isinstance(block, Block)
            x = pytorchs(block)(x)
        x = nn.functional.layer_norm(x, (8,), made.norm.weight, made.norm.bias)
        answers.append((x @ made.out.weight.mT + made.out.bias)[0, WANTED[n]])
    return torch.stack(answers)


def test_it_equals_pytorchs_layers_on_the_whole_sequence(
    generator: torch.Generator,
) -> None:
    made = built()
    tokens = torch.randn(N, 2, F, generator=generator, dtype=torch.float64)
    told = made(tokens, SEEN, WANTED, GRID)
    torch.testing.assert_close(told, naive(made, tokens), rtol=1e-5, atol=1e-6)


def test_questions_see_each_other_and_what_is_not_asked_is_not_there(
    generator: torch.Generator,
) -> None:
    made = built()
    tokens = torch.randn(N, 2, F, generator=generator, dtype=torch.float64)
    all_four = made(tokens, SEEN, WANTED, GRID)
    alone = made(tokens, SEEN, WANTED[:, :1], GRID)
    assert not torch.allclose(all_four[:, :1], alone)
    order = torch.tensor([2, 0, 3, 1])
    turned = made(tokens, SEEN, WANTED[:, order], GRID)
    torch.testing.assert_close(turned, all_four[:, order])
    both = torch.tensor([1, 0])
    swapped = made(tokens[:, both], SEEN[:, both], WANTED, GRID)
    torch.testing.assert_close(swapped, all_four)


def test_widths_that_cannot_be_are_refused() -> None:
    for settings in ({"width": 6, "heads": 2}, {"width": 8, "heads": 3}, {"width": 0}):
        with pytest.raises(ValueError, match="width must be a multiple"):
            MaskedPredictorConfig(**settings)
    with pytest.raises(ValueError, match="depth must be"):
        MaskedPredictorConfig(depth=0)
