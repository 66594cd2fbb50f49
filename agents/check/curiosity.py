"""`check_curiosity`: does a signal keep the contract? For our tests and your own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from agents.check.samples import NUM_STEPS, SignalInput, random_inputs
from agents.curiosity.signal import Curiosity, IntrinsicReward
from ssl_objectives.check.state import copied
from ssl_objectives.objective import Loss
from world_models.trajectory import Trajectory

_ENVS, _DISCOUNT = 4, 0.9


class CuriosityContractError(AssertionError):
    """A signal breaks the `Curiosity` contract; the message says how."""


def check_curiosity(
    make: Callable[[tuple[int, int, int], int, float], Curiosity],
    obs_shape: tuple[int, int, int] = (1, 40, 44),
) -> None:
    """Show random rollouts to a signal and hold it to its contract.

    Args:
        make: builds the signal from the shape of observations, the number of envs and
            the discount of intrinsic reward: `MyConfig().build`. Called a few times.
        obs_shape: (C, H, W) of observations it accepts.

    Raises:
        CuriosityContractError: with the first broken rule.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _Check(make, obs_shape).run()


class _Check:
    """One signal, and others built alike: every rule is a method."""

    def __init__(
        self,
        make: Callable[[tuple[int, int, int], int, float], Curiosity],
        obs_shape: tuple[int, int, int],
    ) -> None:
        self.make, self.obs_shape = make, obs_shape
        self.draw = random_inputs(obs_shape, _ENVS)
        self.signal = make(obs_shape, _ENVS, _DISCOUNT)
        _demand(
            isinstance(self.signal, Curiosity),
            f"it must be a Curiosity, not a {type(self.signal).__name__}",
        )
        self.start = copied(self.signal)

    def run(self) -> None:
        """All rules, the simplest first: what is told is what is really wrong."""
        self._warms_up()
        self._pays()
        self._says_whether_it_needs_a_model()
        self._leaves_what_it_is_shown_alone()
        self._repeats()
        self._invalid_predictions_have_no_influence()
        self._envs_are_alike()
        self._learns_by_itself()
        self._state_is_all_there_is()

    def _alike(self, state: dict[str, Tensor] | None = None) -> Curiosity:
        """Another one, in the state of the first before it was used, or in this one."""
        twin = self.make(self.obs_shape, _ENVS, _DISCOUNT)
        try:
            twin.load_state_dict(self.start if state is None else state)
        except RuntimeError as error:
            raise CuriosityContractError(
                f"its state does not fit another one built alike: {error}"
            ) from error
        return twin

    def _reward(self, signal: Curiosity, drawn: SignalInput) -> IntrinsicReward:
        with torch.no_grad():
            given = drawn.model_loss if signal.needs_model else None
            return signal.reward(drawn.rollout, given)

    def _warms_up(self) -> None:
        steps = self.signal.warm_up_steps
        _demand(
            isinstance(steps, int) and steps >= 0,
            f"warm_up_steps must be a number of env steps, not {steps!r}",
        )
        drawn = self.draw()
        for row in drawn.rollout.traj.obs:
            self.signal.warm_up(row[None])
        self.start = copied(self.signal)

    def _pays(self) -> None:
        """Twice, the second time with a context in front of what the model saw."""
        for _ in range(2):
            drawn = self.draw()
            valid = drawn.rollout.traj.valid
            paid = self._paid(drawn)
            _demand(
                isinstance(paid, IntrinsicReward),
                f"reward must return an IntrinsicReward, not a {type(paid).__name__}",
            )
            for name, x in {"raw": paid.raw, "reward": paid.reward}.items():
                got, want = tuple(x.shape), (NUM_STEPS, _ENVS)
                _demand(
                    got == want and x.dtype == torch.float32,
                    f"{name} is {x.dtype} {got}, expected torch.float32 {want}: one "
                    "for each fresh transition",
                )
                _demand(bool(x.isfinite().all()), f"{name} is not finite")
                _demand(
                    not x[~valid].any(),
                    f"{name} is not 0 on transitions that join two episodes",
                )
                _demand(not x.requires_grad, f"{name} carries gradient; detach it")

    def _paid(self, drawn: SignalInput) -> Any:
        needs: Any = self.signal.needs_model
        _demand(isinstance(needs, bool), f"needs_model must be a bool, not {needs!r}")
        given = drawn.model_loss if needs else None
        try:
            with torch.no_grad():
                return self.signal.reward(drawn.rollout, given)
        except Exception as error:
            raise CuriosityContractError(
                f"reward failed with {type(error).__name__}: {error} "
                f"(needs_model is {needs}, so it was given "
                f"{'a ModelLoss' if needs else 'none'})"
            ) from error

    def _says_whether_it_needs_a_model(self) -> None:
        if not self.signal.needs_model:
            return  # it has just paid without one
        drawn = self.draw()
        try:
            with torch.no_grad():
                self._alike().reward(drawn.rollout, None)
        except Exception:
            return
        raise CuriosityContractError("needs_model is True, but it pays without one")

    def _repeats(self) -> None:
        drawn = self.draw()
        torch.manual_seed(1)
        one = self._reward(self._alike(), drawn)
        torch.manual_seed(2)
        two = self._reward(self._alike(), drawn)
        _demand(
            torch.equal(one.reward, two.reward),
            "from the same state it pays the same rollout differently; draw random "
            "numbers from a seed or counter that is kept in a buffer",
        )

    def _leaves_what_it_is_shown_alone(self) -> None:
        drawn = self.draw()
        before = [x.clone() for x in drawn.tensors()]
        signal = self._alike()
        self._reward(signal, drawn)
        signal.loss(drawn.rollout.traj, _generator())
        after = drawn.tensors()
        same = all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        _demand(same, "it changes the rollout or the model's loss in place")

    def _invalid_predictions_have_no_influence(self) -> None:
        drawn = self.draw()
        loss = drawn.model_loss
        garbage = loss.per_prediction.masked_fill(~loss.valid, 1e4)
        spoiled = replace(drawn, model_loss=replace(loss, per_prediction=garbage))
        one = self._reward(self._alike(), drawn)
        two = self._reward(self._alike(), spoiled)
        _demand(
            _near(one.reward, two.reward),
            "losses of predictions that are not valid change the reward",
        )

    def _envs_are_alike(self) -> None:
        drawn, order = self.draw(), torch.tensor([2, 0, 3, 1])
        one = self._reward(self._alike(), drawn)
        two = self._reward(self._alike(), drawn.envs(order))
        for name in ("raw", "reward"):
            _demand(
                _near(getattr(one, name)[:, order], getattr(two, name)),
                f"{name} depends on the order of the envs",
            )

    def _learns_by_itself(self) -> None:
        signal, traj = self._alike(), self.draw().rollout.traj
        loss: Any = signal.loss(traj, _generator())
        if loss is None:
            return
        _demand(
            isinstance(loss, Loss), f"loss must be a Loss, not a {type(loss).__name__}"
        )
        total = _total(loss)
        _demand(bool(total.isfinite()), "its loss is not finite")
        torch.manual_seed(99)
        again = self._loss(signal, traj)
        _demand(
            torch.equal(total, again),
            "its loss differs with the same generator; draw from that alone",
        )
        own = list(signal.parameters())
        reached = _leaves(total)
        _demand(
            all(any(x is p for p in own) for x in reached),
            "its loss reaches a tensor that is not among its parameters, and so is "
            "never saved, or trained by somebody else",
        )
        _demand(bool(reached), "its loss reaches none of its parameters")
        grads = torch.autograd.grad(total, reached, allow_unused=True)
        finite = all(x is None or bool(x.isfinite().all()) for x in grads)
        _demand(finite, "a gradient of its loss is not finite")

    def _loss(self, signal: Curiosity, traj: Trajectory) -> Tensor:
        loss = signal.loss(traj, _generator())
        assert loss is not None
        return _total(loss)

    def _state_is_all_there_is(self) -> None:
        """After a rollout and a gradient step."""
        signal, drawn = self._alike(), self.draw()
        self._reward(signal, drawn)
        loss = signal.loss(drawn.rollout.traj, _generator())
        if loss is not None:
            _total(loss).backward()
            with torch.no_grad():
                for x in signal.parameters():
                    if x.grad is not None:
                        x.sub_(1e-3 * x.grad)
        signal.after_update()
        twin = self._alike(copied(signal))
        for _ in range(2):
            drawn = self.draw()
            one, two = self._reward(signal, drawn), self._reward(twin, drawn)
            _demand(
                torch.equal(one.reward, two.reward),
                "with the state of another loaded, the next reward differs: keep all "
                "state in parameters and persistent buffers",
            )
            signal.after_update()
            twin.after_update()


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise CuriosityContractError(message)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def _total(loss: Loss) -> Tensor:
    """What the agent differentiates."""
    if loss.per_sample is None:
        return loss.regularizer
    return loss.per_sample.mean() + loss.regularizer


def _leaves(total: Tensor) -> list[Tensor]:
    """All tensors that gradient of `total` would be added to."""
    found: list[Tensor] = []
    nodes, seen = [total.grad_fn], set()
    while nodes:
        node: Any = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        nodes += [x for x, _ in node.next_functions]
    return found


def _near(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, rtol=1e-3, atol=1e-4)
