"""Probing models whose latents are known: those that show the truth, and constants."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from agents.trajectories import rollout
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import ContinuousActions
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.refusal import TrainingDiverged
from world_models.actions import ContinuousEmbedding
from world_models.belief import build_belief
from world_models.cores.core import CoreConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.open_loop import OpenLoop, Unmoved
from world_models.presets import jepa_vicreg
from world_models.probing.facts import probe_facts
from world_models.trajectory import Trajectory

B, T, K, H = 30, 6, 4, 28
ACTIONS = ContinuousActions((-1.0, -1.0), (1.0, 1.0))


class CentreOfMass(nn.Module):
    """Shows where the brightness of a frame lies, in pixels, and how much there is."""

    def forward(self, pixels: Tensor) -> Tensor:
        at = torch.arange(float(H))
        mass = pixels.sum((2, 3)).clamp(min=1e-6)
        x = (pixels.sum(2) * at).sum(2) / mass
        y = (pixels.sum(3) * at).sum(2) / mass
        return torch.stack([x, y, mass / 100], 2).view(len(pixels), -1, 1, 1)


@dataclass(frozen=True)
class Shows:
    """The encoder that knows."""

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        return Encoder(CentreOfMass(), image_shape, 0, Precision.FLOAT32)


def knowing(core: CoreConfig | None = None, horizon: int = K) -> LatentDynamics:
    torch.manual_seed(0)
    core = core or LatentCoreConfig()
    belief = build_belief(Shows(), core, (1, H, H), ACTIONS, 6)
    return jepa_vicreg(horizon).build(belief).eval()


def of_the_dot(seed: int, length: int = 5) -> Trajectory:
    env = MovingDotConfig(max_episode_steps=length).build(B, "cpu")
    return rollout(env, T, row=env.reset(seed))[0]


def test_an_encoder_that_shows_the_truth_is_read_without_error() -> None:
    told = probe_facts(knowing(), [of_the_dot(0)], [of_the_dot(1)])
    assert set(told) == {
        f"{fact}/{what}_{number}"
        for fact in ("place", "displacement")
        for what in ("encoded", "predicted")
        for number in ("rmse", "r2")
    }
    assert told["place/encoded_rmse"] < 0.1
    assert told["place/encoded_r2"] > 0.999
    # one frame does not show a movement, and an untrained open loop knows no place
    assert told["displacement/encoded_r2"] < 0.5
    assert told["place/predicted_rmse"] > 3 * told["place/encoded_rmse"]


def test_a_stack_of_frames_shows_movements_too() -> None:
    """Where it has all its frames: behind the first row of an episode."""
    one, two = (of_the_dot(x, length=9) for x in (0, 1))
    told = probe_facts(knowing(FrameStackConfig(2)), [one], [two], burn_in=1)
    assert told["displacement/encoded_rmse"] < 0.1
    alone = probe_facts(knowing(), [one], [two], burn_in=1)
    assert alone["displacement/encoded_rmse"] > 1.0


def lasting(numbers: Tensor, first: Tensor) -> Trajectory:
    """Frames of one bright pixel at (x, y) = (value, 3), with the value as a fact."""
    rows, envs = numbers.shape
    obs = torch.zeros(rows, envs, 1, H, H, dtype=torch.uint8)
    row, env = torch.meshgrid(torch.arange(rows), torch.arange(envs), indexing="ij")
    obs[row, env, 0, 3, numbers] = 255
    no = torch.zeros(rows - 1, envs, dtype=torch.bool)
    return Trajectory(
        action=torch.zeros(rows - 1, envs, 2),
        reward=torch.zeros(rows - 1, envs),
        terminated=no,
        truncated=no,
        obs=obs,
        first=first,
        facts={"where": numbers},
    )


def episodes(seed: int, length: int) -> Trajectory:
    """Values last for an episode; episodes begin at rows drawn for each env."""
    draw = torch.Generator().manual_seed(seed)
    begins = torch.rand(length + 1, 40, generator=draw) < 0.4
    episode = begins.cumsum(0)
    value = torch.randint(H, (int(episode.max()) + 1, 40), generator=draw)
    assert (begins[1:5].any(0) & ~begins[1]).any()  # some end inside the horizon
    return lasting(value.gather(0, episode), begins)


def test_predictions_across_an_episodes_end_do_not_count() -> None:
    """Where values last for an episode, believing in no change is right within it."""
    model = knowing()
    model.open_loop = Unmoved()
    told = probe_facts(model, [episodes(0, T)], [episodes(1, T)])
    assert told["where/encoded_rmse"] < 0.05
    assert told["where/predicted_rmse"] < 0.05
    # the same, not told where episodes begin, is wrong
    secret = [
        replace(x, first=torch.zeros_like(x.first))
        for x in (episodes(0, T), episodes(1, T))
    ]
    assert probe_facts(model, secret[:1], secret[1:])["where/predicted_rmse"] > 1.0


def test_beliefs_are_read_too_where_a_core_remembers() -> None:
    """They know what one frame does not show, and are read off rows as latents are."""
    one, two = (of_the_dot(x, length=9) for x in (0, 1))
    told = probe_facts(knowing(RecurrentConfig(40)), [one], [two], burn_in=1)
    name = "displacement/believed_rmse"
    assert told[name] < 0.8 * told["displacement/encoded_rmse"]
    assert name not in probe_facts(knowing(), [one], [two])


def test_what_came_first_alone_is_predicted_from() -> None:
    """A value that changes behind the first row is missed by who believes in none."""
    model = knowing()
    model.open_loop = Unmoved()
    walk = (torch.arange(T + 1)[:, None] + torch.arange(20)[None]).clamp(max=H - 1)
    first = torch.zeros(T + 1, 20, dtype=torch.bool)
    traj = lasting(walk, first)
    told = probe_facts(model, [traj], [traj])
    # of steps 1 … 4 ahead the mean is known, what is missed is ±1.5, ±0.5
    expected = ((2.25 + 0.25) / 2) ** 0.5
    assert told["where/predicted_rmse"] == pytest.approx(expected, rel=0.01)
    assert told["where/encoded_rmse"] < 0.05


class Adds(OpenLoop):
    """Moves what it believes by each action, without ever being wrong."""

    def all_starts(self, belief: Tensor, action: Tensor, horizon: int) -> Tensor:
        raise NotImplementedError

    def forward(self, belief: Tensor, action: Tensor) -> Tensor:
        moved = torch.zeros(len(action), *belief.shape)
        moved[..., 0] = action[..., 0].cumsum(0)
        return belief + moved


def of_steps(seed: int) -> Trajectory:
    """A bright pixel that goes left or right as it is told, from somewhere inside."""
    draw = torch.Generator().manual_seed(seed)
    step = 2 * torch.randint(2, (T, 60), generator=draw) - 1
    begin = torch.randint(T, H - T, (1, 60), generator=draw)
    where = torch.cat([begin, begin + step.cumsum(0)])
    traj = lasting(where, torch.zeros(T + 1, 60, dtype=torch.bool))
    told = torch.zeros(T, 60, 2)
    told[..., 0] = step
    return replace(traj, action=told)


def test_predictions_are_read_against_the_rows_that_they_are_of() -> None:
    """Who adds up actions rightly is right about each row, and not about others."""
    model = knowing()
    model.open_loop = Adds()
    embedding = model.belief.embedding
    assert isinstance(embedding, ContinuousEmbedding)
    with torch.no_grad():
        embedding.linear.weight.copy_(torch.eye(6, 2))
        embedding.linear.bias.zero_()
    told = probe_facts(model, [of_steps(0)], [of_steps(1)])
    assert told["where/encoded_rmse"] < 0.05
    assert told["where/predicted_rmse"] < 0.05


def test_errors_are_of_the_trajectories_that_are_tested_on() -> None:
    """Where all is five pixels further on than it was, five pixels are missed."""
    fit, test = episodes(0, T), episodes(1, T)
    further = replace(test, facts={"where": test.facts["where"] + 5})
    told = probe_facts(knowing(), [fit], [further])
    assert told["where/encoded_rmse"] == pytest.approx(5, abs=0.1)
    assert probe_facts(knowing(), [further], [further])["where/encoded_rmse"] < 0.05


def test_trajectories_shorter_than_the_horizon_are_predicted_as_far_as_they_go() -> (
    None
):
    model = knowing(horizon=9)
    model.open_loop = Unmoved()
    told = probe_facts(model, [episodes(0, 5)], [episodes(1, 5)])
    assert told["where/predicted_rmse"] < 0.05


def test_rows_of_the_burn_in_are_not_probed_but_remembered() -> None:
    """Latents of a prefix are nonsense, and the core's memory of it is in beliefs."""
    model = knowing(RecurrentConfig(11))
    traj, other = of_the_dot(2), of_the_dot(3)

    def nonsense(x: Trajectory) -> Trajectory:
        facts = {"place": x.facts["place"].clone()}
        facts["place"][:2] = 1e6 * torch.randn_like(facts["place"][:2])
        return replace(x, facts=facts)

    told = probe_facts(model, [nonsense(traj)], [nonsense(other)], burn_in=2)
    assert told["place/encoded_rmse"] < 0.1
    dark = traj.obs.clone()
    dark[:2] = 0
    others = probe_facts(model, [replace(traj, obs=dark)], [other], burn_in=2)
    same = probe_facts(model, [traj], [other], burn_in=2)
    assert others["place/encoded_rmse"] == same["place/encoded_rmse"]
    assert others["place/predicted_rmse"] != same["place/predicted_rmse"]


def test_batches_are_joined() -> None:
    model = knowing()
    fit, test = of_the_dot(0), of_the_dot(1)
    whole = probe_facts(model, [fit], [test])
    few, others = (
        [x.envs(torch.arange(i, i + 10)) for i in (0, 10, 20)] for x in (fit, test)
    )
    assert probe_facts(model, few, others) == pytest.approx(whole)


def test_latents_that_are_not_finite_are_one_message() -> None:
    model = knowing()
    with torch.no_grad():
        for x in model.open_loop.parameters():
            x.fill_(torch.nan)
    with pytest.raises(TrainingDiverged, match="What is predicted is not finite"):
        probe_facts(model, [of_the_dot(0)], [of_the_dot(1)])


def test_facts_of_one_number_without_an_axis_and_with_one_are_the_same() -> None:
    traj, other = episodes(0, T), episodes(1, T)

    def with_axis(x: Trajectory) -> Trajectory:
        return replace(x, facts={"where": x.facts["where"].unsqueeze(-1)})

    flat = probe_facts(knowing(), [traj], [other])
    assert probe_facts(knowing(), [with_axis(traj)], [with_axis(other)]) == flat
