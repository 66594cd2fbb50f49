"""Training runs by name: which choices `curious train` has, and what they add up to."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents.agent_config import AgentConfig
from agents.curiosity.progress.own_model import OwnModelConfig
from agents.curiosity.signal import CuriosityConfig
from agents.curiosity.signals import SignalConfig
from agents.off_policy.build import OffPolicyAgentConfig
from agents.policy.dqn import DqnConfig
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.build import PpoAgentConfig
from experiments.config.choices import Choice
from experiments.encoders.table import OF_TWO_FRAMES, EncoderScale
from experiments.parts.models import OBJECTIVES, TERMS, changed
from experiments.parts.noises import NOISES
from experiments.parts.worlds import WORLDS
from experiments.rewards.paid import PerceptualConfig, PerceptualShapingConfig
from experiments.train.config import TrainConfig
from experiments.train.signal_eyes import seen_by, told_by_numbers
from experiments.train.size import SIZES, Scale
from experiments.train.tables import (
    ALSO,
    CORES,
    CURIOSITY,
    ENCODERS,
    MEASURED,
    MODELS,
    POLICIES,
    PRESETS,
    YARDSTICKS,
)
from ssl_objectives.refusal import ConfigError
from world_models.cores.core import CoreConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.history import HistoryConfig
from world_models.model_config import ModelConfig
from world_models.vector_encoder import VectorEncoderConfig, VectorMlpConfig

_EYES = replace(ENCODERS, kind="eyes")
_MEASURED_ENCODERS = replace(ENCODERS, kind="measured-encoder")
# random network distillation wants a body that can be built twice
_SIGNAL_ENCODERS = replace(
    ENCODERS.only("nature", "impala", "patch", "vector"), kind="signal-encoder"
)

# facts are not for agents
_TERMS = TERMS.only(*(x for x in TERMS.rows if x != "supervised"))

CHOICES = (
    Choice(
        PRESETS,
        "Which agent; --model and --curiosity change it.",
        default="byol-explore",
        positional=True,
    ),
    Choice(
        SIZES,
        "One dial for networks, envs and budget; every flag below overrides it.",
        default="laptop",
    ),
    Choice(WORLDS, "Where the agent lives.", default="atari"),
    Choice(NOISES, "What lies between it and its world.", default="none"),
    Choice(POLICIES, "Who acts.", default="ppo"),
    Choice(
        CORES,
        "What it remembers (default: recurrent; a policy apart from the world model: "
        "frame-stack).",
    ),
    Choice(ENCODERS, "How it sees (default: nature; impala at --size gpu)."),
    Choice(
        _EYES,
        "How a policy apart from the world model sees (default: as --encoder says).",
        listed=False,
    ),
    Choice(MODELS, "What it predicts (default: as the preset says)."),
    Choice(
        OBJECTIVES,
        "How the model compares predictions with what came (default: as the model "
        "says).",
    ),
    Choice(_TERMS, "What the model learns beside its predictions.", default="none"),
    Choice(CURIOSITY, "What it finds interesting (default: as the preset says)."),
    Choice(
        YARDSTICKS,
        "What learning progress is measured by (default: change). Where no signal is "
        "named that takes one, the signal is gamma-progress.",
    ),
    Choice(
        MEASURED,
        "A world model that learning progress has for itself, measured in the agent's "
        "place, with memory as --core says (default: none, the agent's).",
        listed=False,
    ),
    Choice(
        _MEASURED_ENCODERS,
        "How that model sees (default: as --encoder says).",
        listed=False,
    ),
    Choice(
        _SIGNAL_ENCODERS,
        "How networks of signals see (default: nature), as large as each signal's own; "
        "vector: signals read the vector in place of frames.",
        listed=False,
    ),
    Choice(
        ALSO,
        "A second signal beside it, by one of the same names, with a reward stream of "
        "its own.",
        default="none",
        listed=False,
    ),
)


def train_config(
    preset: str = "byol-explore",
    size: str = "laptop",
    world: str = "atari",
    core: str | None = None,
    encoder: str | None = None,
    model: str | None = None,
    curiosity: str | None = None,
    objective: str | None = None,
    term: str = "none",
    also: str = "none",
    policy: str = "ppo",
    eyes: str | None = None,
    yardstick: str | None = None,
    measured: str | None = None,
    measured_encoder: str | None = None,
    signal_encoder: str | None = None,
    noise: str = "none",
) -> TrainConfig:
    """The config that the choices of `curious train` stand for.

    Names are those of `CHOICES`, with _ for -; all but preset and size may be
    `my_module:MyConfig`.

    Raises:
        ConfigError: no such name, a part from outside cannot be loaded or is none of
            its kind, an objective without a model that takes one, or a yardstick, a
            measured model or a signal's encoder without a signal that takes one.
    """
    scale, published = SIZES.make(size), PRESETS.make(preset)
    second = ALSO.make(also, scale)
    off_policy = policy != "ppo"
    own = _measured(measured, measured_encoder, encoder, core, scale)
    first = _curious(curiosity, published.curiosity, yardstick, own, scale)
    first, second = _seeing(signal_encoder, first, second)
    config = TrainConfig(
        world=WORLDS.make(world),
        noise=NOISES.make(noise),
        agent=_agent(
            scale,
            policy,
            core,
            encoder,
            eyes,
            extrinsic_stream(world),
            intrinsic_stream(first),
        ),
        model=_changed(MODELS.make(model or published.model, scale), objective, term),
        curiosity=first,
        also=()
        if second is None
        else (SignalConfig(second, intrinsic_stream(second)),),
        num_envs=scale.off_policy.num_envs if off_policy else scale.num_envs,
        env_steps=scale.off_policy.env_steps if off_policy else scale.env_steps,
        checkpoint_every=scale.checkpoint_every,
        evaluate_every=scale.evaluate_every,
        video_steps=scale.video_steps,
    )
    agent = config.agent
    if (
        size == "gpu"
        and world in ("pixel-maze", "key-door")
        and isinstance(agent, PpoAgentConfig)
    ):
        # rendered on the GPU: thousands of worlds cost little more than a hundred
        ppo = replace(agent.ppo, num_steps=32, num_epochs=2)
        return replace(config, num_envs=4096, agent=replace(agent, ppo=ppo))
    return config


def _agent(
    scale: Scale,
    policy: str,
    core: str | None,
    encoder: str | None,
    eyes: str | None,
    extrinsic: RewardStream,
    intrinsic: RewardStream,
) -> AgentConfig:
    """PPO on the world model's beliefs, or a policy apart from it."""
    size = EncoderScale(scale.latent)
    acts = POLICIES.make(policy, scale)
    sees = ENCODERS.make(encoder or scale.encoder, size)
    parts: dict[str, Any] = {
        "encoder": sees,
        "core": _core(core or "recurrent", encoder, sees, scale),
        "extrinsic": extrinsic,
        "intrinsic": intrinsic,
    }
    if isinstance(acts, PpoConfig):
        if eyes is not None:
            _EYES.check(eyes, "--eyes")
            raise ConfigError(
                "--eyes are those of a policy apart from the world model, and PPO acts "
                "on the model's beliefs: leave --eyes out, or add --policy dqn"
            )
        return PpoAgentConfig(ppo=acts, **parts)
    if isinstance(acts, DqnConfig):
        sees = _EYES.make(eyes or encoder or scale.encoder, size)
        remembers = _core(_policy_core(core), eyes or encoder, sees, scale)
        acts = replace(acts, encoder=sees, core=remembers)
    return OffPolicyAgentConfig(
        policy=acts,
        study=scale.off_policy.study,
        num_steps=scale.off_policy.num_steps,
        **parts,
    )


