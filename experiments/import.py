"""`python -m experiments.import`: the command of `experiments.data`."""

import sys

from experiments.config.program import run_as_program
from experiments.data.command import run

if __name__ == "__main__":
    sys.exit(run_as_program(run, sys.argv[1:]))
