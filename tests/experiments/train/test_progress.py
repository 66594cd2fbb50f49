"""`curious train` with learning progress: what is said, logged, and kept."""

from collections.abc import Callable
from typing import Any

from experiments.runs.folder import RunFolder

SMALL = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10")


def test_a_run_says_what_gamma_is_and_keeps_it(
    curious: Callable[..., Any], rows: Callable[[RunFolder], list[dict[str, Any]]]
) -> None:
    """Also one that goes on, whose budget is another."""
    done = curious(
        *("train", "gamma-progress", *SMALL, "--world", "key-door"),
        *("--env-steps", "160", "--video-steps", "0", "--curiosity.gamma", "0.75"),
        *("--curiosity.warm-start", "9", "--curiosity.yardstick.readout", "10"),
    )
    assert done.code == 0, done.err
    line = "gamma-progress: γ = 0.75, updates remembered = 4, "
    assert line in done.out
    assert "paid from model update = 9" in done.out
    [path] = [x for x in done.runs.iterdir() if x.is_dir()]
    assert "GammaProgress" in path.name
    again = curious("train", "--resume", str(path), "--env-steps", "320")
    assert again.code == 0, again.err
    assert line in again.out
    logged = [x["metrics"] for x in rows(RunFolder(path))]
    name = "intrinsic/gamma-progress"
    assert {x[f"{name}/memory"] for x in logged} == {0.75}
    assert all(x["loss/gamma-progress"] > 0 for x in logged)
    assert all(x[f"{name}/old_loss"] > 0 for x in logged)
    paid = [x[f"{name}/reward_std"] > 0 for x in logged]
    assert not paid[0]
    assert paid[-1]
    assert paid == sorted(paid)