def _policy_core(core: str | None) -> str:
    """A history is for world models that look at it number by number."""
    return "frame-stack" if core in (None, "history") else str(core)


def _core(core: str, encoder: str | None, sees: Any, scale: Scale) -> CoreConfig:
    """What remembers behind the encoder of that name, which is `sees`."""
    made = CORES.make(core, scale)
    of_numbers = isinstance(sees, VectorEncoderConfig)
    if of_numbers and isinstance(made, FrameStackConfig):
        made = replace(made, num_frames=1)  # it would stack what nobody reads
    if encoder in OF_TWO_FRAMES:
        if isinstance(made, HistoryConfig):
            raise ConfigError(
                f"--encoder {encoder} compares two stacked frames, and --core {core} "
                "stacks none: take --core recurrent or frame-stack."
            )
        made = replace(made, num_frames=2)  # type: ignore[type-var]  # a dataclass
    return made


_SPARSE = (
    *("pixel-maze", "key-door", "rooms", "deep-sea", "chain"),
    *("push-button", "sequence", "carry"),
)


def extrinsic_stream(world: str) -> RewardStream:
    """How a world's own reward counts, for the worlds of the table and for others.

    Atari's rewards are clipped to ±1, as is usual. Of the sparse worlds, what is to be
    found pays 1. Of a world that nobody here knows, rewards are brought to one scale.
    """
    if world == "atari":
        return RewardStream(2.0, 0.999, clip=1.0)
    if world in _SPARSE:
        return RewardStream(2.0, 0.999)
    return RewardStream(2.0, 0.99, clip=10.0, normalize=True)


