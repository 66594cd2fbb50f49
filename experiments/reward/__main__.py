"""`python -m experiments.reward`."""

import sys

from experiments.config.program import run_as_program
from experiments.reward.command import run

sys.exit(run_as_program(run, sys.argv[1:]))
