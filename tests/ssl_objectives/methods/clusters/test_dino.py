"""DINO against loops from its equations; its centre, schedules and both collapses."""

import math

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.check.objective import check_objective
from ssl_objectives.encoders.heads import Straight
from ssl_objectives.method import Method
from ssl_objectives.methods.clusters.dino import Dino, DinoConfig
from ssl_objectives.objective import Sizes, Views

N, D, K = 5, 4, 6
TWO_OF_THREE = ((0, 1), (1, 0), (2, 0), (2, 1))


def draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def crops(generator: torch.Generator, valid: Tensor | None = None) -> Views:
    """Two large crops and a small one, which is no target."""
    z = tuple(draw(generator, N, D) for _ in range(3))
    t = draw(generator, N, D), draw(generator, N, D), None
    return Views(z, z, t, TWO_OF_THREE, valid)


def there(rows: Tensor | None) -> Tensor:
    assert rows is not None
    return rows


def cosine(a: list[float], b: list[float]) -> float:
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))


def softmax(logits: list[float]) -> list[float]:
    most = max(logits)
    each = [math.exp(x - most) for x in logits]
    return [x / sum(each) for x in each]


class Naive:
    """The paper's pseudo-code, on lists; its teacher's last layer is given."""

    def __init__(self) -> None:
        self.center = [0.0] * K

    def loss(self, dino: Dino, views: Views, sharp: float) -> list[float]:
        """One value per row; moves the centre."""
        student = dino.prototypes.weight.tolist()
        [copy] = dino.copy.parameters()
        teacher = copy.tolist()
        said = {
            j: [[cosine(row, v) for v in teacher] for row in there(views.t[j]).tolist()]
            for j in (0, 1)
        }
        total = [0.0] * N
        for j in (0, 1):
            for i in range(3):
                if i == j:
                    continue
                for n in range(N):
                    q = softmax(
                        [
                            (x - c) / sharp
                            for x, c in zip(said[j][n], self.center, strict=True)
                        ]
                    )
                    row = there(views.p[i]).tolist()[n]
                    p = softmax([cosine(row, w) / 0.1 for w in student])
                    total[n] -= sum(a * math.log(b) for a, b in zip(q, p, strict=True))
        rows = said[0] + said[1]
        for k in range(K):
            mean = sum(x[k] for x in rows) / len(rows)
            self.center[k] = 0.9 * self.center[k] + 0.1 * mean
        return [x / 4 for x in total]


def test_several_steps_equal_loops_from_the_equations(
    generator: torch.Generator,
) -> None:
    sharp = (0.04, 0.05, 0.06, 0.07, 0.07)
    dino = Dino(D, K, target_temperature=(0.04, 0.07), warm_up=3, decay=0.9, steps=8)
    dino = dino.double()
    naive = Naive()
    for temperature in sharp:
        views = crops(generator)
        found = dino(views).per_sample
        want = naive.loss(dino, views, temperature)
        torch.testing.assert_close(found, torch.tensor(want).double())
        with torch.no_grad():  # as if the optimiser had been here
            dino.prototypes.weight.add_(0.1 * draw(generator, K, D))
        dino.observe(views)
        torch.testing.assert_close(dino.center, torch.tensor(naive.center).double())


def test_the_copy_follows_as_the_target_network_does(
    generator: torch.Generator,
) -> None:
    """Layer for layer by one decay, which rises to 1."""
    method = Method(DinoConfig(prototypes=K, freeze=0), projector=Straight(), decay=0.8)
    encoder = nn.Linear(3, D)
    branches: Branches = method.build(encoder, Sizes(D, steps=6))
    assert isinstance(branches.objective, Dino)
    assert branches.target is not None
    encoder_copy, _ = branches.target.parameters()
    followed = [encoder_copy, *branches.objective.copy.parameters()]
    moved = [encoder.weight, branches.objective.prototypes.weight]
    images = [torch.randn(N, 3, generator=generator) for _ in range(2)]
    for k in range(8):
        branches.loss(images)
        before = [x.clone() for x in followed]
        with torch.no_grad():
            for x in moved:
                x += torch.randn(x.shape, generator=generator)
        branches.after_update()
        away = 0.2 * (math.cos(math.pi * min(1.0, k / 6)) + 1) / 2
        for new, old, online in zip(followed, before, moved, strict=True):
            torch.testing.assert_close(new, old + away * (online - old))


