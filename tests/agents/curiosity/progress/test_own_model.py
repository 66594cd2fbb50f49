"""A model of the signal's own sees what leads up to a minibatch."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from agents.appraiser import Appraiser
from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.own_model import OwnModel, OwnModelConfig
from agents.curiosity.progress.progress import Progress
from agents.curiosity.scored import Learning
from agents.curiosity.signal import Signal
from agents.off_policy.study import Study, StudyConfig
from agents.policy.ppo import RewardStream
from tests.agents.curiosity.progress.tiny import (
    ACTIONS,
    PATCHES,
    SHAPE,
    SPEC,
    B,
    T,
    V,
    around,
    model_of,
    trajectory,
)
from world_models.belief import BeliefModel
from world_models.cores.core import CoreConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.history import HistoryConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory
from world_models.vector_encoder import VectorMlpConfig

CORES: dict[str, CoreConfig] = {
    "history": HistoryConfig(4),
    "recurrent": RecurrentConfig(11, num_frames=2),
    "frame-stack": FrameStackConfig(num_frames=3),
}
AHEAD = byol_explore(1, predictor=LatentHeadConfig(9))
BURN_IN = 3


def own_of(core: CoreConfig) -> OwnModelConfig:
    return OwnModelConfig(AHEAD, PATCHES, core, 4)


def signal_of(core: CoreConfig) -> tuple[Progress, OwnModel]:
    torch.manual_seed(5)
    config = GammaProgressConfig(2, OwnLossConfig(), own_of(core), gamma=0.9)
    signal = config.build(around(None))
    assert signal.own is not None
    return signal, signal.own


def split(traj: Trajectory) -> Learning:
    behind = traj.steps(BURN_IN, T)
    nothing = model_of("latent").start(B)
    return Learning(behind, nothing, torch.Generator(), past=traj.steps(0, BURN_IN))


@pytest.mark.parametrize("name", list(CORES))
def test_beliefs_are_those_of_a_run_over_everything(
    name: str, generator: torch.Generator
) -> None:
    """Joins of episodes in the past included; without a past they are others."""
    signal, own = signal_of(CORES[name])
    assert signal.remembers
    model = own.model
    for _ in range(5):
        traj = trajectory(generator)
        learning = split(traj)
        loss, known = own.learn(learning)
        with torch.no_grad():
            whole = model.see(traj, model.start(B))
        assert known.belief is not None
        torch.testing.assert_close(known.belief, whole.belief[BURN_IN:])
        want = model.loss(traj, model.start(B), burn_in=BURN_IN).mean()
        torch.testing.assert_close(loss, want)
    _, blind = own.learn(replace(learning, past=None))
    assert blind.belief is not None
    assert known.belief is not None
    assert not torch.isclose(blind.belief, known.belief).all()


def test_the_past_gives_no_gradient(generator: torch.Generator) -> None:
    """Targets of a slow copy apart, all that is learned comes through these rows."""
    _, own = signal_of(CORES["recurrent"])
    traj = trajectory(generator)
    own.model.loss(traj, own.model.start(B), burn_in=BURN_IN).mean().backward()
    want = [x.grad for x in own.model.parameters() if x.grad is not None]
    own.model.zero_grad()
    own.learn(split(traj))[0].backward()
    got = [x.grad for x in own.model.parameters() if x.grad is not None]
    torch.testing.assert_close(got, want)


def study_of(
    model: LatentDynamics | None, core: CoreConfig
) -> tuple[Study, Progress, OwnModel]:
    signal, own = signal_of(core)
    signals = {"own": Signal(signal, RewardStream(1.0, 0.9))}
    appraiser = Appraiser(model, signals)
    config = StudyConfig(burn_in=BURN_IN, batch=B)
    return Study(config, appraiser, torch.Generator()), signal, own


@pytest.mark.parametrize("agents", ["recurrent", "latent", "none"])
def test_windows_of_a_replay_have_a_past(
    agents: str, generator: torch.Generator
) -> None:
    """For the signal's model, whether the agent's remembers, does not, or is none."""
    model = None if agents == "none" else model_of(agents)
    study, _, own = study_of(model, CORES["history"])
    assert study.burn_in == BURN_IN
    assert study.num_steps == BURN_IN + (1 if model is None else model.horizon)
    window = trajectory(generator).steps(0, study.num_steps)
    carry = model_of("recurrent").start(B)
    told = study.loss(window, carry).metrics
    want = own.model.loss(window, own.model.start(B), burn_in=BURN_IN)
    torch.testing.assert_close(told["loss/own"], want.mean().detach())
    if model is not None:
        begun = model.belief.recall(carry)
        theirs = model.loss(window, begun, burn_in=BURN_IN).mean().detach()
        torch.testing.assert_close(told["loss/world_model"], theirs)


def test_who_remembers_nothing_gets_windows_without_a_past() -> None:
    study, signal, _ = study_of(model_of("latent"), LatentCoreConfig())
    assert not signal.remembers
    assert study.burn_in == 0


class Rows:
    """Counts the rows that an encoder is shown."""

    def __init__(self, belief: BeliefModel) -> None:
        self.count = 0
        belief.encoder.register_forward_pre_hook(self.see)

    def see(self, module: torch.nn.Module, given: tuple[Tensor, ...]) -> None:
        self.count += given[0].shape[0]


def test_nobody_else_looks_at_the_past(generator: torch.Generator) -> None:
    """A model without a memory skips it, frames apart."""
    torch.manual_seed(0)
    stacked = AHEAD.of(SHAPE, ACTIONS, PATCHES, FrameStackConfig(num_frames=3), V)
    traj = trajectory(generator)
    rows, carry = Rows(stacked.belief), stacked.start(B)
    behind, skipped = stacked.belief.behind_burn_in(traj, carry, BURN_IN)
    assert rows.count == 0
    assert behind.num_steps == T - BURN_IN
    want = stacked.belief.along(traj.steps(0, BURN_IN), carry).carry
    for name, x in vars(want).items():
        assert torch.equal(getattr(skipped, name), x), name


def test_eyes_may_read_a_vector(generator: torch.Generator) -> None:
    own = OwnModelConfig(AHEAD, VectorMlpConfig(1, V, (6,), 5), HistoryConfig(2), 4)
    torch.manual_seed(0)
    built = own.build(around(None))
    assert built.model.belief.encoder.size == 5
    loss, _ = built.learn(split(trajectory(generator)))
    loss.backward()
    assert SPEC.vector_size == V
    grads = [x.grad for x in built.model.belief.encoder.parameters()]
    assert all(x is not None and bool(x.any()) for x in grads)


def test_it_reads_as_much_of_the_vector_as_it_is_told(
    generator: torch.Generator,
) -> None:
    traj = trajectory(generator)
    assert traj.vector is not None
    other = traj.vector.clone()
    other[..., 2:] += 1.0
    changed = replace(traj, vector=other)
    for beside, alike in ((None, False), (2, True), (0, True)):
        config = replace(own_of(CORES["recurrent"]), beside=beside)
        model = config.build(around(None)).model.eval()
        with torch.no_grad():
            one, two = (
                model.belief.along(x, model.start(B)).belief for x in (traj, changed)
            )
        assert torch.equal(one, two) == alike
    reads = OwnModelConfig(AHEAD, VectorMlpConfig(0, V, (6,), 5), beside=2)
    with pytest.raises(ValueError, match="reads the vector itself"):
        reads.build(around(None))
