"""`check_env`: does a vector env keep the contract? For our tests and your own envs."""

from collections.abc import Callable

import torch
from torch import Tensor

from envs.vector_env import (
    ActionSpace,
    ContinuousActions,
    DiscreteActions,
    Step,
    VectorEnv,
)


class EnvContractError(AssertionError):
    """An env breaks the `VectorEnv` contract; the message says where and how."""


def random_action(env: VectorEnv, generator: torch.Generator) -> Tensor:
    """One uniformly random action per env: int64 `[B]`, or float32 `[B, A]` in ±1."""
    drawn = random_actions(env.spec.actions, env.spec.num_envs, generator)
    return drawn.to(env.spec.device)


def random_actions(space: ActionSpace, num: int, generator: torch.Generator) -> Tensor:
    """So many of them, where the generator lies."""
    if isinstance(space, DiscreteActions):
        return torch.randint(space.n, (num,), generator=generator)
    return 2 * torch.rand(num, space.size, generator=generator) - 1


def check_env(make: Callable[[], VectorEnv], num_steps: int = 200) -> None:
    """Play `num_steps` random steps in fresh copies of an env and check the contract.

    Args:
        make: builds the env; called twice, and a third time where it saves its state.
        num_steps: should be enough for some episodes to end.

    Raises:
        EnvContractError: with the first broken rule.
    """
    env, twin = make(), make()
    try:
        _check_spec(env)
        generator = torch.Generator().manual_seed(0)
        begun, other = env.reset(seed=3), twin.reset(seed=3)
        row = begun
        _check_row(env, row, "reset")
        _demand(bool(row.first.all()), "reset must set `first` in every env")
        ended = torch.zeros_like(row.first)
        for t in range(num_steps):
            kept, copies = row, [x.clone() for x in _seen(row)]
            action = random_action(env, generator)
            row, other = env.step(action), twin.step(action)
            where = f"step {t}"
            _check_row(env, row, where)
            _check_boundary(row, ended, where)
            _demand(
                all(map(torch.equal, _seen(kept), copies)),
                f"{where} overwrote the observation returned before it",
            )
            _check_equal(row, other, f"{where}: equal seeds and actions gave different")
            ended = row.terminated | row.truncated
        _check_masked_reset(env, row)
        _check_seed_of_some(env, begun)
        _check_ends_outlast_resets_of_others(env, generator, num_steps)
        _check_clipping(env, twin)
        _check_state(twin, make, generator)
        again = "a second reset with the same seed gave a different"
        _check_equal(env.reset(seed=3), begun, again)
    finally:
        env.close()
        twin.close()


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise EnvContractError(message)


def _check_spec(env: VectorEnv) -> None:
    spec = env.spec
    _demand(spec.num_envs > 0, f"num_envs is {spec.num_envs}")
    _demand(
        len(spec.obs_shape) == 3 and min(spec.obs_shape) > 0,
        f"obs_shape must be (C, H, W) with at least one of each, not {spec.obs_shape}",
    )
    _demand(spec.vector_size >= 0, f"vector_size is {spec.vector_size}")
    known = isinstance(spec.actions, DiscreteActions | ContinuousActions)
    _demand(known, f"actions is a {type(spec.actions).__name__}")


def _check_row(env: VectorEnv, row: Step, where: str) -> None:
    num, shape = env.spec.num_envs, env.spec.obs_shape
    expected = {
        "obs": ((num, *shape), torch.uint8),
        "reward": ((num,), torch.float32),
        "terminated": ((num,), torch.bool),
        "truncated": ((num,), torch.bool),
        "first": ((num,), torch.bool),
    }
    tensors = {name: getattr(row, name) for name in expected}
    for name, fact in env.spec.facts.items():
        _demand(name in row.facts, f"{where}: the fact '{name}' is missing")
        expected[f"facts.{name}"] = ((num, *fact.shape), fact.dtype)
        tensors[f"facts.{name}"] = row.facts[name]
    size = env.spec.vector_size
    if row.vector is None:
        _demand(size == 0, f"{where}: vector is None, the spec says {size} numbers")
    else:
        _demand(size > 0, f"{where}: there is a vector, the spec says vector_size 0")
        expected["vector"] = ((num, size), torch.float32)
        tensors["vector"] = row.vector
    extra = set(row.facts) - set(env.spec.facts)
    _demand(not extra, f"{where}: facts {sorted(extra)} are not declared in the spec")
    for name, (want_shape, dtype) in expected.items():
        got = tensors[name]
        _demand(
            tuple(got.shape) == want_shape and got.dtype == dtype,
            f"{where}: {name} is {got.dtype} {tuple(got.shape)}, "
            f"expected {dtype} {want_shape}",
        )
        _demand(
            got.device.type == env.spec.device.type,
            f"{where}: {name} lies on {got.device}, the spec says {env.spec.device}",
        )
    for name, fact in env.spec.facts.items():
        number, least, most = row.facts[name], 0, len(fact.names) - 1
        _demand(
            not fact.names or bool(((number >= least) & (number <= most)).all()),
            f"{where}: the fact '{name}' has names for 0 to {most}, and other values",
        )
    _demand(bool(torch.isfinite(row.reward).all()), f"{where}: a reward is not finite")
    if row.vector is not None:
        finite = bool(torch.isfinite(row.vector).all())
        _demand(finite, f"{where}: a number of the vector is not finite")
    both = row.terminated & row.truncated
    _demand(not both.any(), f"{where}: an episode is both terminated and truncated")


