"""Paid step by step as for rollouts, with memories that forget where they should."""

import io
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from agents.beside.companion import Companion
from agents.beside.config import CompanionConfig
from agents.beside.shown import Moved
from agents.beside.stepwise import Stepwise
from agents.beside.streams import Streams
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.experience import Experience
from agents.off_policy.study import StudyConfig
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.agents.beside.same_step import SameStep
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

T, B, K = 6, 3, 3
EYES = PatchConfig(8, precision=Precision.FLOAT32)
NOTHING_LEARNED = StudyConfig(1, 0, 0, 4, 0)
WORLD = KeyDoorConfig(max_episode_steps=4, varied_layouts=True)


class Arrivals(Curiosity):
    """Pays the arrival sums as they are."""

    needs_model = True

    def reward(self, scored: Scored) -> IntrinsicReward:
        raw = scored.known.arrival().masked_fill(~scored.valid, 0.0)
        return IntrinsicReward(raw, raw)


class OtherArrivals(Curiosity):
    """Those of another model, whose memory runs along by itself."""

    needs_model = True

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        assert surroundings.model is not None
        self.other = (surroundings.model,)
        self.carry = surroundings.model.start(surroundings.spec.num_envs)

    def reward(self, scored: Scored) -> IntrinsicReward:
        loss, self.carry = scored.score(self.other[0], self.carry)
        raw = loss.arrival().masked_fill(~scored.valid, 0.0)
        return IntrinsicReward(raw, raw)


@dataclass(frozen=True)
class ArrivalsConfig:
    other: bool = False

    def build(self, surroundings: Surroundings) -> Curiosity:
        return OtherArrivals(surroundings) if self.other else Arrivals()


def config(curiosity: object, study: StudyConfig = NOTHING_LEARNED) -> CompanionConfig:
    return CompanionConfig(
        curiosity,  # type: ignore[arg-type]
        byol_explore(K, predictor=LatentHeadConfig(13)),
        encoder=EYES,
        core=RecurrentConfig(7, num_frames=2),
        num_steps=T,
        study=study,
        action_size=5,
    )


def begun(built: CompanionConfig, world: SameStep, seed: int = 0) -> Stepwise:
    stepwise = Stepwise(built.build(world.env.spec, seed), T)
    stepwise.begin(world.now)
    return stepwise


def in_one_rollout(companion: Companion, moves: list[Moved], start: SameStep) -> Tensor:
    """Arrival sums of all steps, from a rollout with both rows at every end."""
    model = companion.model
    assert model is not None
    ends = [int(sum(x.ended[i] for x in moves)) for i in range(B)]
    assert len(set(ends)) == 1  # of one length, so that one rollout holds all
    streams = Streams(B, len(moves) + ends[0] - 1)
    streams.restart(start.now, torch.zeros(B, dtype=torch.int64))
    for moved in moves:
        streams.add(moved)
    traj, _ = streams.cut()
    carry = model.start(B)
    scored = Scored.by(model, Experience(traj, carry, carry))
    return scored.known.arrival()[traj.valid[:, 0]]


@pytest.mark.parametrize("other", [False, True])
def test_a_step_earns_what_it_does_in_a_rollout(other: bool) -> None:
    world = SameStep(WORLD.build(B, "cpu"))
    start = SameStep(WORLD.build(B, "cpu"))
    stepwise = begun(config(ArrivalsConfig(other)), world)
    stepwise.companion.warm = True  # paid from the beginning, nothing is learned
    moves, paid = [], []
    for _ in range(10):
        moves.append(world.step())
        paid.append(stepwise.step(moves[-1]))
    want = in_one_rollout(stepwise.companion, moves, start)
    torch.testing.assert_close(torch.stack(paid)[: len(want)], want)
    assert len(want) >= 9
    assert want.std() > 0


def test_behind_learning_all_predictions_are_those_of_the_weights_of_now() -> None:
    """Also those made from rows seen before it; no memory tells them apart."""
    study = StudyConfig(1, 0, 3, 8, 0, learning_rate=3e-2)
    built = replace(config(ArrivalsConfig(), study), core=LatentCoreConfig())
    endless = KeyDoorConfig(max_episode_steps=100, varied_layouts=True)
    world, start = (SameStep(endless.build(B, "cpu")) for _ in range(2))
    stepwise = begun(built, world)
    moves, paid = [], []
    for _ in range(2 * T - 1):  # the second time to learn is a step away
        moves.append(world.step())
        paid.append(stepwise.step(moves[-1]))
    want = in_one_rollout(stepwise.companion, moves, start)
    torch.testing.assert_close(torch.stack(paid)[T : len(want)], want[T:])
    assert len(want) >= T + K - 1


LEARNING = StudyConfig(2, 0, 3, 4, 2)
SIGNALS = {
    "rnd": config(RndConfig(EYES, 8), LEARNING),
    "prediction-error": config(PredictionErrorConfig(), LEARNING),
    "gamma-progress": config(GammaProgressConfig(gamma=0.5, warm_start=3), LEARNING),
    "own-loss": config(
        GammaProgressConfig(gamma=0.5, warm_start=3, yardstick=OwnLossConfig()),
        LEARNING,
    ),
}

NAMES = {"own-loss": "gamma-progress"}


@pytest.mark.parametrize("name", SIGNALS)
def test_nothing_at_first_then_something_and_saved_it_goes_on_alike(name: str) -> None:
    """Both begin anew behind saving, as SB3 has it."""
    world = SameStep(WORLD.build(B, "cpu"))
    one = begun(SIGNALS[name], world)
    paid = torch.stack([one.step(world.step()) for _ in range(3 * T + 2)])
    assert not paid[: T - 1].any()
    assert paid[T:].any()
    assert paid.isfinite().all()
    assert one.metrics[f"intrinsic/{NAMES.get(name, name)}/raw_mean"].isfinite()
    state = one.state_dict()
    two = Stepwise(SIGNALS[name].build(world.env.spec, seed=9), T)
    two.load_state_dict(_copied(state))
    for x in (one, two):
        x.begin(world.now)
    for _ in range(2 * T):
        moved = world.step()
        assert torch.equal(one.step(moved), two.step(moved))


def _copied(state: object) -> dict[str, object]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, object] = torch.load(file, weights_only=True)
    return loaded


def test_what_is_known_pays_less_and_what_ends_is_learned() -> None:
    """A goal that is reached at each end is no news for ever."""
    study = StudyConfig(1, 0, 20, 32, 0, learning_rate=3e-3)
    built = CompanionConfig(RndConfig(EYES, 8, share=1.0), num_steps=8, study=study)
    world = SameStep(KeyDoorConfig(max_episode_steps=2).build(B, "cpu"))
    stepwise = Stepwise(built.build(world.env.spec), 8)
    stepwise.begin(world.now)
    raw = []
    for _ in range(48):
        stepwise.step(world.step())
        if "intrinsic/rnd/raw_mean" in stepwise.metrics:
            raw.append(float(stepwise.metrics["intrinsic/rnd/raw_mean"]))
    assert raw[-1] < 0.5 * raw[0]


def test_it_must_begin() -> None:
    world = SameStep(WORLD.build(B, "cpu"))
    stepwise = Stepwise(SIGNALS["rnd"].build(world.env.spec), T)
    with pytest.raises(RuntimeError, match="call begin"):
        stepwise.step(world.step())
