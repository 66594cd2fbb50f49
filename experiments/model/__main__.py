"""`python -m experiments.model`: `curious train-model`."""

import sys

from experiments.config.program import run_as_program
from experiments.model.command import run

sys.exit(run_as_program(run, sys.argv[1:]))
