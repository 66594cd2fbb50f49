"""All signals that read frames also read vectors, where frames show nothing."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from agents.check.curiosity import check_curiosity
from agents.curiosity.counts.counts import ExactCountsConfig, HashCountsConfig
from agents.curiosity.counts.keys import Keys
from agents.curiosity.counts.vector_keys import VectorHash, VectorKeys
from agents.curiosity.embeddings.dynamics import DynamicsConfig
from agents.curiosity.episodic.e3b import E3bConfig
from agents.curiosity.episodic.ngu import NguConfig
from agents.curiosity.episodic.noveld import NoveldConfig
from agents.curiosity.episodic.ride import RideConfig
from agents.curiosity.errors.ama import AmaConfig
from agents.curiosity.icm import IcmConfig
from agents.curiosity.particles.apt import AptConfig
from agents.curiosity.particles.re3 import Re3Config
from agents.curiosity.rnd import RndConfig
from agents.curiosity.scored import Scored
from agents.curiosity.sight import NumbersConfig, VectorSight
from agents.curiosity.signal import CuriosityConfig
from experiments.train.presets import train_config
from experiments.train.tables import CURIOSITY
from tests.agents.curiosity.made import (
    EYES,
    SHAPE,
    B,
    T,
    around,
    by_episode,
    goes_on,
    rollouts,
    some,
)
from world_models.vector_encoder import VectorEncoder, VectorMlpConfig

V = 6
MLP = VectorMlpConfig(hidden=(8,), size=4)
RND = RndConfig(MLP, size=5, warm_up_steps=2)
DYNAMICS = DynamicsConfig(MLP, hidden=9)
CONFIGS: dict[str, CuriosityConfig] = {
    "rnd": RND,
    "icm": IcmConfig(DYNAMICS),
    "hash-counts": HashCountsConfig(bits=7, sight=NumbersConfig()),
    "exact-counts": ExactCountsConfig(places=50, sight=NumbersConfig()),
    "e3b": E3bConfig(MLP, hidden=9),
    "noveld": NoveldConfig(RND),
    "ngu": NguConfig(MLP, hidden=9, nearest=3, novelty=RND),
    "ride": RideConfig(DYNAMICS),
    "re3": Re3Config(MLP, rows=5, every=2),
    "apt": AptConfig(DYNAMICS, nearest=3, every=2),
    "ama": AmaConfig(MLP, hidden=9),
}
_FRAMELESS = (1, 1, 1)


@pytest.mark.parametrize("name", CONFIGS)
def test_contract_and_resume(name: str) -> None:
    make = CONFIGS[name].build
    check_curiosity(make, SHAPE, vector_size=V)
    goes_on(lambda: make(around(obs_shape=_FRAMELESS, vector_size=V)), vector_size=V)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_paid_follows_from_the_vector_alone(name: str) -> None:
    torch.manual_seed(0)
    one = CONFIGS[name].build(around(vector_size=V))
    other = CONFIGS[name].build(around(vector_size=V))
    blind = CONFIGS[name].build(around(vector_size=V))
    other.load_state_dict(one.state_dict())
    blind.load_state_dict(one.state_dict())
    differs = False
    for scored in some(rollouts(vector_size=V, ends=0.1), 2):
        traj = scored.traj
        assert traj.vector is not None
        bright = replace(traj, obs=torch.full_like(traj.obs, 200))
        still = replace(traj, vector=torch.zeros_like(traj.vector))
        paid = one.reward(scored).raw
        for signal, shown in ((other, bright), (blind, still)):
            seen = replace(scored, experience=replace(scored.experience, traj=shown))
            raw = signal.reward(seen).raw
            if signal is other:
                assert torch.equal(raw, paid)
            else:
                differs |= not torch.equal(raw, paid)
    assert differs


@pytest.mark.parametrize("name", CONFIGS)
def test_frames_of_one_pixel_are_refused_beside_a_vector(name: str) -> None:
    """By every signal as it is by default; and a vector where there is none."""
    world = around(obs_shape=_FRAMELESS, vector_size=V)
    made = CURIOSITY.make(name)
    assert made is not None
    with pytest.raises(ValueError, match="add --signal-encoder vector"):
        made.build(world)
    with pytest.raises(ValueError, match="leave --signal-encoder vector out"):
        CONFIGS[name].build(around())


def test_frames_too_small_for_a_signal_name_its_own_encoder() -> None:
    """The policy's may be another one."""
    with pytest.raises(ValueError, match=r"--signal-encoder\): .*too small"):
        E3bConfig().build(around(obs_shape=(3, 16, 16)))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_flag_makes_all_of_a_signal_read_the_vector(name: str) -> None:
    config = train_config("ppo", curiosity=name, signal_encoder="vector").curiosity
    assert config is not None
    signal = config.build(around(obs_shape=_FRAMELESS, vector_size=V))
    sights = [x.sight for x in signal.modules() if hasattr(x, "sight")]
    assert sights
    assert all(x == VectorSight((V,)) for x in sights)


