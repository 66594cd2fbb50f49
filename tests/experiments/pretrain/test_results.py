"""Numbers that say what pretraining was worth, in files that a report reads."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from experiments.encoders.pretrained import PretrainedConfig
from experiments.encoders.saved import ENCODER_FILE, save_encoder
from experiments.pretrain.results import measure_encoder, random_encoder
from experiments.report.runs import read_run
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.mixed import MixedSource
from ssl_objectives.images.source import ArrayImages, ImageSplit, ImageSubset
from ssl_objectives.measure.encoder_evaluation import ProbeConfig
from ssl_objectives.protocols.fine_tuning import FineTuningConfig
from ssl_objectives.protocols.linear_probe import LinearProbeConfig
from ssl_objectives.protocols.neighbours import NeighboursConfig
from ssl_objectives.views.augment.preset import unchanged
from ssl_objectives.views.maker import Drawn, ViewMaker
from ssl_objectives.views.successive import LaterTarget, SuccessiveViews

CONFIG = PatchConfig(13, patch=7, width=5)
SHAPE = (1, 28, 28)
SMALL = ProbeConfig(num_train=300, num_test=90, amounts=("20",), draws=2, num_mapped=70)
PROBES = {"ridge", "knn", "ridge@20", "knn@20"}
DIAGNOSTICS = {
    "effective_rank",
    "rankme",
    "participation_ratio",
    "spread",
    "uniformity",
    "within_classes",
}


@pytest.fixture(scope="module")
def split() -> ImageSplit:
    return FashionMnistConfig(subset=True).open()


class Shifts(ViewMaker):
    """Two views of the size of the image, and a smaller one."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Drawn:
        by = torch.randint(4, (2,), generator=generator).tolist()
        views = tuple(images.roll(x, -1) for x in by)
        small = images[..., ::2, ::2]
        return Drawn((*views, small), 2, torch.zeros(len(images), 3, 1))


class Knowing(nn.Module):
    """An encoder that has the answer: its output is the brightness of the image."""

    def forward(self, images: Tensor) -> Tensor:
        assert not self.training
        value = images.flatten(1)[:, 0].long()
        return nn.functional.one_hot(value, 4).float() + 0.1


def test_results_are_named_and_written(tmp_path: Path, split: ImageSplit) -> None:
    encoder = random_encoder(CONFIG, SHAPE, seed=3)
    stream = torch.get_rng_state()
    console = Console(file=io.StringIO(), width=100)
    results = measure_encoder(
        encoder,
        CONFIG,
        split,
        tmp_path,
        probe=SMALL,
        seed=4,
        views=Shifts(),
        console=console,
    )
    measured = PROBES | DIAGNOSTICS | {"alignment", "lidar"}
    wanted = {f"{x}/{name}" for x in ("probe", "random") for name in measured}
    assert set(results) == wanted | {f"pixels/{name}" for name in PROBES}
    content = json.loads((tmp_path / "results.json").read_text())
    assert content == {"format_version": 1, "results": results}
    assert all(0 <= results[f"{x}/{y}"] <= 1 for x in _COMPARED for y in PROBES)
    assert torch.equal(torch.get_rng_state(), stream)
    assert encoder.training
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    for text in ("ridge accuracy", "random encoder", "20 of labels", "LiDAR"):
        assert text in printed
    assert f"{results['probe/knn']:.3f}" in printed
    for name, least in (("probes.png", 1_000), ("embedding.png", 1_000)):
        with Image.open(tmp_path / "plots" / name) as picture:
            assert picture.width > least
    assert {x.name for x in (tmp_path / "plots").iterdir()} == {
        "probes.png",
        "embedding.png",
    }


_COMPARED = ("probe", "random", "pixels")


def test_alignment_of_frames_is_of_frames_that_follow_each_other(
    tmp_path: Path,
) -> None:
    """Each frame is its episode's colour: what follows looks the same."""
    colour = torch.arange(10).repeat_interleave(6)
    images = (20 * colour).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 9, 8).clone()
    source = ArrayImages(images, episodes=Episodes(6 * torch.arange(10), 60))
    split = ImageSplit(source, source)
    config = PatchConfig(6, patch=4, width=3)
    probe = ProbeConfig(num_mapped=0)

    def measured(views: ViewMaker, images: ImageSplit = split) -> float:
        results = measure_encoder(
            config.build((1, 9, 8)), config, images, tmp_path, probe=probe, views=views
        )
        return results["probe/alignment"]

    for config_of_views in (
        SuccessiveViews(4, unchanged()),
        LaterTarget(4, unchanged()),
    ):
        assert measured(config_of_views.build((1, 9, 8))) == pytest.approx(0, abs=1e-6)
    together = Episodes(torch.tensor([0]), 60)
    shuffled = ArrayImages(images[torch.randperm(60)], episodes=together)
    other = ImageSplit(shuffled, shuffled)
    assert measured(SuccessiveViews(4, unchanged()).build((1, 9, 8)), other) > 0.01


def test_the_same_encoder_gets_the_same_numbers(
    tmp_path: Path, split: ImageSplit
) -> None:
    """Also as the untrained one: both answer the same questions."""
    probe = ProbeConfig(300, 90, ("20",), 2, 0)
    encoder = random_encoder(CONFIG, SHAPE, seed=4)

    def measure(config: EncoderConfig) -> dict[str, float]:
        views = Shifts()
        return measure_encoder(
            encoder, config, split, tmp_path, probe=probe, seed=4, views=views
        )

    results = measure(CONFIG)
    for name in (*PROBES, *DIAGNOSTICS, "alignment", "lidar"):
        assert results[f"probe/{name}"] == results[f"random/{name}"]
    # what was pretrained before is compared with the same random encoder
    other = random_encoder(CONFIG, SHAPE, seed=5)
    save_encoder(tmp_path / ENCODER_FILE, other, CONFIG, SHAPE)
    assert measure(PretrainedConfig(tmp_path)) == results
    assert not (tmp_path / "plots" / "embedding.png").exists()


