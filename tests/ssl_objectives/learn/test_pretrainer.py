"""One training step: what the parts are given, and that nothing is lost in a state."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from experiments.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig
from ssl_objectives.encoders.heads import Mlp, Straight
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.footprint import plan, rows
from ssl_objectives.footprint.plan import DoesNotFit
from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages, ImageSource
from ssl_objectives.learn import pretrainer as learn
from ssl_objectives.learn.lars import LarsConfig
from ssl_objectives.learn.optimizer import AdamWConfig, OptimizerConfig
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.learn.schedule import Cosine, Level, Stairs
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.method import Method
from ssl_objectives.methods.contrast.info_nce import InfoNceConfig
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.refusal import ConfigError
from ssl_objectives.views.augment.preset import unchanged
from ssl_objectives.views.maker import Drawn, ViewMaker
from ssl_objectives.views.params import PARAMS, UNCHANGED
from ssl_objectives.views.successive import LaterTarget
from ssl_objectives.zoo import ZOO

ROWS, SIDES, CLASSES = 90, (20, 16), 3
ENCODER = ImpalaConfig(24, (4, 6, 8), Precision.FLOAT32)
EPISODES = Episodes(torch.tensor([0, 4, 30, 60]), ROWS)
CPU = torch.device("cpu")


def images(
    rows: int = ROWS,
    labels: bool = True,
    sides: tuple[int, int] = SIDES,
    episodes: Episodes | None = None,
) -> ImageSource:
    """Noise; the first pixel of each image is its number (its last byte)."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (rows, 1, *sides), generator=generator).byte()
    pixels[:, 0, 0, 0] = torch.arange(rows).byte()
    classes = torch.arange(rows) % CLASSES
    return ArrayImages(pixels, classes if labels else None, episodes=episodes)


def few_labels(source: ImageSource) -> Tensor | None:
    if source.labels is None:
        return None
    return source.labels.masked_fill(torch.arange(source.num_rows) % 2 > 0, -1)


def pretrainer(
    method: Method,
    source: ImageSource | None = None,
    steps: int = 6,
    batch: int = 18,
    seed: int = 0,
    optimizer: OptimizerConfig | None = None,
) -> Pretrainer:
    source = source or images()
    return Pretrainer(
        method,
        ENCODER,
        source,
        few_labels(source),
        Shuffled(source.num_rows, batch, seed),
        optimizer or AdamWConfig(),
        steps=steps,
        device=CPU,
        seed=seed,
    )


class Witness(Objective):
    """Keeps what it is shown."""

    needs = Needs(
        views=(1, None),
        rows=True,
        sweep=True,
        extra=frozenset({"label", "params", "image"}),
    )

    def __init__(self, sizes: Sizes, needs_label: bool = True) -> None:
        super().__init__()
        if not needs_label:
            extra = self.needs.extra - {"label"}
            self.needs = self.needs._replace(extra=extra)
        self.sizes = sizes
        self.shown: list[Views] = []
        self.swept: list[tuple[int, Tensor]] = []

    def forward(self, views: Views) -> Loss:
        z = views.z[0]
        assert z is not None
        return Loss(z.square().mean(-1), z.new_zeros(()))

    def observe(self, views: Views) -> None:
        self.shown.append(views)

    def refresh(self, rows: Iterable[tuple[Tensor, Tensor]]) -> None:
        ids = [x for x, _ in rows]
        self.swept.append((len(self.shown), torch.cat(ids)))


@dataclass(frozen=True)
class WitnessConfig:
    """For `Witness`."""

    needs_label: bool = True

    def build(self, sizes: Sizes) -> Witness:
        return Witness(sizes, self.needs_label)


