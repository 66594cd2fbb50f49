"""Each signal of ours beside theirs: as they come, and with what differs made equal."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from typing import Any

import gymnasium
import torch
from peers.rllte import build, pay, rows_left, same_eyes, same_forward, transitions
from peers.seen import (
    ENVS,
    ROLLOUTS,
    STEPS,
    Compared,
    Gap,
    Seen,
    left,
    paid,
    rows,
    spread,
)
from torch import Tensor, nn

from agents.curiosity.counts.counts import ExactCountsConfig
from agents.curiosity.embeddings.dynamics import DynamicsConfig
from agents.curiosity.episodic.e3b import E3bConfig
from agents.curiosity.episodic.ngu import NguConfig
from agents.curiosity.episodic.ride import RideConfig
from agents.curiosity.icm import IcmConfig
from agents.curiosity.particles.re3 import Re3Config
from agents.curiosity.rnd import RndConfig
from agents.curiosity.scored import Scored
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.parts.critics import unit
from world_models.predictor import Ahead
from world_models.terms.ensemble import Ensemble
from world_models.terms.term import Unrolled
from world_models.trajectory import Trajectory

SIZE, RIDGE, NEAREST = 64, 0.1, 3
EYES = NatureConfig(SIZE, Precision.FLOAT32)
DYNAMICS = DynamicsConfig(EYES)
RND = RndConfig(NatureConfig(precision=Precision.FLOAT32), size=SIZE)


@torch.no_grad()
def rnd(seen: Seen) -> Compared:
    """Random network distillation."""
    ours = RND.build(seen.around)
    ours.warm_up(seen.before)
    signal = build("RND", seen.spec, latent_dim=SIZE)
    signal.target, signal.predictor = deepcopy(ours.target), deepcopy(ours.predictor)
    own = statistics(seen)
    raw, equal = [], []
    for scored, traj in zip(seen.scored(), seen.trajs, strict=True):
        raw.append(ours.reward(scored).raw)
        moments = type(own)(shape=seen.spec.obs_shape)
        moments.mean = ours.pixels.mean.float()
        moments.var = ours.pixels.std.clamp(min=1e-3).square()
        signal.obs_norm = moments
        equal.append(spread(pay(signal, transitions(traj)), traj))
    signal.obs_norm, signal.obs_norm_type = own, "rms"
    return Compared(
        "rnd",
        Gap(paid(seen, raw), left(seen, signal)),
        Gap(paid(seen, raw), paid(seen, equal)),
        "the mean and std of each pixel",
    )


def statistics(seen: Seen) -> Any:
    """Theirs of pixels, of random play before."""
    found = build("RND", seen.spec)
    kept = import_module("rllte.common.utils").TorchRunningMeanStd
    moments = kept(shape=found.obs_shape)
    moments.update(seen.before.flatten(0, 1).float())
    return moments


@torch.no_grad()
def icm(seen: Seen) -> Compared:
    """The intrinsic curiosity module."""
    ours = IcmConfig(DYNAMICS).build(seen.around)
    signal = build("ICM", seen.spec, latent_dim=SIZE)
    same_eyes(signal.encoder, ours.dynamics.embedding.encoder)
    same_forward(signal.fm, ours.dynamics.forward_model)
    raw = paid(seen, [ours.reward(x).raw for x in seen.scored()])
    theirs = left(seen, signal)
    how = f"theirs × D / 2 (D = {SIZE}): the mean over D, and not half the sum"
    return Compared("icm", Gap(raw, theirs), Gap(raw, theirs * SIZE / 2), how)


@torch.no_grad()
def disagreement(seen: Seen) -> Compared:
    """The variance among an ensemble, of features that theirs makes."""
    heads, actions = 4, seen.spec.actions.n
    signal = build("Disagreement", seen.spec, latent_dim=SIZE, ensemble_size=heads)
    ours = Ensemble(SIZE + actions, SIZE, heads, 256)
    for head, member in zip(ours.heads, signal.ensemble, strict=True):
        member.trunk.trunk.load_state_dict(head.state_dict())
    raw = []
    for traj in seen.trajs:
        pixels = traj.obs.flatten(0, 1) / 255
        features = signal.random_encoder(pixels).view(*traj.obs.shape[:2], SIZE)
        did = nn.functional.one_hot(traj.action, actions).float()
        after, aim = torch.cat([features[:-1], did], -1)[None], features[1:][None]
        valid = traj.valid
        ahead = Ahead(after[0], after, did[None], aim, valid[None])
        told = ours(Unrolled(None, ahead, aim, traj.action, valid, valid[None]))
        raw.append(told.terms["disagreement"][0])
    as_it_comes = left(seen, signal)
    signal.ensemble = [Unit(x) for x in signal.ensemble]
    equal = left(seen, signal) * (heads - 1) / heads
    gap = Gap(paid(seen, raw), as_it_comes)
    how = "their predictions of unit length; × (N - 1) / N: their variance divides so"
    return Compared("disagreement", gap, Gap(gap.ours, equal), how)


class Unit(nn.Module):
    """Predictions of unit length."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: Tensor) -> Tensor:
        """Those of a model."""
        return unit(self.inner(*inputs))


