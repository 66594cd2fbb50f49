"""Every method on one process with whole batches, then on two with half of each."""

import traceback
from collections.abc import Callable

import torch
from torch import Tensor

from ssl_objectives.distributed import average_gradients
from ssl_objectives.method import Method
from ssl_objectives.zoo import ZOO
from tests.ssl_objectives.launch import report_from
from tests.ssl_objectives.zoo.small import BATCH, Run, rows_of

Numbers = dict[str, Tensor]


def numbers(method: Method, rows: slice) -> Numbers:
    """Losses, gradients of two steps, and all state in the end, in float64.

    A third of the rows of the second batch do not count, and they are not shared evenly
    between the processes.
    """
    run = Run(method)
    run.branches.double()
    found: Numbers = {}
    parameters = dict(run.branches.named_parameters())
    for step in range(2):
        run.sweep()
        whole = run.batch()
        if step == 1:
            whole["valid"] = torch.arange(BATCH) >= BATCH // 3
        loss, _ = run.branches.loss(**rows_of(whole, rows))
        run.optimizer.zero_grad()
        loss.backward()
        average_gradients(parameters.values())
        found[f"{step} loss"] = loss.detach()
        for name, p in parameters.items():
            if p.grad is not None:
                found[f"{step} gradient of {name}"] = p.grad.clone()
        # plain descent: Adam would make much of a gradient that is 0 but for rounding
        with torch.no_grad():
            for p in parameters.values():
                if p.grad is not None:
                    p.sub_(1e-3 * p.grad)
        run.branches.after_update()
    for name, x in run.branches.state_dict().items():
        if isinstance(x, Tensor):
            found[f"state {name}"] = x.clone()
    return found


def each(make: Callable[[str, Method], object]) -> dict[str, object]:
    """For every method what came out, or what went wrong."""
    found: dict[str, object] = {}
    for name, method in ZOO.items():
        try:
            found[name] = make(name, method)
        except Exception:
            found[name] = traceback.format_exc()
    return found


def far_off(one: Numbers, two: Numbers) -> list[str]:
    """What differs by more than 1e-6 of its size."""
    if one.keys() != two.keys():
        return [f"only in one: {sorted(one.keys() ^ two.keys())}"]
    said = []
    for name, x in one.items():
        away = float((x.double() - two[name].double()).abs().max()) if x.numel() else 0
        size = float(x.double().abs().max()) if x.numel() else 0
        if not away <= 1e-6 * max(1.0, size):
            said.append(f"{name}: {away:.1e} off, of {size:.1e}")
    return said


def main() -> None:
    def alone() -> dict[str, object]:
        return each(lambda _, method: numbers(method, slice(None)))

    def together(rank: int, expected: dict[str, object]) -> dict[str, object]:
        half = slice(rank * BATCH // 2, (rank + 1) * BATCH // 2)

        def compare(name: str, method: Method) -> object:
            one = expected[name]
            return far_off(one, numbers(method, half)) if isinstance(one, dict) else one

        return each(compare)

    report_from(alone, together)


if __name__ == "__main__":
    main()
