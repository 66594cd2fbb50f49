"""`python -m experiments.train`."""

import sys

from experiments.config.program import run_as_program
from experiments.train.command import run

sys.exit(run_as_program(run, sys.argv[1:]))
