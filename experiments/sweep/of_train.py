"""What a sweep has to know of `curious train`."""

from collections.abc import Sequence

from experiments.sweep.kind import Job, SweepKind, read_as


class TrainSweep(SweepKind):
    """Agents; a piece is a rollout."""

    unit = "env steps"
    pieces = "rollouts"

    def job(self, arguments: Sequence[str]) -> Job:
        """The budget, and the env steps of one rollout."""
        from experiments.train.command import read_arguments  # imports torch

        config = read_as("train", read_arguments, arguments)
        return Job(config.env_steps, config.num_envs * config.agent.ppo.num_steps)

    def trial(self, job: Job, pieces: int) -> list[str]:
        """Rollouts without evaluation, checkpoint or video."""
        env_steps = pieces * job.piece
        return [
            *("--env-steps", str(env_steps), "--checkpoint-every", str(2 * env_steps)),
            *("--evaluate-every", "0", "--video-steps", "0"),
        ]

    def run(self, arguments: Sequence[str]) -> int:
        """Train."""
        from experiments.train.command import run  # imports torch

        return run(arguments)
