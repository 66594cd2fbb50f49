"""Which episodes an evaluation plays: others than training, the same for every run."""

SEED = 1_000_003
NUM_ENVS = 8
MAX_STEPS = 27_000  # half an hour of an Atari game; some worlds never end an episode
