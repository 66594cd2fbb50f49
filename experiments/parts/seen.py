"""What an agent sees of its world and does in it, in a line."""

from envs.vector_env import DiscreteActions, EnvSpec


def seen(spec: EnvSpec) -> str:
    """`Sees 3 × 84 × 84 bytes and 4 numbers (what they are); has 2 actions`."""
    numbers = f" and {spec.vector_size} numbers" if spec.vector_size else ""
    about = f" ({spec.about})" if spec.about else ""
    space = spec.actions
    acts = (
        f"{space.n} actions"
        if isinstance(space, DiscreteActions)
        else f"actions of {space.size} numbers"
    )
    size = " × ".join(map(str, spec.obs_shape))
    return f"Sees {size} bytes{numbers}{about}; has {acts}"
