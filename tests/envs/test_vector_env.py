import pytest
import torch

from envs.vector_env import ContinuousActions, FactSpec
from tests.envs.probe_world import ProbeConfig
from tests.pretend.cuda import pretend_cuda

LOPSIDED = ContinuousActions((-0.5, 0.0, -0.1, 7.0), (0.5, 3.0, 0.1, 7.0))


def test_one_to_one_becomes_low_to_high() -> None:
    action = torch.tensor([[-1.0] * 4, [0.0] * 4, [1.0] * 4, [0.5] * 4])
    done = LOPSIDED.to_bounds(action)
    assert torch.equal(done[0], torch.tensor(LOPSIDED.low))
    assert torch.equal(done[2], torch.tensor(LOPSIDED.high))
    torch.testing.assert_close(done[1], torch.tensor([0.0, 1.5, 0.0, 7.0]))
    torch.testing.assert_close(done[3], torch.tensor([0.25, 2.25, 0.05, 7.0]))


def test_what_lies_outside_counts_as_the_nearer_end() -> None:
    beyond = torch.tensor([[5.0, float("-inf"), -7.0, 2.0]])
    ends = torch.tensor([[1.0, -1.0, -1.0, 1.0]])
    assert torch.equal(LOPSIDED.to_bounds(beyond), LOPSIDED.to_bounds(ends))


def test_there_and_back(generator: torch.Generator) -> None:
    action = 2 * torch.rand(5, 6, 4, generator=generator) - 1
    back = LOPSIDED.from_bounds(LOPSIDED.to_bounds(action))
    torch.testing.assert_close(back[..., :3], action[..., :3])
    assert not back[..., 3].any()  # bounds that are equal leave no choice
    outside = torch.tensor([9.0, -9.0, 0.0, 9.0])
    assert LOPSIDED.from_bounds(outside).tolist() == [1.0, -1.0, 0.0, 0.0]


def test_nothing_leaves_any_bounds(generator: torch.Generator) -> None:
    """Not by a rounding either, and not by overflow."""
    largest = float(torch.finfo(torch.float32).max)
    for low, high in ((-0.1, 0.1), (0.3, 0.7), (-largest, largest), (1e-8, 1.0)):
        space = ContinuousActions((low,), (high,))
        bounds = torch.tensor([low, high])
        action = 4 * torch.rand(10_000, 1, generator=generator) - 2
        done = space.to_bounds(action)
        assert done.isfinite().all()
        assert (done >= bounds[0]).all()
        assert (done <= bounds[1]).all()
        assert torch.equal(done.min(), bounds[0])
        assert torch.equal(done.max(), bounds[1])
        torch.testing.assert_close(
            space.from_bounds(done), action.clamp(-1, 1), atol=1e-5, rtol=0
        )


def test_gradients_pass() -> None:
    """Also through bounds that were first used where no gradients were taken."""
    space = ContinuousActions((-3.25,), (4.75,))
    with torch.inference_mode():
        space.to_bounds(torch.zeros(1))
    action = torch.tensor([[0.5], [9.0]], requires_grad=True)
    space.to_bounds(action).sum().backward()
    assert action.grad is not None
    assert action.grad.tolist() == [[4.0], [0.0]]


def test_bounds_are_sent_to_a_device_once() -> None:
    with pretend_cuda() as device:
        env = ProbeConfig().build(3, "cuda")
        env.reset(seed=0)
        action = torch.zeros(3, 2, device="cuda")
        env.step(action)
        assert {x.where.split(":")[0] for x in device.crossings} == {
            "envs/vector_env.py"
        }
        device.crossings.clear()
        for _ in range(3):
            env.step(action)
        assert not device.crossings


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ((), ()),
        ((0.0,), (1.0, 2.0)),
        ((2.0,), (1.0,)),
        ((-float("inf"),), (1.0,)),
        ((0.0,), (float("nan"),)),
    ],
)
def test_bounds_that_make_no_sense_are_refused(
    low: tuple[float, ...], high: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="bounds"):
        ContinuousActions(low, high)


@pytest.mark.parametrize("value", [0.1, 0.7, 1 / 3, -0.1, 7.0])
def test_where_bounds_are_equal_exactly_that_is_done(
    value: float, generator: torch.Generator
) -> None:
    """Envs that check their bounds refuse what misses them by a rounding."""
    action = 2 * torch.rand(10_000, 1, generator=generator) - 1
    done = ContinuousActions((value,), (value,)).to_bounds(action)
    assert torch.equal(done, torch.full_like(done, value))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.complex64])
def test_only_whole_numbers_have_names(dtype: torch.dtype) -> None:
    assert FactSpec((2,), dtype).names == ()
    with pytest.raises(ValueError, match="Only whole numbers can have names"):
        FactSpec((2,), dtype, ("one", "two"))
    assert FactSpec((2,), torch.uint8, ("one", "two")).names == ("one", "two")


@pytest.mark.parametrize("num_envs", [0, -1])
def test_there_is_at_least_one_env(num_envs: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {num_envs}"):
        ProbeConfig().build(num_envs, "cpu")