class Untouched(ViewMaker):
    """Two views of an image, both the image itself."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Drawn:
        params = torch.tensor(UNCHANGED).repeat(len(images), 2, 1)
        return Drawn((images, images.clone()), 2, params)


@dataclass(frozen=True)
class UntouchedViews:
    """For `Untouched`."""

    def build(self, image_shape: tuple[int, int, int]) -> Untouched:
        return Untouched()


@pytest.fixture
def witness() -> tuple[Pretrainer, Witness]:
    method = Method(
        WitnessConfig(), UntouchedViews(), Mlp(10), sweep_every=3, first_sweep=1
    )
    made = pretrainer(method, images(700), steps=6)
    objective: Any = made.branches.objective
    return made, objective


def test_an_objective_is_shown_what_belongs_together(
    witness: tuple[Pretrainer, Witness],
) -> None:
    made, objective = witness
    for _ in range(2):
        made.step()
    order = Shuffled(700, 18, 0)
    for step, views in enumerate(objective.shown):
        rows = order.rows(step)
        assert views.row is not None
        assert torch.equal(views.row, rows)
        known = rows % 2 == 0
        assert torch.equal(views.extra["label"] >= 0, known)
        assert torch.equal(views.extra["label"][known], (rows % CLASSES)[known])
        assert views.extra["params"].shape == (18, 2, len(PARAMS))
        assert views.extra["image"].shape == (18, 2, 1, *SIDES)
        number = views.extra["image"][:, :, 0, 0, 0]
        assert torch.equal(number, rows.byte()[:, None].expand(-1, 2))
    assert objective.sizes == Sizes(
        latent=10,
        rep=24,
        maps=made.branches.encoder.maps_shape,  # type: ignore[arg-type]
        image=(1, *SIDES),
        rows=700,
        classes=CLASSES,
        steps=6,
    )


def test_frames_that_follow_each_other_are_shown_as_views() -> None:
    method = Method(
        WitnessConfig(needs_label=False), LaterTarget(2, unchanged()), Straight()
    )
    made = pretrainer(method, images(episodes=EPISODES))
    made.step()
    objective: Any = made.branches.objective
    [views] = objective.shown
    rows = views.row
    earlier, later = EPISODES.pairs(rows, 2)
    number = views.extra["image"][:, :, 0, 0, 0]
    assert torch.equal(number, torch.stack([later, earlier], 1).byte())
    assert not torch.equal(earlier, rows), "some lie near an end"
    assert views.pairs == ((1, 0),)


def test_images_without_an_order_in_time_are_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"no order in time(.|\n)*--images recorded"):
        pretrainer(ZOO["atc"])
    pretrainer(ZOO["atc"], images(episodes=EPISODES))


def test_labels_are_not_of_frames_that_follow_each_other() -> None:
    method = Method(WitnessConfig(), LaterTarget())
    with pytest.raises(ConfigError, match=r"a label is of one image(.|\n)*--views two"):
        pretrainer(method, images(episodes=EPISODES))


def test_sweeps_come_when_due_and_see_each_image_once(
    witness: tuple[Pretrainer, Witness],
) -> None:
    made, objective = witness
    for _ in range(6):
        made.step(look=False)
    assert [when for when, _ in objective.swept] == [1, 4]
    for _, ids in objective.swept:
        assert torch.equal(ids, torch.arange(700))


def test_a_method_that_needs_no_sweep_gets_none() -> None:
    made = pretrainer(Method(InfoNceConfig(), sweep_every=1))
    made.sweep = None  # type: ignore[assignment,method-assign]
    made.step()


def test_a_step_trains_and_reports() -> None:
    made = pretrainer(ZOO["byol"])
    before = [x.detach().clone() for x in made.branches.encoder.parameters()]
    metrics = made.step()
    made.step()  # blocks that begin as the identity pass no gradient at first
    assert {"pretrain/loss", "pretrain/gradient_norm"} <= metrics.keys()
    assert 1 <= float(metrics["projection/effective_rank"]) <= 18
    assert 0 < float(metrics["projection/spread"]) <= 1
    assert 1 <= float(metrics["encoder/effective_rank"]) <= 18
    assert 0 < float(metrics["encoder/spread"]) <= 1
    assert float(metrics["projection/scale"]) == pytest.approx(1, abs=0.05)
    assert float(metrics["encoder/scale"]) > 0
    after = list(made.branches.encoder.parameters())
    for x, y in zip(before, after, strict=True):
        assert not torch.equal(x, y) or x.ndim == 1
    assert "projection/spread" not in made.step(look=False)


def test_a_device_may_be_a_name() -> None:
    source = images()
    order, config = Shuffled(source.num_rows, 18, 0), AdamWConfig()
    made = Pretrainer(
        ZOO["simclr"],
        ENCODER,
        source,
        None,
        order,
        config,
        steps=2,
        device="cpu",
        seed=0,
    )
    assert made.device == CPU
    assert math.isfinite(float(made.step()["pretrain/loss"]))


def test_encoder_and_projections_are_looked_at_apart() -> None:
    """The encoder's own output, not what the projector makes of it, nor the target."""
    made = pretrainer(ZOO["direct-clr"])  # nothing lies between the two
    metrics = made.step()
    assert metrics["encoder/scale"] == metrics["projection/scale"]
    made = pretrainer(ZOO["vicreg"])
    last = made.branches.projector
    with torch.no_grad():
        for x in [*last.parameters()][-2:]:
            x.mul_(1e-3)
    metrics = made.step()
    assert float(metrics["projection/scale"]) < 1e-2 * float(metrics["encoder/scale"])


