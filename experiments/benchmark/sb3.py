"""Stable-Baselines3's PPO as the benchmark's yardstick, and how fair the comparison is.

Equal to our plain PPO with stacked frames: the game; the number of envs, steps, epochs
and minibatches, so that both take the same number of gradient steps on as many rows;
four stacked grey frames of 84 x 84; the Nature CNN with 512 features and one linear
layer each for actions and value, so that every weight has a twin of the same shape;
Adam's epsilon, learning rate, clipping of ratio and gradient, entropy and value
coefficients; frame skip 4 with the maximum of the last two frames; sticky actions 0.25
per frame, done by the emulator; all 18 actions; whole games; rewards clipped to [-1, 1]
for learning; the process, its number of torch threads, its memory allocator, its device
and its time. Our packages set OMP_WAIT_POLICY to PASSIVE, for both; a value that is
already in the environment stays, so that ACTIVE can be tried as well.

Not equal, because it is what each library gives its users:

- Emulation. Theirs: `make_atari_env`, one Python env each, resized by OpenCV from RGB
  turned grey, stepped one after another or in processes (whichever was faster here when
  stepped at random), FIRE after a reset. Ours: ALE's own threads, grey from the
  emulator's palette, no FIRE.
- Frames. Theirs are stacked by the env and stored four times; ours are stored once and
  stacked when they are read.
- Layout. Ours keeps channels last and on a CPU works in chunks of 256 images, which fit
  the cache and reuse memory. Theirs keeps channels first and takes a minibatch at once;
  at 1,024 images a good part of its time on a CPU is the system clearing fresh pages.
- Number format. Ours convolves in bf16 where the hardware multiplies it fast
  (`--precision float32` turns that off); theirs is float32.
- Compilation. `--compile` compiles our encoders; theirs runs as it is.
- Optimiser. Both Adam, ours the fused kind.
- Minibatches. Theirs are random rows, with advantages normalised in each; ours are all
  steps of random envs, with advantages normalised over the rollout.
- Episode ends. Theirs resets within the step; ours spends one step of that env on it
  (under 1 % of steps), which is counted as a step.

Only rollout and learning are timed: `learn()` would set up and tear down around each
update, so `_setup_learn` runs once, and then the two methods that `learn()` itself
alternates, with its own callbacks. Nothing is logged or printed.
"""

import multiprocessing
import statistics
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecFrameStack,
)

from agents.policy.ppo import PpoConfig
from envs.atari.protocol import AtariProtocol, find_game
from experiments.benchmark.config import Sb3Envs
from experiments.benchmark.timing import Arm, Split, wait_for

_FAIRNESS = __doc__
_PROBES, _PROBE_STEPS = 3, 16  # per kind of envs
_NUM_UPDATES = 2**31  # of the run that the learner believes in; never reached


@dataclass(frozen=True)
class Sb3Config:
    """Stable-Baselines3's PPO on an Atari game, as equal to ours as it can be."""

    game: str
    protocol: AtariProtocol
    num_envs: int
    num_frames: int
    ppo: PpoConfig
    discount: float
    trace: float
    features: int
    envs: Sb3Envs
    seed: int

    def build(self, name: str, device: torch.device) -> "Sb3Arm":
        """Build the arm; with `Sb3Envs.FASTER` it first tries both kinds of envs."""
        return Sb3Arm(name, self, device)


