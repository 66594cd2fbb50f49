"""`python -m experiments.benchmark`."""

import sys

from experiments.benchmark.command import run
from experiments.config.program import run_as_program

sys.exit(run_as_program(run, sys.argv[1:]))
