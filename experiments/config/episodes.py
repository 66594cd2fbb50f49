"""Which episodes an evaluation plays: others than training, the same for every run."""

SEED = 1_000_003
NUM_ENVS = 8