@torch.no_grad()
def ride(seen: Seen) -> Compared:
    """Impact, over visits of the very frame; theirs by pseudo-counts."""
    ours = RideConfig(DYNAMICS).build(seen.around)
    eyes = ours.dynamics.embedding.encoder
    raw = paid(seen, [ours.reward(x).raw for x in seen.scored()])
    signal = build("RIDE", seen.spec, latent_dim=SIZE)
    same_eyes(signal.encoder, eyes)
    as_it_comes = left(seen, signal, watched=True)
    impact, visits = [], []
    counts: dict[int, Counter[bytes]] = defaultdict(Counter)
    for i, traj in enumerate(seen.trajs):
        samples = transitions(traj)
        for row in zip(*samples.values(), strict=True):
            signal.watch(*row)
        signal.n_eps = [[1.0] * len(samples["actions"]) for _ in range(ENVS)]
        impact.append(signal.compute(samples).flatten())
        visits.append(torch.tensor(visited(traj, counts, int(i > 0))))
    equal = (SIZE * torch.cat(impact)).sqrt() / paid(seen, visits).sqrt()
    how = (
        "√(D x) of their mean square x, over the root of exact counts in the episode, "
        "where theirs multiplies by NGU's pseudo-counts"
    )
    return Compared("ride", Gap(raw, as_it_comes), Gap(raw, equal), how)


def visited(
    traj: Trajectory, counts: dict[int, Counter[bytes]], since: int
) -> list[list[int]]:
    """How often each row's frame was shown in its episode, of rows 1 … T: row by row.

    Args:
        traj: a rollout.
        counts: of each env's episode so far.
        since: the first row that was not yet counted.
    """
    found = []
    for frames, begins in zip(traj.obs[since:], traj.first[since:], strict=True):
        keys = [x.numpy().tobytes() for x in frames]
        for b, key in enumerate(keys):
            if begins[b]:
                counts[b].clear()
            counts[b][key] += 1
        found.append([counts[b][key] for b, key in enumerate(keys)])
    return found[-traj.num_steps :]


@torch.no_grad()
def ngu(seen: Seen) -> Compared:
    """Both factors by theirs, put together as the paper has it."""
    eyes = NatureConfig(32, Precision.FLOAT32)
    ours = NguConfig(eyes, novelty=RND).build(seen.around)
    ours.warm_up(seen.before)
    whole = build("NGU", seen.spec, rwd_norm_type="rms")
    whole.mrs = ours.most  # 1.0.1 forgets it, and cannot pay
    whole.rewards[0].obs_norm = statistics(seen)
    whole.rewards[0].obs_norm_type = "rms"
    counted = build("PseudoCounts", seen.spec)
    novel = build("RND", seen.spec, latent_dim=SIZE)
    for signal in (whole.rewards[1], counted):
        same_eyes(signal.encoder.encoder, ours.embedding.encoder)
    for signal in (whole.rewards[0], novel):
        signal.target = deepcopy(ours.novelty.target)
        signal.predictor = deepcopy(ours.novelty.predictor)
    raw, equal = [], []
    for i, (scored, traj) in enumerate(zip(seen.scored(), seen.trajs, strict=True)):
        raw.append(ours.reward(scored).raw)
        counted.dist_rms.mean = ours.kernel.apart.mean.view(1)
        novel.obs_norm = type(counted.dist_rms)(shape=seen.spec.obs_shape)
        novel.obs_norm.mean = ours.novelty.pixels.mean.float()
        novel.obs_norm.var = ours.novelty.pixels.std.clamp(min=1e-3).square()
        episodic = pay(counted, rows_left(traj, int(i > 0)), watched=True)
        error = spread(pay(novel, transitions(traj)), traj)
        apart = 1 + (error - ours.errors.mean) / ours.errors.std
        equal.append(episodic[-STEPS:] * apart.clamp(1.0, ours.most))
    how = (
        "rows arrived at, the mean squared distance, pixels as for RND; their factors, "
        "multiplied by 1 + (e - μ) / σ, where theirs leaves out μ and divides both by "
        "their own std"
    )
    theirs = left(seen, whole, watched=True)
    gap = Gap(paid(seen, raw), theirs)
    return Compared("ngu", gap, Gap(gap.ours, paid(seen, equal)), how)