def test_an_encoder_that_knows_is_always_right(tmp_path: Path) -> None:
    labels = torch.arange(240) % 4
    images = labels.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 9, 8).clone()
    images[:, :, 1:] = torch.randint(256, (240, 1, 8, 8), dtype=torch.uint8)
    everything = ArrayImages(images, labels, tuple("abcd"))
    rows = torch.arange(240)
    split = ImageSplit(
        ImageSubset(everything, rows[:160]), ImageSubset(everything, rows[160:])
    )
    config = PatchConfig(6, patch=4, width=3)
    probe = ProbeConfig(amounts=("4",), draws=1, num_mapped=60)
    results = measure_encoder(Knowing().eval(), config, split, tmp_path, probe=probe)
    assert {results[f"probe/{name}@4"] for name in ("ridge", "knn")} == {1.0}
    assert {results[f"probe/{name}"] for name in ("ridge", "knn")} == {1.0}
    assert max(results["random/ridge"], results["pixels/ridge"]) < 0.9
    assert results["probe/within_classes"] == pytest.approx(0, abs=1e-5)
    # four corners of a simplex vary in three directions
    assert results["probe/effective_rank"] == pytest.approx(3, abs=1e-3)


def test_protocols_of_papers_stand_beside_the_others(
    tmp_path: Path, split: ImageSplit
) -> None:
    beside = (
        NeighboursConfig(),
        LinearProbeConfig(epochs=1),
        FineTuningConfig(("20", "40"), (1, 1), least_steps=1),
    )
    text = io.StringIO()
    results = measure_encoder(
        CONFIG.build(SHAPE),
        CONFIG,
        split,
        tmp_path,
        probe=replace(SMALL, beside=beside),
        console=Console(file=text, width=120),
    )
    own = {"knn-20", "knn-200", "linear"}
    tuned = {"fine-tuned@20", "fine-tuned@40"}
    for what, expected in (("probe", own | tuned), ("random", own | tuned)):
        assert {f"{what}/{x}" for x in expected | PROBES} <= results.keys()
    assert {f"pixels/{x}" for x in own} <= results.keys()
    assert not {f"pixels/{x}" for x in tuned} & results.keys()  # they have no weights
    assert "fine-tuned, 40 of labels" in text.getvalue()
    assert "k-NN accuracy, 200 neighbours" in text.getvalue()


def test_without_labels_there_are_ranks_alone(
    tmp_path: Path, split: ImageSplit
) -> None:
    images = split.test.read(torch.arange(40))
    bare = ImageSplit(ArrayImages(images[:30]), ArrayImages(images[30:]))
    results = measure_encoder(CONFIG.build(SHAPE), CONFIG, bare, tmp_path, probe=SMALL)
    names = DIAGNOSTICS - {"within_classes"}
    assert set(results) == {f"{x}/{y}" for x in ("probe", "random") for y in names}
    assert [x.name for x in (tmp_path / "plots").iterdir()] == ["embedding.png"]


def test_what_one_test_image_does_not_define_is_left_out(
    tmp_path: Path, split: ImageSplit
) -> None:
    rows = torch.arange(40)
    one = ImageSplit(ImageSubset(split.train, rows), ImageSubset(split.test, rows[:1]))
    console = Console(file=io.StringIO(), width=100)
    results = measure_encoder(
        CONFIG.build(SHAPE), CONFIG, one, tmp_path, probe=SMALL, console=console
    )
    measured = PROBES | DIAGNOSTICS - {"uniformity"}  # which is of pairs
    assert {x for x in results if x.startswith("probe/")} == {
        f"probe/{name}" for name in measured
    }
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["results"] == results
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "note: 1 test image cannot tell: uniformity" in printed


def test_generated_images_do_not_teach_a_probe(
    tmp_path: Path, split: ImageSplit
) -> None:
    real = ImageSubset(split.train, torch.arange(300))
    noise = ArrayImages(torch.randint(256, (200, *SHAPE), dtype=torch.uint8))
    probe = ProbeConfig(300, 90, (), 1, 0)
    encoder = random_encoder(CONFIG, SHAPE, 4)
    mixed = ImageSplit(MixedSource(real, noise, 2), split.test, fit=real)
    alone = ImageSplit(real, split.test)
    one, two = (
        measure_encoder(encoder, CONFIG, x, tmp_path, probe=probe)
        for x in (mixed, alone)
    )
    assert one == two


def test_a_report_of_runs_reads_it(tmp_path: Path, split: ImageSplit) -> None:
    probe = ProbeConfig(100, 50, ("1%",), 1, 0)
    results = measure_encoder(CONFIG.build(SHAPE), CONFIG, split, tmp_path, probe=probe)
    (tmp_path / "config.json").write_text('{"format_version": 1, "type": "x:Y"}')
    assert read_run(tmp_path).results == results


@pytest.mark.parametrize(
    ("setting", "message"),
    [("num_train", "at least 2"), ("num_test", "at least 8"), ("draws", "at least 1")],
)
def test_settings_that_cannot_be(setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} must be {message}, not 0"):
        replace(ProbeConfig(), **{setting: 0})  # type: ignore[arg-type]
