"""What items of others become: bytes, channels first, and a class."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ssl_objectives.images.items import image_of, read_item
from ssl_objectives.refusal import DatasetError

BYTES = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)  # [H, W, C]
FIRST = torch.from_numpy(BYTES).permute(2, 0, 1)


@pytest.mark.parametrize(
    "image",
    [
        FIRST,
        FIRST.float() / 255,
        FIRST.double() / 255,
        FIRST.bfloat16() / 255,
        BYTES,
        BYTES / 255,
        BYTES.transpose(2, 0, 1),
        Image.fromarray(BYTES),
        Image.fromarray(BYTES).convert("RGBA"),
    ],
)
def test_images_of_all_kinds_are_the_same_bytes(image: Any) -> None:
    found = image_of(image, "it")
    assert found.dtype == torch.uint8
    assert found.shape == (3, 2, 5)
    assert torch.equal(found, FIRST)


@pytest.mark.parametrize(
    "image", [FIRST[0], BYTES[..., 0], BYTES[..., :1], Image.fromarray(BYTES[..., 0])]
)
def test_gray_ones_have_one_channel(image: Any) -> None:
    assert torch.equal(image_of(image, "it"), FIRST[:1])


def test_black_and_white_is_the_whole_range() -> None:
    mask = BYTES[..., 0] > 6
    for image in (mask, torch.from_numpy(mask), Image.fromarray(mask)):
        assert image_of(image, "it").unique().tolist() == [0, 255]


@pytest.mark.parametrize(
    ("label", "found"),
    [(3, 3), (np.int64(4), 4), (torch.tensor(5), 5), (torch.tensor([6]), 6)]
    + [(x, -1) for x in ("cat", 1.0, None, True, torch.tensor([1, 2]))],
)
def test_labels_are_whole_numbers(label: Any, found: int) -> None:
    for item in (
        (FIRST, label),
        [FIRST, label, "a.png"],
        {"img": FIRST, "label": label},
    ):
        image, number = read_item(item, "it")
        assert torch.equal(image, FIRST)
        assert number == found
    assert read_item(FIRST, "it").label == -1
    assert read_item((FIRST,), "it").label == -1


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (FIRST.float() / 255 - 0.5, r"floats from -0\.5 to .*normalises"),
        (FIRST.float(), r"floats from 0 to 29"),
        (
            FIRST.float() * torch.nan,
            r"numbers that are not finite.*Leave the image out",
        ),
        (FIRST.long(), r"numbers of int64.*images\.to\(torch\.uint8\)"),
        (BYTES.astype(np.uint16), r"numbers of uint16"),
        (Image.fromarray(BYTES[..., 0].astype(np.uint16)), r"mode I;16, .*upper 8"),
        (Image.fromarray(BYTES[..., 0].astype(np.int32)), r"mode I, and should"),
        (Image.fromarray(BYTES[..., 0] / np.float32(255)), r"mode F, and should"),
        (torch.stack([FIRST, FIRST]), r"shape \(2, 3, 2, 5\).*Views are made here"),
        (np.repeat(BYTES[..., :1], 4, 2), r"\(2, 5, 4\), and .* x\[\.\.\., :-1\]"),
        ("a.png", "is a str, and should be an image"),
        ({"pixels": FIRST}, "no 'image' among pixels"),
        ((), "is empty"),
    ],
)
def test_what_is_no_image_is_refused(item: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=f"Item 3.*{message}"):
        read_item(item, "Item 3")