def test_uniform_teachers_cost_log_k(generator: torch.Generator) -> None:
    nothing = torch.zeros(N, D)
    dino = Dino(D, K)
    loss = dino(Views.of(nothing, nothing))
    torch.testing.assert_close(loss.per_sample, torch.full((N,), math.log(K)))
    assert loss.metrics["dino/entropy"].item() == pytest.approx(math.log(K))
    assert loss.metrics["dino/spread"].item() == pytest.approx(math.log(K))
    # and of uniform students, whatever the teacher says
    said = torch.randn(N, D, generator=generator)
    loss = dino(Views((nothing,) * 2, (nothing,) * 2, (said,) * 2, ((0, 1), (1, 0))))
    torch.testing.assert_close(loss.per_sample, torch.full((N,), math.log(K)))


def test_the_centre_is_a_running_mean_in_closed_form(
    generator: torch.Generator,
) -> None:
    dino = Dino(D, K, center_decay=0.7, decay=0.0).double()
    views = crops(generator)
    said = torch.stack([dino.copy.network(views.t[j]) for j in (0, 1)])
    mean = said.mean((0, 1)).detach()
    for k in range(1, 6):
        dino.observe(views)
        torch.testing.assert_close(dino.center, (1 - 0.7**k) * mean)


def test_the_centre_keeps_one_prototype_from_winning_everywhere() -> None:
    """Rows that share a direction: without a centre all have one prototype."""
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(64, D, generator=generator)
    rows[:, 0] += 4.0
    views = Views.of(rows, rows)
    torch.manual_seed(0)
    dino = Dino(D, 16)
    first = dino(views).metrics["dino/spread"].item()
    for _ in range(60):
        dino.observe(views)
    centred = dino(views).metrics["dino/spread"].item()
    assert centred > first + 0.5


def test_rows_that_do_not_count_move_nothing(generator: torch.Generator) -> None:
    valid = torch.tensor([True, False, True, True, False])
    views = crops(generator, valid)
    torch.manual_seed(0)
    whole = Dino(D, K).double()
    torch.manual_seed(0)
    some = Dino(D, K).double()
    kept = tuple(None if x is None else x[valid] for x in views.z)
    aims = tuple(None if x is None else x[valid] for x in views.t)
    left = Views(kept, kept, aims, TWO_OF_THREE)
    for _ in range(2):
        torch.testing.assert_close(whole(views).mean(valid), some(left).mean())
        one, two = whole(views).metrics, some(left).metrics
        for name, x in one.items():
            torch.testing.assert_close(x, two[name])
        whole.observe(views)
        some.observe(left)
    torch.testing.assert_close(whole.center, some.center)


def test_prototypes_learn_when_they_are_thawed_and_their_copy_never(
    generator: torch.Generator,
) -> None:
    dino = Dino(D, K, freeze=2).double()
    for k in range(4):
        views = crops(generator)
        dino.zero_grad(set_to_none=True)
        first = there(views.p[0]).requires_grad_()
        dino(views).mean().backward()
        assert (dino.prototypes.weight.grad is not None) == (k >= 2)
        assert first.grad is not None
        assert first.grad.any()
        assert all(x.grad is None for x in dino.copy.parameters())
        dino.observe(views)


def test_the_teacher_warms_up_from_the_first_temperature_to_the_last(
    generator: torch.Generator,
) -> None:
    config = DinoConfig(
        K, first_target_temperature=0.02, target_temperature=0.08, warm_up=3
    )
    dino, found = config.build(Sizes(D)), []
    for _ in range(5):
        found.append(dino.target_temperature)
        dino.observe(Views.of(*torch.randn(2, N, D, generator=generator)))
    assert found == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.08])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prototypes": 0}, "at least one prototype"),
        ({"temperature": 0.0}, "temperature must be"),
        ({"first_target_temperature": -1.0}, "temperature must be"),
        ({"center_decay": 1.0}, "a decay must be"),
    ],
)
def test_settings_are_checked(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DinoConfig(**settings)  # type: ignore[arg-type]  # that is what is tested


def test_contract() -> None:
    check_objective(DinoConfig().build)
