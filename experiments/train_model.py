"""`python -m experiments.train_model`: `curious train-model`, for torchrun, too."""

import sys

from experiments.config.program import run_together
from experiments.model.command import run

if __name__ == "__main__":
    sys.exit(run_together(run, sys.argv[1:]))