def intrinsic_stream(signal: CuriosityConfig | None) -> RewardStream:
    """How a signal counts: curiosity outlives an episode, a task ends with it."""
    tasks = (PerceptualConfig, PerceptualShapingConfig)
    return RewardStream(1.0, 0.99, episodic=isinstance(signal, tasks))


def from_choices(chosen: Mapping[str, str]) -> TrainConfig:
    """`train_config` from what the command line chose."""
    return train_config(**{k.replace("-", "_"): v for k, v in chosen.items()})


def _changed(
    model: ModelConfig | None, objective: str | None, term: str
) -> ModelConfig | None:
    """The model with the parts that were asked for."""
    _TERMS.check(term, "--term")
    if model is not None:
        return changed(model, objective, term)
    for flag, asked in (("objective", objective is not None), ("term", term != "none")):
        if asked:
            raise ConfigError(
                f"--{flag} is a world model's, and there is none: add --model, or "
                f"leave --{flag} out."
            )
    return None


def _measured(
    model: str | None,
    eyes: str | None,
    encoder: str | None,
    core: str | None,
    scale: Scale,
) -> OwnModelConfig | None:
    """The model of the signal's own that was asked for."""
    if model is None:
        if eyes is None:
            return None
        _MEASURED_ENCODERS.check(eyes, "--measured-encoder")
        raise ConfigError(
            "--measured-encoder is that of a model which learning progress has for "
            "itself: say which, --measured jepa-vicreg, or leave it out."
        )
    name, predicts = eyes or encoder, MEASURED.make(model, scale)
    assert predicts is not None  # `none` is not on offer
    size = EncoderScale(scale.latent)
    sees = _MEASURED_ENCODERS.make(name or scale.encoder, size)
    remembers = _core(core or "recurrent", name, sees, scale)
    return OwnModelConfig(predicts, sees, remembers)


def _seeing(
    eyes: str | None, *signals: CuriosityConfig | None
) -> tuple[CuriosityConfig | None, ...]:
    """The signals, whose own networks see as was asked."""
    if eyes is None:
        return signals
    _SIGNAL_ENCODERS.check(eyes, "--signal-encoder")

    def made(size: int) -> Any:
        return _SIGNAL_ENCODERS.make(eyes, EncoderScale(size))

    see = told_by_numbers if isinstance(made(1), VectorMlpConfig) else seen_by
    changed = tuple(see(x, made) for x in signals)
    if all(x is y for x, y in zip(changed, signals, strict=True)):
        raise ConfigError(
            "--signal-encoder is that of signals with networks of their own, and there "
            "is none: add --curiosity rnd, or leave it out."
        )
    return changed


def _curious(
    named: str | None,
    published: str,
    yardstick: str | None,
    own: OwnModelConfig | None,
    scale: object,
) -> CuriosityConfig | None:
    """The signal that was named, or the preset's, with the yardstick asked for."""
    made = CURIOSITY.make(named or published, scale)
    asked: dict[str, Any] = {}
    if yardstick is not None:
        asked["yardstick"] = YARDSTICKS.make(yardstick)
    if own is not None:
        asked["model"] = own
    if not asked:
        return made
    if not hasattr(made, "yardstick") and named is None:
        made = CURIOSITY.make("gamma-progress", scale)
    if not hasattr(made, "yardstick"):
        raise ConfigError(
            "--yardstick and --measured say how learning progress is measured: add "
            "--curiosity gamma-progress, or leave them out."
        )
    return replace(made, **asked)  # type: ignore[type-var]  # a dataclass