@torch.no_grad()
def re3(seen: Seen) -> Compared:
    """Entropy by a random encoder: of each env by itself, as theirs."""
    config = Re3Config(EYES, NEAREST)
    ours = config.build(seen.around)
    raw = paid(seen, [ours.reward(x).raw for x in seen.scored()])
    stored = ROLLOUTS * STEPS
    signal = build("RE3", seen.spec, latent_dim=SIZE, k=NEAREST)
    same_eyes(signal.random_encoder, ours.embedding.encoder)
    as_it_comes = left(seen, signal, watched=True)
    mine, theirs = [], []
    dense = Re3Config(EYES, NEAREST, rows=stored, every=1)
    for env in range(ENVS):
        one = seen.only(env)
        alone = dense.build(one.around)
        alone.embedding.load_state_dict(ours.embedding.state_dict())
        mine.append(paid(one, [alone.reward(x).raw for x in one.scored()]))
        signal = build("RE3", one.spec, latent_dim=SIZE, k=NEAREST)
        same_eyes(signal.random_encoder, ours.embedding.encoder)
        found = [pay(signal, rows_left(x, 1), watched=True) for x in one.trajs]
        theirs.append(paid(one, found))
    how = (
        "rows arrived at; ours with every row of one env stored, since theirs has "
        "neighbours of the same env alone"
    )
    equal = Gap(torch.cat(mine), torch.cat(theirs))
    return Compared("re3", Gap(raw, as_it_comes), equal, how)


@torch.no_grad()
def e3b(seen: Seen) -> Compared:
    """Elliptical bonuses."""
    ours = E3bConfig(EYES, ridge=RIDGE).build(seen.around)
    raw = paid(seen, [ours.reward(x).raw for x in seen.scored()])
    found = []
    for pays in (left, rows):
        signal = build("E3B", seen.spec, latent_dim=SIZE, ridge=RIDGE)
        same_eyes(signal.encoder, ours.embedding.encoder)
        found.append(pays(seen, signal))
    how = "rows arrived at, the first and the last of an episode among them"
    return Compared("e3b", Gap(raw, found[0]), Gap(raw, found[1]), how)


class Shown(gymnasium.Env[Any, int]):
    """Frames in a row, as places of an agent."""

    def __init__(self, frames: Iterator[Tensor]) -> None:
        self.observation_space = gymnasium.spaces.Discrete(1)
        self.action_space = gymnasium.spaces.Discrete(1)
        self.frames = frames
        self.agent_pos: tuple[bytes, ...] = ()

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Go on to the next."""
        self.agent_pos = (next(self.frames).numpy().tobytes(),)
        return 0, 0.0, False, False, {}


@torch.no_grad()
def counts(seen: Seen) -> Compared:
    """Counts of the very frame, with MiniGrid's."""
    config = ExactCountsConfig(places=4_096)
    ours = config.build(seen.around)
    raw = paid(seen, [ours.reward(x).raw for x in seen.scored()])

    def theirs(frames: list[Tensor]) -> Tensor:
        bonus = import_module("minigrid.wrappers").PositionBonus(Shown(iter(frames)))
        return torch.tensor([bonus.step(0)[1] for _ in frames])

    frames = [x.obs[t + 1, b] for x in seen.trajs for t, b in x.valid.nonzero()]
    mine, equal = [], []
    for env in range(ENVS):
        one = seen.only(env)
        alone = config.build(one.around)
        shown = [one.trajs[0].obs[0, 0]] + [y[0] for x in one.trajs for y in x.obs[1:]]
        worth = theirs(shown)[1:].split(STEPS)
        equal.append(paid(one, [x.unsqueeze(1) for x in worth]))
        steps = [x.steps(t, t + 1) for x in one.trajs for t in range(STEPS)]
        each = [
            alone.reward(Scored.from_rollout(x.obs, x.action, x.first)).raw
            for x in steps
        ]
        mine.append(paid(one, list(torch.cat(each).split(STEPS))))
    how = (
        "ours by rollouts of one step of one env, since it counts a rollout before it "
        "pays; rows that begin episodes counted in theirs"
    )
    equal_gap = Gap(torch.cat(mine), torch.cat(equal))
    return Compared("counts", Gap(raw, theirs(frames)), equal_gap, how)


SIGNALS = (rnd, icm, disagreement, ride, ngu, re3, e3b, counts)
