"""The gallery's page says what was measured, and its measures are what they say."""

import json
import re

import torch

from tests.scripts import DOCS, script

TOLD = json.loads((DOCS / "results" / "gallery.json").read_text("utf-8"))
PAGE = (DOCS / "gallery.md").read_text("utf-8")


def test_the_page_has_the_table_and_the_pictures() -> None:
    gallery = script("gallery")
    assert "\n".join(gallery.table(TOLD)) in PAGE
    assert set(TOLD) == {
        *gallery.METHODS,
        gallery.UNTRAINED,
        gallery.UNTRAINED_VIT,
        "pixels",
    }
    for name in ("neighbours", "maps", "planes"):
        assert f"(images/gallery_{name}.png)" in PAGE
        assert (DOCS / "images" / f"gallery_{name}.png").is_file()


def test_every_method_is_above_an_untrained_encoder_of_its_shape() -> None:
    gallery = script("gallery")
    for name in gallery.METHODS:
        beside = "untrained ViT" if name in ("mae", "i-jepa") else "untrained"
        assert TOLD[name] > TOLD[beside], name


def test_neighbours_are_the_nearest_others() -> None:
    gallery = script("gallery")
    rows = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    found = gallery.neighbours(rows)
    scaled = (rows - rows.mean(0)) / rows.std(0)
    for n in range(30):
        away = [
            (-float(torch.cosine_similarity(scaled[n], scaled[m], dim=0)), m)
            for m in range(30)
            if m != n
        ]
        assert found[n].tolist() == [m for _, m in sorted(away)[: gallery.NEAREST]]
    labels = torch.zeros(30, dtype=torch.int64)
    assert gallery.same_class(found, labels) == 1
    assert gallery.same_class(found, torch.arange(30)) == 0


def test_components_are_where_rows_vary_most() -> None:
    gallery = script("gallery")
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(200, 4, generator=generator) * torch.tensor([0.1, 5.0, 1.0, 0.1])
    made = gallery.components(rows, 2)
    assert made.shape == (200, 2)
    assert made.min() == 0
    assert made.max() == 1
    for along, column in ((0, 1), (1, 2)):
        both = torch.stack([made[:, along], rows[:, column]])
        assert abs(torch.corrcoef(both)[0, 1]) > 0.98


def test_the_page_lists_the_methods_that_the_script_trains() -> None:
    named = set(re.findall(r"^\| `([\w .-]+)` \|", PAGE, re.M))
    assert set(script("gallery").METHODS) <= named