class Sb3Arm(Arm):
    """Rollout and learning of Stable-Baselines3's PPO."""

    about = "Stable-Baselines3 PPO, CnnPolicy, 4 stacked frames"
    fairness = _FAIRNESS

    def __init__(self, name: str, config: Sb3Config, device: torch.device) -> None:
        self.name, self.config, self.device = name, config, device
        ppo = config.ppo
        self.units = config.num_envs * ppo.num_steps
        self.chosen = _choose(config)
        self.model = PPO(
            "CnnPolicy",
            VecFrameStack(self.chosen.envs, config.num_frames),
            learning_rate=ppo.learning_rate,
            n_steps=ppo.num_steps,
            batch_size=self.units // ppo.num_minibatches,
            n_epochs=ppo.num_epochs,
            gamma=config.discount,
            gae_lambda=config.trace,
            clip_range=ppo.clip,
            ent_coef=ppo.entropy_coeff,
            vf_coef=ppo.value_coeff,
            max_grad_norm=ppo.max_grad_norm,
            policy_kwargs={
                "features_extractor_kwargs": {"features_dim": config.features}
            },
            verbose=0,
            seed=config.seed,
            device=device,
        )
        # Resets the envs, once. `learn()` for one update at a time would do this, and
        # undo it, in every timing.
        total, self._callback = self.model._setup_learn(_NUM_UPDATES * self.units)
        self._callback.on_training_start({"total_timesteps": total}, {})
        self.num_parameters = sum(x.numel() for x in self.policy.parameters())

    @property
    def policy(self) -> ActorCriticPolicy:
        """The network."""
        return self.model.policy

    def update(self) -> Split:
        """What one turn of the loop in `learn()` does, without its logging."""
        model, envs = self.model, self.model.env
        assert envs is not None
        begin = time.perf_counter()
        model.collect_rollouts(
            envs, self._callback, model.rollout_buffer, model.n_steps
        )
        wait_for(self.device)
        middle = time.perf_counter()
        model.train()
        wait_for(self.device)
        return Split(middle - begin, time.perf_counter() - middle)

    def details(self) -> dict[str, Any]:
        """Which envs were chosen, and the steps per second of both kinds alone."""
        chosen = self.chosen
        return {"envs": chosen.kind.value, "envs_alone_per_second": chosen.probed}

    def close(self) -> None:
        """End the envs and their processes."""
        if self.model.env is not None:
            self.model.env.close()


class _Chosen(NamedTuple):
    """Envs, which kind they are, and steps per second of what was tried."""

    envs: VecEnv
    kind: Sb3Envs
    probed: dict[str, float]


def _build_envs(config: Sb3Config, kind: Sb3Envs) -> VecEnv:
    """What `make_atari_env` gives, with the wrappers' switches set to the protocol."""
    if kind is Sb3Envs.SUBPROC:
        # Imported once and then forked, instead of once in each of 32 processes.
        multiprocessing.set_forkserver_preload(
            ["stable_baselines3.common.env_util", "envs.atari.protocol"]
        )
    # the module is imported wherever an env is made; it makes ALE's games known
    game, protocol = find_game(config.game), config.protocol
    return make_atari_env(
        f"envs.atari.protocol:ALE/{game.title().replace('_', '')}-v5",
        n_envs=config.num_envs,
        seed=config.seed,
        env_kwargs={
            "frameskip": 1,  # skipped by a wrapper, with the maximum of two frames
            "repeat_action_probability": protocol.sticky,
            "full_action_space": protocol.full_action_space,
            "max_num_frames_per_episode": protocol.max_frames,
        },
        wrapper_kwargs={
            "noop_max": protocol.noop_max,
            "frame_skip": protocol.frame_skip,
            "screen_size": protocol.height,
            "terminal_on_life_loss": protocol.life_ends_episode,
            "clip_reward": True,
        },
        vec_env_cls=SubprocVecEnv if kind is Sb3Envs.SUBPROC else DummyVecEnv,
    )


def _choose(config: Sb3Config) -> _Chosen:
    """The kind that is asked for, or both stepped at random in turns: the faster."""
    kind = config.envs
    if kind is not Sb3Envs.FASTER:
        return _Chosen(_build_envs(config, kind), kind, {})
    kinds = (Sb3Envs.DUMMY, Sb3Envs.SUBPROC)
    built = {kind: _build_envs(config, kind) for kind in kinds}
    generator = np.random.default_rng(config.seed)
    seen: dict[Sb3Envs, list[float]] = {kind: [] for kind in kinds}
    for envs in built.values():
        envs.reset()
    for _ in range(_PROBES):
        for kind, envs in built.items():
            space = envs.action_space
            assert hasattr(space, "n")  # Discrete
            actions = generator.integers(space.n, size=(_PROBE_STEPS, config.num_envs))
            begin = time.perf_counter()
            for action in actions:
                envs.step(action)
            seen[kind].append(actions.size / (time.perf_counter() - begin))
    speed = {kind: statistics.median(seen[kind]) for kind in kinds}
    best = max(kinds, key=lambda kind: speed[kind])
    for kind, envs in built.items():
        if kind is not best:
            envs.close()
    return _Chosen(built[best], best, {k.value: v for k, v in speed.items()})