def _check_boundary(row: Step, ended: Tensor, where: str) -> None:
    _demand(
        torch.equal(row.first, ended),
        f"{where}: `first` must be set exactly on the row after an episode's end",
    )
    flags = row.terminated | row.truncated
    _demand(
        not (flags & row.first).any() and not row.reward[row.first].any(),
        f"{where}: a first row must have reward 0 and no end flag",
    )


def _check_equal(row: Step, other: Step, what: str) -> None:
    for name in ("obs", "reward", "terminated", "truncated", "first"):
        same = torch.equal(getattr(row, name), getattr(other, name))
        _demand(same, f"{what} {name}")
    if row.vector is not None and other.vector is not None:
        _demand(torch.equal(row.vector, other.vector), f"{what} vector")
    for name, fact in row.facts.items():
        _demand(torch.equal(fact, other.facts[name]), f"{what} {name}")


def _seen(row: Step) -> list[Tensor]:
    return [row.obs] if row.vector is None else [row.obs, row.vector]


def _names(row: Step) -> list[str]:
    seen = ["obs"] if row.vector is None else ["obs", "vector"]
    return [*seen, *row.facts]


def _told(row: Step) -> list[Tensor]:
    return [*_seen(row), *row.facts.values()]


def _check_masked_reset(env: VectorEnv, before: Step) -> None:
    if env.spec.num_envs < 2:
        return
    mask = torch.zeros_like(before.first)
    mask[::2] = True
    row = env.reset(mask=mask)
    _check_row(env, row, "masked reset")
    _demand(torch.equal(row.first, mask), "masked reset: `first` must equal the mask")
    flags = row.terminated | row.truncated
    _demand(
        not flags.any() and not row.reward.any(),
        "masked reset: rewards must be 0, and no end flag set",
    )
    for now, then in zip(_seen(row), _seen(before), strict=True):
        _demand(
            torch.equal(now[~mask], then[~mask]),
            "masked reset changed an env outside the mask",
        )


def _check_seed_of_some(env: VectorEnv, begun: Step) -> None:
    """With a seed, those of the mask begin as they do if all are reset with it."""
    if env.spec.num_envs < 2:
        return
    mask = torch.zeros_like(begun.first)
    mask[1::2] = True
    before = env.reset(mask=~mask)
    row = env.reset(seed=3, mask=mask)
    what = "a reset of some envs with a seed"
    _check_row(env, row, what)
    for name, now, then, first in zip(
        _names(row), _told(row), _told(before), _told(begun), strict=True
    ):
        _demand(
            torch.equal(now[mask], first[mask]),
            f"{what}: they must begin as they do if all are reset with it, and have "
            f"another {name}",
        )
        _demand(
            torch.equal(now[~mask], then[~mask]),
            f"{what} changed {name} of an env outside the mask",
        )


def _check_ends_outlast_resets_of_others(
    env: VectorEnv, generator: torch.Generator, num_steps: int
) -> None:
    """An env that is not reset with the others still begins anew in its next row."""
    for _ in range(num_steps):
        row = env.step(random_action(env, generator))
        ended = row.terminated | row.truncated
        if ended.any() and not ended.all():
            env.reset(mask=~ended)
            row = env.step(random_action(env, generator))
            _demand(
                torch.equal(row.first, ended),
                "behind a masked reset: `first` must be set in the envs outside the "
                "mask whose episode had ended, and in no other",
            )
            return


def _check_clipping(env: VectorEnv, twin: VectorEnv) -> None:
    """What lies outside of [-1, 1] does what the nearer end does."""
    space = env.spec.actions
    if isinstance(space, DiscreteActions):
        return
    env.reset(seed=4)
    twin.reset(seed=4)
    ends = torch.ones(env.spec.num_envs, space.size, device=env.spec.device)
    ends[:, 1::2] = -1  # neighbours apart, lest only one bound be held
    for _ in range(20):
        ends = -ends
        beyond = torch.where(ends > 0, 5.0, -7.0)
        what = "an action of 5 must do what 1 does, and -7 what -1 does: they gave"
        _check_equal(env.step(beyond), twin.step(ends), f"{what} a different")


def _check_state(
    env: VectorEnv, make: Callable[[], VectorEnv], generator: torch.Generator
) -> None:
    state = env.state_dict()
    if state is None:
        return
    restored = make()
    try:
        restored.reset(seed=99)
        restored.load_state_dict(state)
        for t in range(20):
            action = random_action(env, generator)
            _check_equal(
                restored.step(action),
                env.step(action),
                f"step {t} after load_state_dict gave a different",
            )
    finally:
        restored.close()