def vectors(streamed: list[Scored]) -> list[Tensor]:
    """Of rows 0 … T of each rollout."""
    return [x.traj.vector for x in streamed if x.traj.vector is not None]


def embedded(encoder: nn.Module, vector: Tensor) -> Tensor:
    """By the encoder's two layers, written out."""
    assert isinstance(encoder, VectorEncoder)
    one, other = encoder.network.get_submodule("0"), encoder.network.get_submodule("2")
    assert isinstance(one, nn.Linear)
    assert isinstance(other, nn.Linear)
    hidden = (vector @ one.weight.T + one.bias).clamp(min=0.0)
    return hidden @ other.weight.T + other.bias


def test_numbers_outside_of_the_vector_are_refused() -> None:
    with pytest.raises(ValueError, match=r"numbers 2 to 7 of the vector, .* has 6"):
        NumbersConfig(2, 7).sight(around(vector_size=V).spec)
    with pytest.raises(ValueError, match="from start to stop, not 3 to 3"):
        NumbersConfig(3, 3)
    with pytest.raises(ValueError, match="leave cell at 1, not 2"):
        NoveldConfig(RND, cell=2).build(around(vector_size=V))


def test_some_numbers_are_read() -> None:
    """Of an encoder, and of counts: the others make no difference."""
    some_of = replace(MLP, start=1, stop=3)
    for config in (
        E3bConfig(some_of, hidden=9),
        RideConfig(DynamicsConfig(some_of, hidden=9)),
        ExactCountsConfig(places=50, sight=NumbersConfig(1, 3)),
    ):
        torch.manual_seed(0)
        one = config.build(around(vector_size=V))
        other = config.build(around(vector_size=V))
        other.load_state_dict(one.state_dict())
        [scored] = some(rollouts(vector_size=V), 1)
        vector = scored.traj.vector
        assert vector is not None
        spoiled = torch.rand_like(vector)
        spoiled[..., 1:3] = vector[..., 1:3]
        traj = replace(scored.traj, vector=spoiled)
        seen = replace(scored, experience=replace(scored.experience, traj=traj))
        assert torch.equal(one.reward(scored).raw, other.reward(seen).raw)


def test_elliptical_bonuses_are_those_of_an_explicit_inverse() -> None:
    signal = E3bConfig(MLP, hidden=9).build(around(vector_size=V))
    streamed = some(rollouts(vector_size=V), 3)
    with torch.no_grad():
        rows = [embedded(signal.embedding.encoder, x) for x in vectors(streamed)]

    def worth(episode: list[Tensor], row: Tensor) -> float:
        scatter = 0.1 * torch.eye(4, dtype=torch.float64)
        for x in episode:
            scatter += torch.outer(x.double(), x.double())
        return float(row.double() @ torch.linalg.inv(scatter) @ row.double())

    for scored, want in zip(streamed, by_episode(rows, streamed, worth), strict=True):
        raw = signal.reward(scored).raw
        torch.testing.assert_close(raw, want, rtol=1e-4, atol=1e-4)


def test_never_give_up_is_its_formula() -> None:
    """Of a first rollout: the kernel of Algorithm 1, and RND of the vector."""
    torch.manual_seed(0)
    signal = NguConfig(MLP, hidden=9, nearest=3, novelty=RND).build(
        around(vector_size=V)
    )
    [scored] = streamed = some(rollouts(vector_size=V, looks=30), 1)
    vector, valid = scored.traj.vector, scored.valid
    assert vector is not None
    with torch.no_grad():
        rows = [embedded(signal.embedding.encoder, vector)]
    found: list[list[float]] = []

    def nearest(episode: list[Tensor], row: Tensor) -> float:
        found.append(sorted(float((x - row).square().sum()) for x in episode)[:3])
        return 0.0

    by_episode(rows, streamed, nearest)
    flat = [d for apart in found for d in apart]
    mean = sum(flat) / len(flat)
    white = vector[1:].double()
    mu, std = white.mean((0, 1)), white.std((0, 1), correction=0)
    white = ((white - mu) / std.clamp(min=1e-3)).clamp(-5, 5).float()
    raw = signal.reward(scored).raw
    with torch.no_grad():
        off = signal.novelty.predictor(white) - signal.novelty.target(white)
    error = off.square().mean(-1).double()
    told = error[valid]
    each = iter(found)
    for b in range(B):
        for t in range(T):
            if not valid[t, b]:
                assert raw[t, b] == 0
                continue
            kernels = [1e-4 / (max(d / mean - 0.008, 0) + 1e-4) for d in next(each)]
            similar = sum(kernels) ** 0.5 + 1e-3
            above = (error[t, b] - told.mean()) / told.std(correction=0)
            lifelong = float((1 + above).clamp(1, 5))
            want = 0.0 if similar > 8 else lifelong / similar
            assert raw[t, b].item() == pytest.approx(want, rel=2e-3)