def test_the_target_network_is_not_trained() -> None:
    made = pretrainer(ZOO["byol"])
    assert made.branches.target is not None
    own = {id(x) for x in made.branches.target.parameters()}
    given = {id(x) for group in made.optimizer.param_groups for x in group["params"]}
    assert not own & given
    assert {id(x) for x in made.branches.online.parameters()} <= given


def test_only_matrices_and_filters_decay() -> None:
    made = pretrainer(ZOO["byol"], optimizer=AdamWConfig(weight_decay=0.5))
    for group in made.optimizer.param_groups:
        for x in group["params"]:
            assert (x.ndim > 1) == (group["weight_decay"] == 0.5)


def test_the_rate_rises_then_falls() -> None:
    config = AdamWConfig(learning_rate=0.1, warm_up=0.2)
    rates = [config.rate((x + 0.5) / 100) for x in range(100)]
    assert rates[0] == pytest.approx(0.1 * 0.005 / 0.2)
    assert rates.index(max(rates)) == 20
    assert max(rates) == pytest.approx(0.1, rel=1e-3)
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[60] == pytest.approx(0.05, rel=0.03)
    assert rates[-1] < 1e-4


def test_steps_follow_the_schedule_and_clip() -> None:
    config = AdamWConfig(learning_rate=0.1, warm_up=0.5, max_norm=1e-3)
    made = pretrainer(ZOO["vicreg"], optimizer=config)
    for step in range(4):
        norm = made.step()["pretrain/gradient_norm"]
        assert norm > 1e-3  # as it was before
        assert made.optimizer.param_groups[0]["lr"] == config.rate((step + 0.5) / 6)
        kept = torch.stack([x.grad.norm() for x in made.trained if x.grad is not None])
        assert float(kept.norm()) == pytest.approx(1e-3, rel=1e-3)


def test_weight_decay_may_follow_a_schedule_and_spares_whom_it_spares() -> None:
    """DINO's: from 0.04 to 0.4 along half a cosine."""
    config = AdamWConfig(weight_decay=0.04, last_weight_decay=0.4)
    made = pretrainer(ZOO["vicreg"], optimizer=config)
    for step in range(4):
        made.step()
        decays, spared = (x["weight_decay"] for x in made.optimizer.param_groups)
        cosine = math.cos(math.pi * (step + 0.5) / 6)
        assert decays == pytest.approx(0.4 + (0.04 - 0.4) * (1 + cosine) / 2)
        assert spared == 0
    assert config.decay(0.0) == pytest.approx(0.04)
    assert config.decay(1.0) == pytest.approx(0.4)
    assert AdamWConfig(weight_decay=0.2).decay(0.7) == 0.2
    with pytest.raises(ConfigError, match="last-weight-decay must be"):
        AdamWConfig(last_weight_decay=-1.0)


def test_weight_decay_may_go_to_nothing() -> None:
    config = AdamWConfig(weight_decay=0.2, last_weight_decay=0.0)
    found = [config.decay(x) for x in (0.0, 0.5, 1.0)]
    assert found == pytest.approx([0.2, 0.1, 0.0])


def test_equal_seeds_give_equal_runs_whatever_was_drawn_before() -> None:
    def weights(seed: int, drawn: int) -> Tensor:
        torch.rand(drawn)
        made = pretrainer(ZOO["vicreg"], seed=seed)
        for _ in range(2):
            made.step()
        return torch.cat([x.detach().flatten() for x in made.trained])

    one = weights(1, 5)
    assert torch.equal(one, weights(1, 77))
    assert not torch.equal(one, weights(2, 5))


@dataclass(frozen=True)
class Dropping:
    """A head that leaves out numbers by PyTorch's own stream."""

    def outputs(self, inputs: int) -> int:
        return inputs

    def build(self, inputs: int) -> nn.Dropout:
        return nn.Dropout(0.5)


def test_layers_that_draw_for_themselves_repeat_as_well() -> None:
    """By the step: another one leaves out other numbers."""
    method = Method(WitnessConfig(), UntouchedViews(), Dropping())

    def left_out(step: int, drawn: int) -> list[Tensor]:
        made = pretrainer(method)
        made.counter.steps = step
        torch.manual_seed(drawn)
        made.step()
        objective: Any = made.branches.objective
        return [x != 0 for x in objective.shown[0].z]

    one, two = left_out(2, 0)
    assert not torch.equal(one, two)
    assert all(map(torch.equal, (one, two), left_out(2, 1)))
    assert not torch.equal(one, left_out(3, 0)[0])


