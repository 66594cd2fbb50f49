"""`check_curiosity`: does a signal keep the contract? For our tests and your own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from agents.check.samples import (
    CUT,
    NUM_STEPS,
    Drawn,
    random_rollouts,
    surroundings,
)
from agents.curiosity.normalize import PayAll, Prioritizer, RewardScale, Unscaled
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.check.state import copied, unchanged
from ssl_objectives.objective import Loss

_ENVS, _DISCOUNT = 4, 0.9


class CuriosityContractError(AssertionError):
    """A signal breaks the `Curiosity` contract; the message says how."""


def check_curiosity(
    make: Callable[[Surroundings], Curiosity],
    obs_shape: tuple[int, int, int] = (1, 40, 44),
    vector_size: int = 0,
) -> None:
    """Show random rollouts to a signal and hold it to its contract.

    Args:
        make: builds the signal: `MyConfig().build`. Called a few times; the world model
            in its `Surroundings` is a small BYOL-Explore with an ensemble.
        obs_shape: (C, H, W) of observations it accepts.
        vector_size: V, numbers of the vector that is observed beside them; 0: none.

    Raises:
        CuriosityContractError: with the first broken rule.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _Check(make, obs_shape, vector_size).run()


class _Check:
    """One signal, and others built alike: every rule is a method."""

    def __init__(
        self,
        make: Callable[[Surroundings], Curiosity],
        obs_shape: tuple[int, int, int],
        vector_size: int,
    ) -> None:
        self.make = make
        self.around = surroundings(obs_shape, _ENVS, _DISCOUNT, vector_size)
        assert self.around.model is not None
        self.model = self.around.model
        self.draw = random_rollouts(self.model, obs_shape, _ENVS, vector_size)
        self.signal = make(self.around)
        _demand(
            isinstance(self.signal, Curiosity),
            f"it must be a Curiosity, not a {type(self.signal).__name__}",
        )
        own = {x.data_ptr() for x in self.signal.parameters()}
        theirs = {x.data_ptr() for x in self.model.parameters()}
        _demand(
            not own & theirs,
            "it holds the world model itself, which the agent trains and saves; keep a "
            "copy, or read what `Scored` tells",
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
        self._episodes_are_apart()
        self._learns_by_itself()
        self._state_is_all_there_is()

    def _alike(self, state: dict[str, Tensor] | None = None) -> Curiosity:
        """Another one, in the state of the first before it was used, or in this one."""
        twin = self.make(self.around)
        try:
            twin.load_state_dict(self.start if state is None else state)
        except RuntimeError as error:
            raise CuriosityContractError(
                f"its state does not fit another one built alike: {error}"
            ) from error
        return twin

    def _reward(self, signal: Curiosity, drawn: Drawn) -> IntrinsicReward:
        with torch.no_grad():
            return signal.reward(drawn.scored(signal.needs_model))

    def _warms_up(self) -> None:
        steps = self.signal.warm_up_steps
        _demand(
            isinstance(steps, int) and steps >= 0,
            f"warm_up_steps must be a number of env steps, not {steps!r}",
        )
        drawn = self.draw()
        obs, vector = drawn.experience.traj.obs, drawn.experience.traj.vector
        for r in range(len(obs)):
            beside = None if vector is None else vector[r : r + 1]
            self.signal.warm_up(obs[r : r + 1], beside)
        # Signals that compare the model with what it was have two that differ from here
        # on, unless they wait for longer.
        for _ in range(2):
            self._train_model()
            self.signal.after_update(self.model)
        self.start = copied(self.signal)

    def _pays(self) -> None:
        """Twice, the second time with a context in front of what the model saw."""
        for _ in range(2):
            drawn = self.draw()
            valid = drawn.experience.traj.valid
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

    def _paid(self, drawn: Drawn) -> Any:
        needs: Any = self.signal.needs_model
        _demand(isinstance(needs, bool), f"needs_model must be a bool, not {needs!r}")
        try:
            with torch.no_grad():
                return self.signal.reward(drawn.scored(needs))
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
                self._alike().reward(drawn.scored(needs_model=False))
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
        model = copied(self.model)
        self._reward(signal, drawn)
        signal.loss(drawn.learning())
        signal.after_update(self.model)
        after = drawn.tensors()
        same = all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        _demand(same, "it changes the rollout in place")
        _demand(unchanged(model, copied(self.model)), "it changes the world model")

    def _invalid_predictions_have_no_influence(self) -> None:
        if not self.signal.needs_model:
            return
        scored = self.draw().scored(needs_model=True)
        loss = scored.known
        garbage = {k: x.masked_fill(~loss.valid, 1e4) for k, x in loss.terms.items()}
        spoiled = replace(scored, model_loss=replace(loss, terms=garbage))
        with torch.no_grad():
            one = self._alike().reward(scored)
            two = self._alike().reward(spoiled)
        _demand(
            _near(one.reward, two.reward),
            "losses of predictions that are not valid change the reward",
        )

    def _envs_are_alike(self) -> None:
        """In a rollout, and in those behind it by what was kept of it."""
        order, one, two = torch.tensor([2, 0, 3, 1]), self._alike(), self._alike()
        for _ in range(3):
            drawn = self.draw()
            told, other = self._reward(one, drawn), self._reward(two, drawn.envs(order))
            for name, share in (("raw", 0.0), ("reward", 0.005)):
                mine, theirs = getattr(told, name)[:, order], getattr(other, name)
                # where a row stands in a batch decides how it is rounded, on some
                # machines: differences of losses, scaled up to be paid, show it
                slack = share * float(mine.abs().max())
                _demand(
                    _near(mine, theirs, slack),
                    f"{name} depends on the order of the envs",
                )

    def _episodes_are_apart(self) -> None:
        """With what is remembered for ever held fixed.

        Weights are, since nothing is trained; memories of all envs together are, since
        two envs exchange what they saw and nothing is added; normalisers are taken out.
        """
        swap = torch.arange(_ENVS)
        swap[:2] = torch.tensor([1, 0])
        one, two = _unscaled(self._alike()), _unscaled(self._alike())
        for _ in range(2):
            before = self.draw()
            self._reward(one, before)
            self._reward(two, before.envs(swap))
        last = self.draw()
        told, other = self._reward(one, last), self._reward(two, last.exchanged())
        for name in ("raw", "reward"):
            behind = (getattr(x, name)[CUT:] for x in (told, other))
            _demand(
                _near(*behind),
                f"{name} of an episode depends on the one before it in the same env: "
                "what is remembered of an episode must be forgotten at `first`",
            )

    def _learns_by_itself(self) -> None:
        signal, drawn = self._alike(), self.draw()
        loss: Any = signal.loss(drawn.learning())
        if loss is None:
            return
        _demand(
            isinstance(loss, Loss), f"loss must be a Loss, not a {type(loss).__name__}"
        )
        total = _total(loss)
        _demand(bool(total.isfinite()), "its loss is not finite")
        torch.manual_seed(99)
        again = self._loss(signal, drawn)
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

    def _loss(self, signal: Curiosity, drawn: Drawn) -> Tensor:
        loss = signal.loss(drawn.learning())
        assert loss is not None
        return _total(loss)

    def _state_is_all_there_is(self) -> None:
        """After a rollout and a gradient step."""
        signal, drawn = self._alike(), self.draw()
        self._reward(signal, drawn)
        loss = signal.loss(drawn.learning())
        if loss is not None:
            _total(loss).backward()
            with torch.no_grad():
                for x in signal.parameters():
                    if x.grad is not None:
                        x.sub_(1e-3 * x.grad)
        self._train_model()
        signal.after_update(self.model)
        twin = self._alike(copied(signal))
        for _ in range(2):
            drawn = self.draw()
            one, two = self._reward(signal, drawn), self._reward(twin, drawn)
            _demand(
                torch.equal(one.reward, two.reward),
                "with the state of another loaded, the next reward differs: keep all "
                "state in parameters and persistent buffers",
            )
            self._train_model()
            signal.after_update(self.model)
            twin.after_update(self.model)

    def _train_model(self) -> None:
        """As far as signals notice it: its weights change."""
        with torch.no_grad():
            for x in self.model.parameters():
                x.add_(0.01 * torch.randn_like(x))


def _demand(condition: bool, message: str) -> None:
    if not condition:
        raise CuriosityContractError(message)


def _unscaled(signal: Curiosity) -> Curiosity:
    """The signal without its normalisers, which are no episode's own."""
    for module in list(signal.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, RewardScale):
                setattr(module, name, Unscaled())
            elif isinstance(part, Prioritizer):
                setattr(module, name, PayAll())
    return signal


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


def _near(one: Tensor, two: Tensor, slack: float = 0.0) -> bool:
    return torch.allclose(one, two, rtol=1e-3, atol=max(1e-4, slack))
