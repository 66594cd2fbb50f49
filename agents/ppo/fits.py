"""Do the parts of an agent fit together? Says so before anything is built on them."""

from collections.abc import Mapping

from agents.curiosity.signal import Signal
from agents.curiosity.signals import check_signals_fit
from agents.policy.ppo import PpoConfig
from agents.ppo.actor import Actor
from agents.ppo.head_start import HeadStartConfig
from agents.ppo.replaying import Replaying
from ssl_objectives.distributed import num_processes


def check_fits(
    num_envs: int,
    actor: Actor,
    signals: Mapping[str, Signal],
    ppo: PpoConfig,
    rl_gradient: bool,
    replay: Replaying | None,
    head_start: HeadStartConfig,
) -> None:
    """Refuse parts that do not fit together, and say what to change.

    Raises:
        ValueError: the first of what does not fit.
    """
    if num_envs % ppo.num_minibatches:
        many, processes = "", num_processes()
        if processes > 1:
            many = f" of each of {processes} processes"
        raise ValueError(
            f"{num_envs} envs{many} cannot be split into {ppo.num_minibatches} "
            "minibatches (--agent.ppo.num-minibatches); make --num-envs a multiple of "
            f"{ppo.num_minibatches * processes}"
        )
    heads = actor.policy.critic.out_features
    if heads != 1 + len(signals):
        raise ValueError(
            f"the policy has {heads} value heads for {1 + len(signals)} reward "
            "streams: the world's, and one of each signal"
        )
    if replay is not None and replay.burn_in >= ppo.num_steps:
        raise ValueError(
            f"--agent.replay.burn-in {replay.burn_in} leaves nothing of rollouts of "
            f"{ppo.num_steps} steps"
        )
    check_signals_fit(signals, actor.world_model)
    if actor.world_model is not None:
        return
    if replay is not None and replay.updates:
        raise ValueError(
            "--agent.replay.updates-per-rollout are a world model's: add --model, or "
            "leave them out"
        )
    if head_start.rollouts:
        raise ValueError(
            "--agent.head-start.rollouts are a world model's: add --model, or leave "
            "them out"
        )
    if not rl_gradient:
        raise ValueError(
            "without a world model nothing but PPO trains the encoder; leave "
            "--agent.rl-gradient on"
        )