@pytest.mark.parametrize("name", ["hash-counts", "exact-counts"])
def test_counts_are_those_of_a_dictionary_of_vectors(name: str) -> None:
    signal = CONFIGS[name].build(around(vector_size=V))
    streamed = some(rollouts(vector_size=V, looks=9), 3)
    keys = signal.keys
    assert isinstance(keys, Keys)
    first = streamed[0].traj
    signal.warm_up(first.obs, first.vector)
    assert first.vector is not None
    mean = first.vector.flatten(0, 1).double().mean(0)
    counter: Counter[tuple[int, ...]] = Counter()

    def known_as(row: Tensor) -> tuple[int, ...]:
        if isinstance(keys, VectorHash):
            signs = (row - mean.float()) @ keys.projection
            return tuple((signs > 0).int().tolist())
        return tuple(round(float(x) * 128) for x in row)

    for i, scored in enumerate(streamed):
        vector = scored.traj.vector
        assert vector is not None
        for r in range(1 if i else 0, T + 1):
            counter.update(known_as(x) for x in vector[r])
        raw = signal.reward(scored).raw
        for t in range(T):
            for b in range(B):
                times = counter[known_as(vector[t + 1, b])]
                want = times**-0.5 if scored.valid[t, b] else 0.0
                assert raw[t, b].item() == pytest.approx(want, rel=1e-5)


def test_numbers_are_told_apart_in_steps_around_minus_one_nought_and_one() -> None:
    keys = VectorKeys(VectorSight((1,)), levels=4)  # steps of a half
    rows = torch.tensor([-9.0, -1.0, -0.76, -0.74, -0.24, 0.0, 0.24, 0.26, 1.0, 3.0])
    told = keys(rows.view(1, -1, 1))[0].tolist()
    groups = [-18, -2, -2, -1, 0, 0, 0, 1, 2, 6]
    for one, key in zip(groups, told, strict=True):
        assert [x == key for x in told] == [x == one for x in groups]


def test_visits_are_of_the_very_vector() -> None:
    torch.manual_seed(0)
    signal = RideConfig(DYNAMICS).build(around(vector_size=V))
    streamed = some(rollouts(vector_size=V, looks=4, ends=0.1), 3)

    def visits(episode: list[Tensor], row: Tensor) -> float:
        return 1 + sum(torch.equal(x, row) for x in episode)

    told = vectors(streamed)
    times = by_episode(told, streamed, visits)
    assert max(float(x.max()) for x in times) > 2
    for scored, vector, often in zip(streamed, told, times, strict=True):
        with torch.no_grad():
            rows = embedded(signal.dynamics.embedding.encoder, vector)
        impact = (rows[1:] - rows[:-1]).norm(dim=-1)
        want = (impact / often.clamp(min=1).sqrt()).masked_fill(~scored.valid, 0.0)
        torch.testing.assert_close(signal.reward(scored).raw, want)


def test_the_next_vector_is_what_is_foretold() -> None:
    torch.manual_seed(0)
    signal = AmaConfig(MLP, hidden=9).build(around(vector_size=V))
    [scored] = some(rollouts(vector_size=V), 1)
    vector = scored.traj.vector
    assert vector is not None
    raw, ahead = signal.reward(scored).raw, signal.ahead
    for t in range(T):
        for b in range(B):
            if not scored.valid[t, b]:
                assert raw[t, b] == 0
                continue
            with torch.no_grad():
                told = ahead.encoder(vector[t, b])
                did = ahead.action(scored.traj.action[t, b])
                guess = ahead.net(torch.cat([told, did]))
            off = (guess[:V] - vector[t + 1, b]).square() - guess[V:].exp()
            assert raw[t, b].item() == pytest.approx(float(off.mean()), rel=1e-3)


def test_eyes_for_frames_see_frames_beside_a_vector() -> None:
    """Where there are both, frames stay what is read unless told otherwise."""
    signal = E3bConfig(EYES, hidden=9).build(around(vector_size=V))
    [scored] = some(rollouts(), 1)
    assert signal.reward(scored).raw.any()
