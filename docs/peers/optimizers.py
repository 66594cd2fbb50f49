"""Optimisers and schedules of timm and lightly, beside ours on one small network.

`pip install --no-deps timm lightly torchvision huggingface_hub`; of torchvision, which
timm imports and CPU builds of PyTorch cannot load, only what is written in Python is
needed (`peers/vision.py`).
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from peers.vision import imported
from torch import nn, optim

from ssl_objectives import AdamWConfig, Cosine, LarsConfig, SgdConfig, set_rate
from ssl_objectives.learn.optimizer import OptimizerConfig

STEPS, WARM, RATE, DECAY = 20, 4, 0.4, 1e-2

Groups = list[dict[str, Any]]


def network() -> nn.Sequential:
    """A convolution, a batch norm and a linear layer, in float64."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(288, 5),
    ).double()


def trajectory(made: nn.Module, step: Callable[[int], None]) -> Iterator[torch.Tensor]:
    """All weights in a row, behind each of some steps on the same images."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(STEPS, 16, 3, 8, 8, generator=generator, dtype=torch.float64)
    for i in range(STEPS):
        made.zero_grad()
        made(images[i]).square().mean().backward()
        step(i)
        yield torch.cat([x.detach().flatten() for x in made.parameters()]).clone()


def apart(
    config: OptimizerConfig,
    theirs: Callable[[Groups], optim.Optimizer],
    rates: Callable[[optim.Optimizer], Callable[[int], None]],
) -> float:
    """The largest difference of a weight between ours and theirs, over all steps."""
    one, two = network(), network()
    mine = config.build(one)
    decaying = [x for x in two.parameters() if x.ndim > 1]
    spared = [x for x in two.parameters() if x.ndim <= 1]
    if all(group["weight_decay"] for group in mine.param_groups):
        decaying, spared = [*two.parameters()], []
    groups: Groups = [{"params": decaying, "weight_decay": DECAY}]
    groups += [{"params": spared, "weight_decay": 0.0}] if spared else []
    other = theirs(groups)
    set_theirs = rates(other)

    def ours(step: int) -> None:
        set_rate(mine, config.rate(step / STEPS))
        mine.step()

    def peers(step: int) -> None:
        set_theirs(step)
        other.step()

    pairs = zip(trajectory(one, ours), trajectory(two, peers), strict=True)
    return max(float((x - y).abs().max()) for x, y in pairs)


def compared() -> Iterator[dict[str, Any]]:
    """Each of ours beside each of theirs: largest difference over 20 steps."""
    lars = imported("timm.optim.lars").Lars
    lightly = imported("lightly.utils.lars").LARS
    cosine = imported("timm.scheduler.cosine_lr").CosineLRScheduler
    warm = imported("lightly.utils.scheduler").CosineWarmupScheduler

    def by_timm(optimizer: optim.Optimizer) -> Callable[[int], None]:
        highest = optimizer.param_groups[0]["lr"]
        made = cosine(
            optimizer,
            STEPS,
            warmup_t=WARM,
            warmup_lr_init=0.0,
            warmup_prefix=True,
            lr_min=0.001 * highest,
            t_in_epochs=False,
        )
        # its warm-up is not counted in the length of the cosine
        made.t_initial = STEPS - WARM
        return lambda step: made.step_update(step)

    fall = {"warm_up": WARM / STEPS, "fall": Cosine(0.001)}
    level = {"momentum": 0.9, "weight_decay": DECAY}
    for name, cls, more in (
        ("timm", lars, {"trust_coeff": 1e-3}),
        ("lightly", lightly, {"trust_coefficient": 1e-3}),
    ):
        yield {
            "ours": "LARS",
            "theirs": f"{name}'s, rates by timm's cosine",
            "apart": apart(
                LarsConfig(RATE, weight_decay=DECAY, **fall),
                lambda groups, cls=cls, more=more: cls(
                    groups, lr=RATE, momentum=0.9, **more
                ),
                by_timm,
            ),
        }
    yield {
        "ours": "SGD",
        "theirs": "torch's, rates by timm's cosine",
        "apart": apart(
            SgdConfig(RATE, **level, **fall),
            lambda groups: optim.SGD(groups, lr=RATE, momentum=0.9),
            by_timm,
        ),
    }
    yield {
        "ours": "AdamW",
        "theirs": "torch's, rates by timm's cosine",
        "apart": apart(
            AdamWConfig(RATE / 100, DECAY, **fall),
            lambda groups: optim.AdamW(groups, lr=RATE / 100),
            by_timm,
        ),
    }
    yield {
        "ours": "rates",
        "theirs": "lightly's warm-up and cosine, at its points",
        "apart": _rates(warm),
    }


def _rates(warm: Any) -> float:
    """Where lightly's has its rates: it counts from 1, and up to the last step."""
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = warm(optimizer, warmup_epochs=WARM, max_epochs=STEPS)
    ours = LarsConfig(1.0, warm_up=WARM / STEPS, fall=Cosine(0.001))
    found = []
    for step in range(STEPS):
        done = (step + 1) / STEPS
        if step >= WARM:
            fallen = (step - WARM) / (STEPS - WARM - 1)
            done = WARM / STEPS + (1 - WARM / STEPS) * fallen
        found.append(abs(ours.rate(done) - theirs.get_last_lr()[0]))
        optimizer.step()
        theirs.step()
    return max(found)
