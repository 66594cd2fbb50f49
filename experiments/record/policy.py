"""Who acts while `curious record` watches."""

from agents.acting import ActingPolicy
from envs.vector_env import DiscreteActions, EnvSpec, VectorEnv
from experiments.config.paths import typed_path
from experiments.evaluate.evaluation import load_agent
from experiments.parts.policies import UNTRAINED, check_spelling, untrained_policy
from ssl_objectives.refusal import ConfigError


def build_policy(
    policy: str,
    env: VectorEnv,
    seed: int,
    greedy: bool,
    device: str,
    mistakes: float = 0.0,
) -> ActingPolicy:
    """The acting policy that `--policy` names.

    Args:
        policy: `random`; `expert`; `my_module:MyPolicy`, a class whose instances have
            `act(row, generator)`, or a function `(row, generator)`, which get the row
            the envs show (with facts, where they are recorded) and return one action
            per env, continuous ones in [-1, 1]; or the path of a run.
        env: the worlds that it plays in.
        seed: of its draws.
        greedy: a trained policy takes its likeliest action.
        device: of a trained policy.
        mistakes: probability that the expert acts at random.

    Raises:
        ConfigError: no such policy, or one of another world.
        NotARun: there is no run at the path.
        CheckpointError: the run's checkpoint cannot be read.
    """
    if policy in UNTRAINED or ":" in policy:
        return untrained_policy(policy, env, seed, mistakes)
    check_spelling(policy)
    player, trained = load_agent(typed_path(policy), device)
    like = trained.place.build(1, "cpu")
    wanted, offered = _shown(like.spec), _shown(env.spec)
    like.close()
    if wanted != offered:
        raise ConfigError(
            f"{policy} was trained on {wanted}; this world has {offered}. Without "
            "--world it is recorded in its own."
        )
    return player.acting(seed, greedy)


def _shown(spec: EnvSpec) -> str:
    """What a trained policy sees and does in a world."""
    space = spec.actions
    vector = f", vectors {spec.vector_size}" if spec.vector_size else ""
    actions = (
        f"{space.n} actions"
        if isinstance(space, DiscreteActions)
        else f"actions of {space.size} numbers"
    )
    return f"frames {spec.obs_shape}{vector} and {actions}"
