"""Decoders learn, the model feels nothing, and step k is imagined from k actions."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from envs.toys.moving_dot import MovingDotWorld
from envs.vector_env import DiscreteActions
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.decoders import FlatDecoderConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.refusal import ConfigError, TrainingDiverged
from tests.world_models import small_model
from tests.world_models.dots import BLACK, episodes
from tests.world_models.dots import B as DOTS
from tests.world_models.pictures.counted import STEP, T, counting, counts
from world_models.belief import build_belief
from world_models.cores.latent import LatentCoreConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.pictures.drawn import draw
from world_models.pictures.latent_decoder import LatentDecoder
from world_models.presets import byol_explore, jepa_vicreg
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorMlpConfig

FLAT = FlatDecoderConfig(64)


def of_dots() -> LatentDynamics:
    """Untrained: its latents are a random map of the frame."""
    torch.manual_seed(3)
    encoder = PatchConfig(32, patch=4, width=16, precision=Precision.FLOAT32)
    belief = build_belief(
        encoder, LatentCoreConfig(), (1, 28, 28), MovingDotWorld.actions
    )
    return jepa_vicreg(horizon=4).build(belief)


def test_a_decoder_learns_to_draw_dots(generator: torch.Generator) -> None:
    world, model = MovingDotWorld(BLACK), of_dots()
    learned = [episodes(world, generator) for _ in range(8)]
    losses: list[float] = []
    decoder = LatentDecoder.fit(
        model,
        learned,
        config=FLAT,
        steps=300,
        batch_size=32,
        learning_rate=1e-2,
        watch=lambda step, loss: losses.append(float(loss)),
    )
    assert len(losses) == 300
    assert losses[-1] < 0.5 * losses[0]
    drawn = draw(decoder, episodes(world, generator))
    true = drawn.true.float() / 255
    missed = (drawn.reconstructed.float() / 255 - true).square().mean()
    mean = (decoder.decoder.mean_image - true).square().mean()
    assert missed < 0.7 * mean
    shown = torch.cat([x.obs.flatten(0, 1) for x in learned]).double() / 255
    assert_close(decoder.decoder.mean_image, shown.mean(0).float())
    spread = (shown - shown.mean(0)).square().mean().sqrt()
    assert_close(decoder.decoder.scale, spread.float())


def test_the_model_feels_nothing(generator: torch.Generator) -> None:
    """Bytes, gradients and mode; and random numbers are those of before."""
    model, traj = of_dots().train(), episodes(MovingDotWorld(BLACK), generator)
    before = {k: x.clone() for k, x in model.state_dict().items()}
    state = torch.get_rng_state()
    decoder = LatentDecoder.fit(model, [traj], config=FLAT, steps=3)
    draw(decoder, traj)
    for name, x in model.state_dict().items():
        assert torch.equal(x, before[name]), name
    assert all(x.grad is None and x.requires_grad for x in model.parameters())
    assert all(x.training for x in model.modules())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.fixture(scope="module")
def counted() -> tuple[LatentDecoder, Trajectory]:
    generator = torch.Generator().manual_seed(7)
    learned = [counts(generator) for _ in range(4)]
    decoder = LatentDecoder.fit(
        counting(), learned, config=FLAT, steps=250, learning_rate=1e-2
    )
    return decoder, counts(generator)


def imagined(decoder: LatentDecoder, traj: Trajectory, action: Tensor) -> Tensor:
    """Mean brightness `[T, B]`, in counts."""
    belief = decoder.model.belief.throughout(traj, decoder.model.start(16)).belief
    return decoder.imagine(belief[0], action).float().flatten(2).mean(2) / STEP


def test_step_k_is_imagined_from_k_actions(
    counted: tuple[LatentDecoder, Trajectory],
) -> None:
    decoder, traj = counted
    made = imagined(decoder, traj, traj.action)
    start = traj.obs[0, :, 0, 0, 0].float() / STEP
    for b in range(16):
        count = float(start[b])
        for k in range(T):
            count += int(traj.action[k, b])
            assert float(made[k, b]) == pytest.approx(count, abs=0.4), (k, b)


def test_what_is_drawn_follows_its_own_actions_and_otherwise_another_ones(
    counted: tuple[LatentDecoder, Trajectory],
) -> None:
    """Row k behind k actions: of the trajectory itself, or of the one before it."""
    decoder, traj = counted
    drawn = draw(decoder, traj)
    start = traj.obs[:1, :, 0, 0, 0].float() / STEP
    for made, action in (
        (drawn.imagined, traj.action),
        (drawn.otherwise, torch.stack([traj.action[:, b - 1] for b in range(16)], 1)),
    ):
        count = torch.cat([start, start + action.cumsum(0)])
        shown = made.float().flatten(2).mean(2) / STEP
        assert_close(shown, count, atol=0.4, rtol=0.0)


@pytest.mark.parametrize("changed", range(T))
def test_an_action_changes_what_is_behind_it_alone(
    counted: tuple[LatentDecoder, Trajectory], changed: int
) -> None:
    decoder, traj = counted
    low, high = traj.action.clone(), traj.action.clone()
    low[changed], high[changed] = 0, 2
    less, more = (imagined(decoder, traj, x) for x in (low, high))
    assert torch.equal(less[:changed], more[:changed])
    between = more[changed:] - less[changed:]
    assert_close(between, torch.full_like(between, 2.0), atol=0.5, rtol=0.0)


def test_stacks_of_any_channels_give_the_newest_frame(
    generator: torch.Generator,
) -> None:
    torch.manual_seed(0)
    encoder = PatchConfig(12, patch=4, width=8, precision=Precision.FLOAT32)
    belief = build_belief(
        encoder, LatentCoreConfig(num_frames=3), (2, 16, 12), DiscreteActions(5)
    )
    model = jepa_vicreg(horizon=2).build(belief)
    obs = torch.randint(0, 256, (10, 3, 2, 16, 12), generator=generator)
    traj = replace(small_model.noise(generator), obs=obs.to(torch.uint8))
    decoder = LatentDecoder.fit(model, [traj], burn_in=2, config=FLAT, steps=2)
    drawn = draw(decoder, traj, burn_in=2)
    assert torch.equal(drawn.true, traj.obs[2:])
    for x in (drawn.reconstructed, drawn.imagined, drawn.otherwise):
        assert (x.dtype, x.shape) == (torch.uint8, (8, 3, 2, 16, 12))
    assert torch.equal(drawn.imagined[0], drawn.reconstructed[0])
    assert drawn.inside[0].all()
    for t in range(1, 8):
        whole = drawn.inside[t - 1] & ~traj.first[2 + t]
        assert torch.equal(drawn.inside[t], whole)


def test_collapsed_latents_give_the_mean_image(generator: torch.Generator) -> None:
    model, traj = of_dots(), episodes(MovingDotWorld(BLACK), generator)
    for weight in model.belief.encoder.parameters():
        weight.data.zero_()
    decoder = LatentDecoder.fit(
        model, [traj], config=FLAT, steps=200, learning_rate=1e-2
    )
    drawn = draw(decoder, traj)
    wanted = 255 * decoder.decoder.mean_image
    for x in (drawn.reconstructed, drawn.imagined):
        assert (x.float() - wanted).abs().max() < 12
        assert torch.equal(x, x[:1, :1].expand_as(x))
    assert drawn.true.shape[1] == DOTS


def test_a_model_of_numbers_is_refused() -> None:
    belief = build_belief(
        VectorMlpConfig(), LatentCoreConfig(), (1, 8, 8), DiscreteActions(2), 4, 6
    )
    model = byol_explore(horizon=2).build(belief)
    with pytest.raises(ConfigError, match="sees numbers and no pixels"):
        LatentDecoder.fit(model, [])


def test_a_model_that_diverged_is_refused(generator: torch.Generator) -> None:
    model, traj = of_dots(), episodes(MovingDotWorld(BLACK), generator)
    next(model.belief.encoder.parameters()).data.fill_(torch.nan)
    with pytest.raises(TrainingDiverged, match="not finite"):
        LatentDecoder.fit(model, [traj])