@pytest.mark.parametrize("name", ZOO)
def test_two_halves_are_a_whole(name: str, tmp_path: Path) -> None:
    """Through a file: no memory, target, statistic or draw is forgotten."""
    method = replace(ZOO[name], sweep_every=2, first_sweep=1)
    assert_halves_are_a_whole(method, AdamWConfig(), tmp_path)


@pytest.mark.parametrize("method", ["barlow-twins", "byol"])
@pytest.mark.parametrize(
    "optimizer",
    [
        LarsConfig(0.3, warm_up=0.2, fall=Cosine(0.001), spared_rate=0.024),
        LarsConfig(0.3, momentum=0.0, fall=Level()),
        SgdConfig(fall=Stairs()),
        SgdConfig(momentum=0.0),
        AdamWConfig(fall=Stairs((0.3, 0.5)), last_weight_decay=0.3),
    ],
)
def test_two_halves_are_a_whole_whatever_the_optimiser(
    optimizer: OptimizerConfig, method: str, tmp_path: Path
) -> None:
    assert_halves_are_a_whole(ZOO[method], optimizer, tmp_path)


def assert_halves_are_a_whole(
    method: Method, optimizer: OptimizerConfig, tmp_path: Path
) -> None:
    # what is turned by quarters must be square, what follows in time have episodes
    source = images(sides=(16, 16), episodes=EPISODES)
    whole = pretrainer(method, source, optimizer=optimizer)
    for _ in range(4):
        whole.step(look=False)
    first = pretrainer(method, source, optimizer=optimizer)
    for _ in range(2):
        first.step(look=False)
    file = tmp_path / "state.safetensors"
    save_checkpoint(file, first.state_dict(), first.steps)
    second = pretrainer(method, source, optimizer=optimizer)
    second.load_state_dict(load_checkpoint(file).state)
    assert second.steps == 2
    for _ in range(2):
        second.step(look=False)
    assert_same(second.state_dict(), whole.state_dict(), "state")


def assert_same(one: Any, two: Any, where: str) -> None:
    if isinstance(one, Tensor):
        assert torch.equal(one, two), where
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), where
        for key in one:
            assert_same(one[key], two[key], f"{where}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), where
        for i, (x, y) in enumerate(zip(one, two, strict=True)):
            assert_same(x, y, f"{where}/{i}")
    else:
        assert one == two, where


def test_a_method_that_learns_from_labels_wants_some() -> None:
    with pytest.raises(ConfigError, match="Witness learns from labels, and these"):
        pretrainer(Method(WitnessConfig()), images(labels=False))


def test_what_does_not_fit_is_refused_in_plain_words() -> None:
    with pytest.raises(ConfigError, match="too small for this encoder"):
        Pretrainer(
            ZOO["byol"],
            NatureConfig(),
            images(),
            None,
            Shuffled(ROWS, 18, 0),
            AdamWConfig(),
            steps=1,
            device=CPU,
            seed=0,
        )


def test_without_a_head_latents_are_compared() -> None:
    made = pretrainer(Method(InfoNceConfig(), projector=Straight()))
    assert "contrast/accuracy" in made.step()


def test_a_memory_per_row_that_is_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (plan, rows):
        monkeypatch.setattr(module, "available_memory", lambda device: 1_000)
    message = r"for each row of the data set(.|\n)*of its 90 rows would fit"
    with pytest.raises(DoesNotFit, match=message):
        pretrainer(ZOO["instance-nce"])
    pretrainer(ZOO["simclr"])  # keeps none


@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_is_shown_its_own_part_and_draws_for_itself(
    witness: tuple[Pretrainer, Witness], monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    made, objective = witness
    alone = [made._generator(CPU, x).initial_seed() for x in range(2)]
    monkeypatch.setattr(learn, "num_processes", lambda: 2)
    made.rank = rank
    streams = [made._generator(CPU, x).initial_seed() for x in range(2)]
    assert set(streams) == set(alone) if rank == 0 else not set(streams) & set(alone)
    made.step()
    [views] = objective.shown
    assert views.row is not None
    assert torch.equal(views.row, Shuffled(700, 18, 0).rows(0).chunk(2)[rank])
