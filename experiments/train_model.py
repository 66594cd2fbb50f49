"""`python -m experiments.train_model`: `curious train-model`, for torchrun, too."""

import sys

from experiments.config.program import run_as_program
from experiments.model.command import run

if __name__ == "__main__":
    sys.exit(run_as_program(run, sys.argv[1:]))
